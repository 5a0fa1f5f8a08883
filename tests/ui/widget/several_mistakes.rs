use shrine::prelude::*;

#[widget(id = "Counter", version = "one")]
#[migrate(from = "0.9.0", rename(count => totl), add(step), remove(old: &'static str))]
#[derive(Default)]
struct Counter {
    total: i64,
    step: i64,
    shared: std::rc::Rc<u8>,
    #[state(transiet)]
    cache: u8,
}

#[widget]
impl Counter {
    #[input]
    async fn add(&mut self, n: i64) {
        self.total += n;
    }

    #[every("soon")]
    fn tick(&mut self) {}

    #[view]
    fn view(&mut self) -> String {
        String::new()
    }
}

fn main() {}

use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[derive(Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {
    #[input]
    fn add(&mut self, n: i64, total: &mut Output<i64>) {
        self.total += ;
        total.send(self.total);
    }

    #[view]
    fn view(&self) -> String {
        self.total.to_string()
    }
}

fn main() {}

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
        self.total += n;
        total.send(self.total);
    }

    #[input]
    fn add(&mut self, text: String) {}

    fn reset(&mut self) {}

    #[every("1s")]
    fn reset(&mut self) {}
}

fn main() {}

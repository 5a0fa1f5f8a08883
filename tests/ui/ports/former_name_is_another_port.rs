use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[derive(Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {
    #[input(was = "plus")]
    fn add(&mut self, n: i64) {
        self.total += n;
    }

    #[input]
    fn plus(&mut self, n: i64) {
        self.total += n;
    }
}

fn main() {}

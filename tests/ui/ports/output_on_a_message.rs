use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[derive(Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {
    #[input]
    fn add(&mut self, #[output(was = "sum")] n: i64) {
        self.total += n;
    }

    fn helper(&self, #[output(was = "sum")] n: i64) -> i64 {
        self.total + n
    }
}

fn main() {}

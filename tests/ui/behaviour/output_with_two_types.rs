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
        total.send(n);
    }

    #[every("1s")]
    fn tick(&mut self, total: &mut Output<i32>) {
        total.send(1);
    }
}

fn main() {}

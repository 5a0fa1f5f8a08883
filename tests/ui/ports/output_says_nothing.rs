use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[derive(Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {
    #[input]
    fn add(&mut self, n: i64, #[output] total: &mut Output<i64>) {
        self.total += n;
        total.send(self.total);
    }
}

fn main() {}

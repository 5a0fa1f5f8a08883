use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[derive(Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {
    #[input]
    fn add<T: Into<i64>>(&mut self, n: T) {
        self.total += n.into();
    }
}

fn main() {}

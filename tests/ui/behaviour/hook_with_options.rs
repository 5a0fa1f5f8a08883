use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[derive(Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {
    #[after_update(once)]
    fn reopen(&mut self) {
        self.total += 1;
    }
}

fn main() {}

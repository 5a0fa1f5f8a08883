use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[derive(Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {
    #[after_update]
    fn reopen(&mut self, _: &UpdateContext) {}

    #[after_update]
    fn again(&mut self, _: &UpdateContext) {}
}

fn main() {}

use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[derive(Default)]
struct Counter {
    total: i64,
    #[state(transient)]
    shared: std::rc::Rc<u8>,
}

#[widget]
impl Counter {}

fn main() {}

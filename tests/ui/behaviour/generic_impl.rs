use shrine::prelude::*;

#[widget(id = "list", version = "1.0.0")]
#[derive(Default)]
struct List<T> {
    items: Vec<T>,
}

#[widget]
impl<T> List<T> {}

fn main() {}

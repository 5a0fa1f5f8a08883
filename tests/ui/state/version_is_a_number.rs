use shrine::prelude::*;

#[state(version = 2)]
#[derive(Debug, Clone, Default, PartialEq)]
struct Item {
    text: String,
}

#[widget(id = "counter", version = 1.0)]
#[derive(Debug, Clone, Default)]
struct Counter {
    items: Vec<Item>,
}

#[widget]
impl Counter {}

fn main() {}

use shrine::prelude::*;

#[state]
struct Node {
    parent: std::sync::Arc<u8>,
    children: Vec<std::rc::Weak<u8>>,
    value: std::cell::RefCell<u8>,
}

fn main() {}

use shrine::prelude::*;

#[state]
struct Button {
    on_click: Option<Box<dyn Fn()>>,
    callback: fn(u8) -> u8,
}

fn main() {}

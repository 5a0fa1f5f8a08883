use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.9.0", rename(count => totl), add(step), change(total: i32, sideways = 1))]
#[migrate(from = "0.9.5", remove(step: Box<dyn Fn()>))]
#[migrate(form = "0.7.0")]
#[derive(Default)]
struct Counter {
    total: i64,
    step: i64,
}

#[widget]
impl Counter {}

fn main() {}

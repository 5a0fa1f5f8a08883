use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[derive(Default)]
struct Counter(i64, i64);

#[widget]
impl Counter {}

fn main() {}

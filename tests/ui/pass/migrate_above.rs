//! `#[migrate]` works above `#[widget]` too, in the order in which it is written.

use shrine::prelude::*;

#[migrate(from = "0.9.0", rename(count => total))]
#[migrate(from = "0.8.0", rename(n => count))]
#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.7.0", rename(m => n))]
#[derive(Debug, Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {}

fn main() {
    let old = (CounterV0_9_0 { count: 1 }, CounterV0_8_0 { n: 1 }, CounterV0_7_0 { m: 1 });
    println!("{old:?}");
}

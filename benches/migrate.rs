//! States of older versions, carried to the newest: the chain that `#[migrate]` generates against serde types and moves
//! that are written by hand. Both read the same MessagePack.
//!
//! `cargo bench -p shrine-benches --bench migrate`

use std::hint::black_box;

use shrine::prelude::*;
use shrine::state::codec::Decoder;
use shrine::state::step::{Chain, StepContext};
use shrine_benches::{heading, side_by_side};

#[path = "migrate/by_hand.rs"]
mod by_hand;

/// The widget, with five releases behind it.
#[widget(id = "order", version = "6.0.0")]
#[migrate(from = "5.0.0", rename(comment => note))]
#[migrate(from = "4.0.0", change(quantity: u32))]
#[migrate(from = "3.0.0", remove(legacy: String), add(first = |old| word(&old.legacy, 0), last = |old| word(&old.legacy, 1)))]
#[migrate(from = "2.0.0", add(express = false))]
#[migrate(from = "1.0.0", rename(amount => quantity), add(comment = String::new()))]
#[derive(Debug, Clone, Default, PartialEq)]
struct Order {
    id: u64,
    quantity: u64,
    price: f64,
    note: String,
    first: String,
    last: String,
    express: bool,
    lines: Vec<Line>,
    tags: Vec<String>,
    address: Option<String>,
}

#[state]
#[derive(Debug, Clone, Default, PartialEq)]
struct Line {
    text: String,
    count: u32,
    price: f64,
}

#[widget]
impl Order {}

fn word(text: &str, index: usize) -> String {
    text.split(' ').nth(index).unwrap_or_default().to_owned()
}

fn main() {
    heading("serde by hand");
    for (lines, instances) in [(0, 10_000), (10, 3_000), (100, 300)] {
        let order = Order { lines: vec![line(); lines], tags: vec!["tag".to_owned(); 3], ..Order::default() };
        for (version, hops) in [("6.0.0", 0), ("5.0.0", 1), ("1.0.0", 5)] {
            let bytes = encoded(&order, version);
            let ours = || {
                for _ in 0..instances {
                    let mut context = StepContext::default();
                    let order = Order::load(version, &mut Decoder::new(&bytes), &mut context);
                    black_box(order.expect("loads"));
                }
            };
            let theirs = || {
                for _ in 0..instances {
                    black_box(by_hand::load(version, &bytes));
                }
            };
            side_by_side(&format!("{instances} instances of {lines} lines, {hops} hops"), 15, ours, theirs);
        }
    }
}

fn line() -> Line {
    Line { text: "a line of an order".to_owned(), count: 3, price: 9.5 }
}

/// The state as that version wrote it.
fn encoded(order: &Order, version: &str) -> Vec<u8> {
    let mut out = shrine::state::codec::Encoder::new();
    order.clone().store(version, &mut out, &mut StepContext::default()).expect("steps down");
    out.finish().expect("encodes")
}

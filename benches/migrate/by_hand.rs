//! What one writes without macros: a serde type for each version, and the moves between them.

#![expect(dead_code, reason = "what is read is what is measured")]

use serde::Deserialize;

macro_rules! versions {
    ($($name:ident { $($field:ident: $type:ty),* $(,)? })*) => { $(
        #[derive(Deserialize)]
        pub(crate) struct $name { $(pub(crate) $field: $type),* }
    )* };
}

versions! {
    Order1 { id: u64, amount: u32, price: f64, legacy: String, lines: Vec<Line>, tags: Vec<String>, address: Option<String> }
    Order2 { id: u64, quantity: u32, price: f64, comment: String, legacy: String, lines: Vec<Line>, tags: Vec<String>, address: Option<String> }
    Order3 { id: u64, quantity: u32, price: f64, comment: String, legacy: String, express: bool, lines: Vec<Line>, tags: Vec<String>, address: Option<String> }
    Order4 { id: u64, quantity: u32, price: f64, comment: String, first: String, last: String, express: bool, lines: Vec<Line>, tags: Vec<String>, address: Option<String> }
    Order5 { id: u64, quantity: u64, price: f64, comment: String, first: String, last: String, express: bool, lines: Vec<Line>, tags: Vec<String>, address: Option<String> }
    Order6 { id: u64, quantity: u64, price: f64, note: String, first: String, last: String, express: bool, lines: Vec<Line>, tags: Vec<String>, address: Option<String> }
    Line { text: String, count: u32, price: f64 }
}

pub(crate) fn load(version: &str, bytes: &[u8]) -> Order6 {
    match version {
        "6.0.0" => read(bytes),
        "5.0.0" => six(read(bytes)),
        _ => six(five(four(three(two(read(bytes)))))),
    }
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> T {
    rmp_serde::from_slice(bytes).expect("reads")
}

fn two(Order1 { id, amount, price, legacy, lines, tags, address }: Order1) -> Order2 {
    Order2 { id, quantity: amount, price, comment: String::new(), legacy, lines, tags, address }
}

fn three(Order2 { id, quantity, price, comment, legacy, lines, tags, address }: Order2) -> Order3 {
    Order3 { id, quantity, price, comment, legacy, express: false, lines, tags, address }
}

fn four(Order3 { id, quantity, price, comment, legacy, express, lines, tags, address }: Order3) -> Order4 {
    let (first, last) = (super::word(&legacy, 0), super::word(&legacy, 1));
    Order4 { id, quantity, price, comment, first, last, express, lines, tags, address }
}

fn five(
    Order4 { id, quantity, price, comment, first, last, express, lines, tags, address }: Order4,
) -> Order5 {
    Order5 { id, quantity: quantity.into(), price, comment, first, last, express, lines, tags, address }
}

fn six(
    Order5 { id, quantity, price, comment, first, last, express, lines, tags, address }: Order5,
) -> Order6 {
    Order6 { id, quantity, price, note: comment, first, last, express, lines, tags, address }
}

//! Messages through a connection, against a `VecDeque` of the same messages in the same encoding.
//!
//! What goes through the graph is handled by a widget behind the C boundary, with panics caught and the state kept for
//! recovery; what goes through the deque is decoded and added up in the same function.
//!
//! `cargo bench -p shrine-benches --bench messages`

use std::collections::VecDeque;
use std::hint::black_box;

use shrine::prelude::*;
use shrine::registry::{ConnectOptions, Policy, Registry};
use shrine::state::{from_bytes, to_bytes};
use shrine_benches::{heading, side_by_side};

/// Sends as many messages as it is asked for.
#[widget(id = "source", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct Source {}

#[widget]
impl Source {
    #[input]
    fn numbers(&mut self, count: u64, out: &mut Output<u64>) {
        (0..count).for_each(|n| out.send(n));
    }

    #[input]
    fn lines(&mut self, count: u64, text: &mut Output<Line>) {
        (0..count).for_each(|n| text.send(line(n)));
    }
}

/// Adds up what it gets.
#[widget(id = "sink", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct Sink {
    sum: u64,
}

#[widget]
impl Sink {
    #[input]
    fn number(&mut self, n: u64) {
        self.sum = self.sum.wrapping_add(n);
    }

    #[input]
    fn line(&mut self, line: Line) {
        self.sum = self.sum.wrapping_add(line.number + line.text.len() as u64);
    }
}

#[state]
#[derive(Debug, Clone, Default, PartialEq)]
struct Line {
    number: u64,
    text: String,
    tags: Vec<String>,
}

fn line(number: u64) -> Line {
    Line { number, text: "what a line of a log looks like".to_owned(), tags: vec!["info".to_owned(); 3] }
}

/// How many messages go through in one measurement.
const MESSAGES: u64 = 20_000;

fn main() -> Result<(), BoxError> {
    heading("a VecDeque");
    for policy in [Policy::Manual, Policy::Message] {
        let mut registry = registry(policy)?;
        let name = format!("u64, history {}", if policy == Policy::Manual { "manual" } else { "message" });
        side_by_side(&name, 21, || through(&mut registry, "source.numbers"), || deque(|n| n, |n| n));
        let name = format!(
            "struct of 4 strings, history {}",
            if policy == Policy::Manual { "manual" } else { "message" }
        );
        side_by_side(
            &name,
            21,
            || through(&mut registry, "source.lines"),
            || deque(line, |line: Line| line.number + line.text.len() as u64),
        );
    }
    Ok(())
}

fn registry(policy: Policy) -> Result<Registry, BoxError> {
    let mut registry = Registry::new();
    registry.link::<Source>()?;
    registry.link::<Sink>()?;
    for name in ["source", "sink"] {
        registry.create(name, name)?;
        registry.set_history(name, policy)?;
    }
    let options = || ConnectOptions::stream().capacity(1 << 20);
    registry.connect_with("source.out", "sink.number", options())?;
    registry.connect_with("source.text", "sink.line", options())?;
    Ok(registry)
}

fn through(registry: &mut Registry, port: &str) {
    registry.send(port, &MESSAGES).expect("is there");
    while registry.poll() > 0 {}
}

fn deque<T: shrine::State>(make: impl Fn(u64) -> T, add: impl Fn(T) -> u64) {
    let mut queue = VecDeque::new();
    for n in 0..MESSAGES {
        queue.push_back(to_bytes(&black_box(make(n))).expect("encodes"));
    }
    let mut sum = 0_u64;
    while let Some(bytes) = queue.pop_front() {
        sum = sum.wrapping_add(add(from_bytes(&bytes).expect("decodes")));
    }
    black_box(sum);
}

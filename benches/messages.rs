//! Messages through a connection, against a `VecDeque` of the same messages in the same encoding.
//!
//! What goes through the graph is handled by a widget behind the C boundary, with panics caught and the state kept for
//! recovery after each message. What goes through the deque is encoded, pushed, popped, decoded and handed to a handler,
//! which is called through a pointer, as code that can be replaced has to be, and nothing else. Like a connection, the deque
//! is kept from one measurement to the next.
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
        let (mut sum, mut queue) = (0_u64, VecDeque::new());
        let mut add = |n: u64| sum = sum.wrapping_add(n);
        side_by_side(
            &name,
            21,
            || through(&mut registry, "source.numbers"),
            || deque(&mut queue, |n| n, &mut add),
        );
        let name = format!(
            "struct of 4 strings, history {}",
            if policy == Policy::Manual { "manual" } else { "message" }
        );
        let mut add = |line: Line| sum = sum.wrapping_add(line.number + line.text.len() as u64);
        side_by_side(
            &name,
            21,
            || through(&mut registry, "source.lines"),
            || deque(&mut queue, line, &mut add),
        );
        black_box(sum);
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

fn deque<T: shrine::State>(
    queue: &mut VecDeque<Vec<u8>>,
    make: impl Fn(u64) -> T,
    handler: &mut dyn FnMut(T),
) {
    let handler = black_box(handler);
    for n in 0..MESSAGES {
        queue.push_back(to_bytes(&black_box(make(n))).expect("encodes"));
    }
    while let Some(bytes) = queue.pop_front() {
        handler(from_bytes(&bytes).expect("decodes"));
    }
}

//! The widget to begin with. Run `cargo shrine watch examples/counter`, type `send counter.add 5`, then edit this file.
//!
//! Things to try while it runs: change what `view` says; change `n * self.step`; add a field; put a semicolon where it
//! hurts; raise the version and leave the `#[migrate]` line out. Whatever happens, the count stays.

use shrine::prelude::*;

/// Adds up what arrives on `add`, a step at a time.
#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.9.0", rename(count => total), add(step = 1))]
#[migrate(from = "0.8.0", change(count: i32), remove(title: String), add(label = |old| old.title.to_uppercase()))]
#[derive(Debug, Clone, PartialEq)]
pub struct Counter {
    /// The sum so far.
    pub total: i64,
    /// What each message is multiplied by.
    pub step: i64,
    /// What the view calls it.
    pub label: String,
}

impl Default for Counter {
    fn default() -> Self {
        Self { total: 0, step: 1, label: "COUNT".to_owned() }
    }
}

#[widget]
impl Counter {
    /// Adds a number and tells the new total.
    #[input]
    fn add(&mut self, n: i64, total: &mut Output<i64>) {
        self.total += n * self.step;
        total.send(self.total);
    }

    /// Starts anew.
    #[input]
    fn reset(&mut self, total: &mut Output<i64>) {
        self.total = 0;
        total.send(self.total);
    }

    #[view]
    fn view(&self) -> String {
        format!("{}: {}", self.label, self.total)
    }
}

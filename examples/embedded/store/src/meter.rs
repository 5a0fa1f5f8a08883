//! Counts requests.

use std::collections::BTreeMap;

use shrine::prelude::*;

use crate::{Answer, Reply};

/// How often each command was used, and how busy it is.
#[widget(id = "meter", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Meter {
    /// By the names of the commands.
    pub uses: BTreeMap<String, u64>,
    /// How many requests there were in this second so far.
    pub now: u64,
    /// How many there were in the second before.
    pub rate: u64,
}

#[widget]
impl Meter {
    /// Counts an answer and passes it on. All of them come this way, so they stay in order.
    #[input]
    fn pass(&mut self, answer: Answer, reply: &mut Output<Reply>) {
        let Answer { client, command, text } = answer;
        let last = command == "QUIT";
        // What nobody knows is one entry, however many words clients make up.
        let known = ["SET", "GET", "DEL", "INCR", "KEYS", "STATS", "QUIT"].contains(&command.as_str());
        *self.uses.entry(if known { command } else { "?".to_owned() }).or_default() += 1;
        self.now += 1;
        reply.send(Reply { client, text: text.unwrap_or_else(|| self.text()), last });
    }

    #[every("1s")]
    fn tick(&mut self) {
        self.rate = std::mem::take(&mut self.now);
    }

    #[view]
    fn view(&self) -> String {
        self.text()
    }
}

impl Meter {
    fn text(&self) -> String {
        let uses: String = self.uses.iter().map(|(command, times)| format!("{command} {times}, ")).collect();
        format!("{uses}{} in the last second", self.rate)
    }
}

//! Tells people and programs what happens.

mod human;
mod json;

use std::io::{self, Stdout, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shrine::event::Event;

use crate::run::Audience;
pub use human::{Human, Style};
pub use json::Json;

/// Text for people on one stream, and JSON for programs on another.
pub struct Report<E: Write, O: Write = Stdout> {
    human: Human<E>,
    json: Option<Json<O>>,
    broken: Option<io::Error>,
}

impl<E: Write, O: Write> Report<E, O> {
    /// Reports to people, and to a program if there is one.
    #[must_use]
    pub fn new(human: Human<E>, json: Option<Json<O>>) -> Self {
        Self { human, json, broken: None }
    }

    /// Why the program that reads the JSON is not told any more.
    #[must_use]
    pub fn broken(&self) -> Option<&io::Error> {
        self.broken.as_ref()
    }

    /// Where a program reads JSON, if one does.
    #[must_use]
    pub fn reader(&self) -> Option<&O> {
        self.json.as_ref().map(Json::output)
    }

    /// The first line.
    pub fn banner(&mut self, packages: &[&str], files: usize, has_keys: bool) {
        self.human.banner(packages, files, has_keys);
    }
}

/// A report that several threads write to: an event at a time.
pub struct Shared<R>(Arc<Mutex<R>>);

impl<R> Shared<R> {
    /// Shares a report.
    #[must_use]
    pub fn new(report: R) -> Self {
        Self(Arc::new(Mutex::new(report)))
    }

    /// The report, for this thread alone until the guard is dropped. It must not be kept over a call into a widget,
    /// which may never return.
    pub fn lock(&self) -> MutexGuard<'_, R> {
        // At worst a line of text was left unfinished.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R> Clone for Shared<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R: Audience> Audience for Shared<R> {
    fn event(&mut self, event: &Event) {
        self.lock().event(event);
    }

    fn show(&mut self, rendered: &str) {
        self.lock().show(rendered);
    }

    fn note(&mut self, verb: &str, text: &str) {
        self.lock().note(verb, text);
    }

    fn building(&mut self) {
        self.lock().building();
    }

    fn progress(&mut self, line: &str) {
        self.lock().progress(line);
    }

    fn help(&mut self) {
        self.lock().help();
    }
}

impl<E: Write, O: Write> Audience for Report<E, O> {
    fn event(&mut self, event: &Event) {
        if matches!(event, Event::Built { .. } | Event::Linking { .. }) && !self.human.says_why() {
            return;
        }
        self.human.event(event);
        if self.broken.is_none()
            && let Some(json) = &mut self.json
        {
            self.broken = json.event(event).err();
        }
    }

    fn show(&mut self, rendered: &str) {
        self.human.show(rendered);
    }

    fn note(&mut self, verb: &str, text: &str) {
        self.human.note(verb, text);
    }

    fn building(&mut self) {
        self.human.building();
    }

    fn progress(&mut self, line: &str) {
        self.human.progress(line);
    }

    fn help(&mut self) {
        self.human.help();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_thread_tells_while_the_first_one_is_elsewhere() {
        let report = Report::new(Human::new(Vec::new(), Style::default()), Some(Json::new(Vec::new())));
        let shared = Shared::new(report);
        let mut other = shared.clone();
        let stuck = |n| Event::Stuck { instance: format!("i{n}"), call: "add".into(), seconds: n };
        std::thread::scope(|scope| {
            scope.spawn(|| (0..500).for_each(|n| other.event(&stuck(n))));
            let mut here = shared.clone();
            (500..1000).for_each(|n| here.event(&stuck(n)));
        });
        let guard = shared.lock();
        let text = String::from_utf8_lossy(guard.reader().map_or(&[][..], Vec::as_slice));
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let seqs = lines.iter().filter_map(|line| line["seq"].as_u64());
        assert!(seqs.eq(1..=1000), "each line is whole, and numbered in the order of the lines");
    }
}

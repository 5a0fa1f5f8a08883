//! Tells people and programs what happens.

mod human;
mod json;

use std::io::{self, Stdout, Write};

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

impl<E: Write, O: Write> Audience for Report<E, O> {
    fn event(&mut self, event: &Event) {
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

//! Those who come through a door: they ask for one thing, and hear what follows from it.

use std::sync::mpsc::Sender;

use shrine::event::Event;

use super::Audience;

/// Somebody with a command.
pub(super) struct Visitor {
    pub(super) line: String,
    pub(super) reply: Sender<Event>,
}

impl Visitor {
    /// Says that nothing can be done for them.
    pub(super) fn send_away(self) {
        let reason = "nothing runs yet: the first build failed".to_owned();
        let help = Some("mend what the compiler says, and ask again".to_owned());
        let command = self.line.trim().to_owned();
        // A visitor who is gone does not want to know.
        drop(self.reply.send(Event::Error { command, reason, help }));
    }
}

/// The audience, and a visitor who hears the events too.
pub(super) struct Overheard<'a> {
    pub(super) audience: &'a mut dyn Audience,
    pub(super) reply: Sender<Event>,
}

impl Audience for Overheard<'_> {
    fn event(&mut self, event: &Event) {
        drop(self.reply.send(event.clone()));
        self.audience.event(event);
    }

    fn show(&mut self, rendered: &str) {
        self.audience.show(rendered);
    }

    fn note(&mut self, verb: &str, text: &str) {
        self.audience.note(verb, text);
    }

    fn building(&mut self) {
        self.audience.building();
    }

    fn progress(&mut self, line: &str) {
        self.audience.progress(line);
    }

    fn help(&mut self) {
        self.audience.help();
    }
}

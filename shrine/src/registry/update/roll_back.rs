//! Bringing everything back to where it was.

use super::transaction::Transaction;
use crate::abi::handle::{Handle, Hook};
use crate::event::Event;

impl Transaction<'_> {
    /// Ends the new instances and brings the old ones back to where they were.
    pub(super) fn roll_back(&mut self) {
        for index in 0..self.parts.len() {
            self.end_new(index);
        }
        for index in (0..self.parts.len()).rev() {
            self.bring_back(index);
        }
    }

    /// Ends a new instance; one that has begun to work is told.
    fn end_new(&mut self, index: usize) {
        let part = &mut self.parts[index];
        let Some(mut carried) = part.carried.take() else { return };
        if !part.resumed || carried.handle.is_poisoned() {
            return;
        }
        let instance = &self.registry.graph.instances[part.at].id;
        let guard = self.registry.watchdog.enter(instance, "stopped");
        let result = carried.handle.stopped();
        drop(guard);
        if let Err(error) = result {
            let (instance, port) = (instance.clone(), "stopped".to_owned());
            self.registry.log(Event::Fault { instance, port, reason: error.to_string() });
        }
    }

    /// Brings an old instance back to where it was. One that had to be put back begins anew.
    fn bring_back(&mut self, index: usize) {
        let part = &self.parts[index];
        let instance = &mut self.registry.graph.instances[part.at];
        let was_down = instance.handle.is_none() && !part.hooked;
        if was_down {
            return;
        }
        // Where it could not be encoded, what was recorded last.
        let untouched = part.untouched.clone().unwrap_or_else(|| instance.last_state());
        let mut trouble = Vec::new();
        let mut is_anew = false;
        if instance.handle.as_ref().is_none_or(Handle::is_poisoned) {
            instance.handle = None;
            trouble.extend(instance.rebuild(&untouched).err());
            is_anew = true;
        }
        if part.hooked {
            let context = part.context(instance, self.next.generation);
            if let Some(handle) = &mut instance.handle {
                let guard = self.registry.watchdog.enter(&instance.id, "update_failed");
                trouble.extend(handle.hook(Hook::UpdateFailed, &context).err());
                drop(guard);
            }
            let same = instance.snapshot().is_ok_and(|snapshot| snapshot.state == untouched.state);
            if !same {
                match instance.decode(&untouched) {
                    Ok((handle, attic)) if is_anew => instance.install(handle, attic),
                    Ok((handle, attic)) => self.registry.replace(part.at, handle, attic),
                    Err(error) => trouble.push(error),
                }
                is_anew = true;
            }
        }
        let id = self.registry.graph.instances[part.at].id.clone();
        for error in trouble {
            let (port, reason) = ("update_failed".to_owned(), error.to_string());
            self.registry.log(Event::Fault { instance: id.clone(), port, reason });
        }
        if is_anew {
            self.registry.started(self.parts[index].at);
        }
    }
}

//! `#[started]` and `#[stopped]`: what an instance does where it begins and ends other than by an update.
//!
//! An instance that begins is told by one of `started` and `after_update`, and one that ends by one of `stopped` and
//! `before_update`. Only one that has panicked cannot be told: nothing but its destructor runs.

use super::Registry;
use crate::abi::handle::{CallError, Handle};
use crate::event::Event;
use crate::state::attic::Attic;

impl Registry {
    /// Tells an instance that it has begun to run. What comes of it is reported, and changes nothing else: an instance
    /// that panics here is put back as it was before, and not told again.
    pub(super) fn started(&mut self, at: usize) {
        let result = self.tell(at, "started", Handle::started);
        if let Err(error) = result {
            self.restore_after(at, "started", &error);
        }
    }

    /// Tells an instance that it ends. The caller ends it, whatever comes of this.
    pub(super) fn stopped(&mut self, at: usize) {
        let result = self.tell(at, "stopped", Handle::stopped);
        if let Err(error) = result {
            let instance = self.graph.instances[at].id.clone();
            self.log(Event::Fault { instance, port: "stopped".to_owned(), reason: error.to_string() });
        }
    }

    /// Puts another instance in place of the one that runs. The caller calls [`started`](Self::started) once history
    /// and graph say what they are to say of it.
    pub(super) fn replace(&mut self, at: usize, handle: Handle, attic: Attic) {
        self.stopped(at);
        self.graph.instances[at].install(handle, attic);
    }

    fn tell(
        &mut self,
        at: usize,
        hook: &str,
        call: impl FnOnce(&mut Handle) -> Result<(), CallError>,
    ) -> Result<(), CallError> {
        let instance = &mut self.graph.instances[at];
        match &mut instance.handle {
            Some(handle) if !handle.is_poisoned() && handle.module().has_hook(hook) => {
                let _guard = self.watchdog.enter(&instance.id, hook);
                let result = call(handle);
                // It may have changed the state.
                instance.set_recorded(false);
                result
            }
            _ => Ok(()),
        }
    }
}

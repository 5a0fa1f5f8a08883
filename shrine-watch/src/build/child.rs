//! Processes that end together with all that they have started.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, setpriority_process, waitid};

/// Ends the processes of a build, from any thread.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    cancelled: bool,
    /// Invariant: each of these groups has a leader that nobody has waited for yet, so its number is not another's.
    groups: Vec<Pid>,
}

impl Cancel {
    /// Kills what runs, and lets nothing more start.
    pub fn cancel(&self) {
        let mut state = self.lock();
        state.cancelled = true;
        for group in &state.groups {
            // It fails when all of the group have ended already, which is what is wanted.
            let _ = kill_process_group(*group, Signal::KILL);
        }
    }

    /// Whether [`Cancel::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// Starts a process as the leader of a group of its own; `None` after [`Cancel::cancel`].
    pub(super) fn spawn(&self, mut command: Command) -> io::Result<Option<Running>> {
        let mut state = self.lock();
        if state.cancelled {
            return Ok(None);
        }
        let child = command.process_group(0).spawn()?;
        let group = Pid::from_child(&child);
        state.groups.push(group);
        drop(state);
        Ok(Some(Running { child, group, cancel: self.clone() }))
    }

    /// Takes over a process that another one would have ended; `None` after [`Cancel::cancel`].
    pub(super) fn adopt(&self, mut running: Running) -> Option<Running> {
        let mut state = self.lock();
        if state.cancelled {
            drop(state);
            return None;
        }
        state.groups.push(running.group);
        drop(state);
        let before = std::mem::replace(&mut running.cancel, self.clone());
        before.lock().groups.retain(|group| *group != running.group);
        Some(running)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process that does not outlive this value.
#[derive(Debug)]
pub(super) struct Running {
    /// The process, for its pipes.
    pub(super) child: Child,
    group: Pid,
    cancel: Cancel,
}

impl Running {
    /// Lets all other processes go first.
    pub(super) fn yield_to_others(&self) {
        // One that has ended needs no time.
        let _ = setpriority_process(Some(self.group), 19);
    }

    /// What it says until its end, on both of its pipes.
    pub(super) fn output(mut self) -> io::Result<Output> {
        let pipes = (self.child.stdout.take(), self.child.stderr.take());
        let (stdout, stderr) = std::thread::scope(|scope| {
            let stderr = scope.spawn(move || read(pipes.1));
            let stdout = read(pipes.0);
            (stdout, stderr.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())))
        });
        Ok(Output { stdout: stdout?, stderr: stderr?, status: self.wait()? })
    }

    /// Waits for its end.
    pub(super) fn wait(mut self) -> io::Result<ExitStatus> {
        // Waits without reaping: until the lock is held, a cancel may still signal this group by its number.
        waitid(WaitId::Pid(self.group), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
        let mut state = self.cancel.lock();
        state.groups.retain(|group| *group != self.group);
        self.child.wait()
    }
}

fn read(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.cancel.lock();
        if state.groups.contains(&self.group) {
            state.groups.retain(|group| *group != self.group);
            let _ = kill_process_group(self.group, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        command
    }

    #[test]
    fn cancelling_ends_grandchildren_too() {
        let cancel = Cancel::default();
        let mut running = cancel.spawn(shell("sleep 1000 & echo started; wait")).unwrap().unwrap();
        let mut output = running.child.stdout.take().unwrap();
        let mut started = [0; 8];
        output.read_exact(&mut started).unwrap();
        cancel.cancel();
        // The pipe ends when its last writer, the grandchild, has ended.
        output.read_to_end(&mut Vec::new()).unwrap();
        assert!(!running.wait().unwrap().success());
    }

    #[test]
    fn cancelling_ends_all_that_run_at_once() {
        let cancel = Cancel::default();
        let running: Vec<_> = (0..3).map(|_| cancel.spawn(shell("sleep 1000")).unwrap().unwrap()).collect();
        cancel.cancel();
        for running in running {
            assert!(!running.wait().unwrap().success());
        }
    }

    #[test]
    fn nothing_starts_after_a_cancel() {
        let cancel = Cancel::default();
        cancel.cancel();
        assert!(cancel.spawn(shell("exit 0")).unwrap().is_none());
    }

    #[test]
    fn who_has_taken_a_process_over_ends_it() {
        let (first, second) = (Cancel::default(), Cancel::default());
        let running = first.spawn(shell("sleep 1000")).unwrap().unwrap();
        let running = second.adopt(running).unwrap();
        first.cancel();
        assert!(running.child.id() > 0 && first.lock().groups.is_empty());
        second.cancel();
        assert!(!running.wait().unwrap().success());
        let third = Cancel::default().spawn(shell("sleep 1000")).unwrap().unwrap();
        assert!(second.adopt(third).is_none());
    }

    #[test]
    fn a_dropped_process_is_killed() {
        let mut running = Cancel::default().spawn(shell("sleep 1000")).unwrap().unwrap();
        let mut output = running.child.stdout.take().unwrap();
        drop(running);
        assert_eq!(output.read_to_end(&mut Vec::new()).unwrap(), 0);
    }
}

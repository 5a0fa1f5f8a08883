//! SIGINT, SIGTERM and SIGHUP.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::error::Error;
use crate::exit::ExitCode;

/// The first signal calls `ask`; the second one, or the first when `ask` says that nobody listens, ends the process at
/// once, after `cancel`.
pub(super) fn listen(
    mut ask: impl FnMut() -> bool + Send + 'static,
    cancel: impl Fn() + Send + 'static,
) -> Result<(), Error> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|error| Error::io("listen for signals", error))?;
    std::thread::spawn(move || {
        let mut signals = signals.forever();
        if signals.next().is_some() && ask() {
            signals.next();
        }
        cancel();
        std::process::exit(i32::from(ExitCode::Interrupted.code()));
    });
    Ok(())
}

/// Any signal ends the process, after `cancel`.
pub(super) fn end_at_once(cancel: impl Fn() + Send + 'static) -> Result<(), Error> {
    listen(|| false, cancel)
}

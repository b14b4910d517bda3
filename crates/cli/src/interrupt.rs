//! Ctrl-C and similar signals (SIGINT, SIGTERM, SIGHUP): the first one requests a stop, the second one ends the
//! program.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Exit, terminal};

static ASKED: AtomicBool = AtomicBool::new(false);

/// The signals cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch for Ctrl-C")]
pub struct Error(#[source] ctrlc::Error);

/// Watches the signals. The first one sets the returned flag and prints a line. The second one ends the process at
/// once with [`Exit::Interrupted`].
///
/// # Errors
///
/// [`Error`], also if the signals are already watched.
pub fn watch() -> Result<&'static AtomicBool, Error> {
    ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(Exit::Interrupted.code().into());
        }
        terminal::say("stopping; Ctrl-C again stops at once");
    })
    .map_err(Error)?;
    Ok(&ASKED)
}

/// Whether a stop was requested.
#[must_use]
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

//! Ctrl-C, which ends the work between two files and never inside one.

use std::sync::atomic::{AtomicBool, Ordering};

static CAUGHT: AtomicBool = AtomicBool::new(false);

/// From here on an interrupt is only noted.
pub(crate) fn catch() {
    // Without a handler an interrupt ends the process at once, which is the worse but no wrong way.
    let _ = ctrlc::set_handler(|| CAUGHT.store(true, Ordering::Relaxed));
}

/// Whether there was one.
pub(crate) fn caught() -> bool {
    CAUGHT.load(Ordering::Relaxed)
}

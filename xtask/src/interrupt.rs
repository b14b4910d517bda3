//! Ctrl-C and its kin: a flag that everything long looks at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};

/// A flag that is set when somebody asks to stop (SIGINT, SIGTERM, SIGHUP). A second request ends the process at once.
///
/// # Errors
///
/// The signals cannot be taken.
pub fn flag() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    ctrlc::set_handler(move || {
        if set.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        crate::progress::say("stopping (once more to stop at once)");
    })
    .context("failed to watch for Ctrl-C")?;
    Ok(flag)
}

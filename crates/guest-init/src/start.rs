//! How every run of a guest begins, and how it ends when it cannot go on.

use std::fs;

use guest_protocol::{DEBUG_EXIT_FAILED, Event, PROTOCOL};
use rustix::mount::{MountFlags, mount};

use crate::exit;
use crate::failure::Failure;
use crate::results::Results;

/// Mounts the kernel's own file systems.
///
/// # Errors
///
/// A file system that cannot be mounted.
pub fn mount_all() -> Result<(), Failure> {
    for (kind, target) in [("devtmpfs", "/dev"), ("proc", "/proc"), ("sysfs", "/sys")] {
        fs::create_dir_all(target).map_err(|error| format!("failed to create {target}: {error}"))?;
        mount(kind, target, kind, MountFlags::empty(), None)
            .map_err(|error| format!("failed to mount {kind} on {target}: {error}"))?;
    }
    Ok(())
}

/// The first event: which kernel runs.
#[must_use]
pub fn begin() -> Event {
    let uname = rustix::system::uname();
    Event::Begin {
        protocol: PROTOCOL,
        release: uname.release().to_string_lossy().into_owned(),
        version: uname.version().to_string_lossy().into_owned(),
    }
}

/// Makes a panic of this program an event and an exit code, as an error is.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| fail(&format!("PID 1 panicked: {panic}"))));
}

/// Reports why the plan failed to be followed, on the console as well, and ends the machine.
pub fn fail(message: &str) -> ! {
    eprintln!("guest-init: {message}");
    let reported = Results::open().and_then(|mut results| {
        results.send(&Event::Failed { message: message.to_owned() })?;
        results.drain()
    });
    if let Err(error) = reported {
        eprintln!("guest-init: {error}");
    }
    exit::exit_vm(DEBUG_EXIT_FAILED)
}

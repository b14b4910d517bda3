//! The results: events as JSON, one a line, on the second serial port.

use std::fs::{File, OpenOptions};
use std::io::Write;

use guest_protocol::{Event, RESULTS_DEVICE};
use rustix::termios::{OptionalActions, tcdrain, tcgetattr, tcsetattr};

use crate::failure::Failure;

/// The line's speed in bits per second. QEMU moves bytes as fast as they come; the kernel's driver derives its waits
/// from this.
const SPEED: u32 = 115_200;

/// The serial port that the host reads.
pub struct Results(File);

impl Results {
    /// Opens the port and makes its line raw, so that every byte arrives as it was written.
    pub fn open() -> Result<Self, Failure> {
        let port = OpenOptions::new()
            .read(true)
            .write(true)
            .open(RESULTS_DEVICE)
            .map_err(|error| format!("failed to open {RESULTS_DEVICE}: {error}"))?;
        make_raw(&port).map_err(|error| format!("failed to make the line of {RESULTS_DEVICE} raw: {error}"))?;
        Ok(Self(port))
    }

    /// Writes one event as one line.
    pub fn send(&mut self, event: &Event) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.0.write_all(&line).map_err(|error| format!("failed to write to {RESULTS_DEVICE}: {error}").into())
    }

    /// Waits until every byte has left.
    pub fn drain(&self) -> Result<(), Failure> {
        tcdrain(&self.0).map_err(|error| format!("failed to drain {RESULTS_DEVICE}: {error}").into())
    }
}

/// No echo, no translation, no signals.
fn make_raw(port: &File) -> rustix::io::Result<()> {
    let mut line = tcgetattr(port)?;
    line.make_raw();
    line.set_speed(SPEED)?;
    tcsetattr(port, OptionalActions::Now, &line)
}

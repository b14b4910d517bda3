//! What to boot, and how long to wait.

use std::path::PathBuf;
use std::time::Duration;

use crate::qemu::{Accel, Machine};

/// What to boot.
#[derive(Debug, Clone)]
pub struct Boot {
    /// The machine.
    pub machine: Machine,
    /// The directory of the run's files.
    pub run: PathBuf,
    /// How many steps the plan in the initramfs has.
    pub steps: usize,
    /// How long to wait for what.
    pub limits: BootLimits,
}

/// How long to wait for what, in wall-clock time, and how much to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootLimits {
    /// For QEMU to be started, by a container engine for example.
    pub start: Duration,
    /// From QEMU's start to the first byte on the console.
    pub first_print: Duration,
    /// From QEMU's start to the first event.
    pub first_event: Duration,
    /// From one event to the next.
    pub silence: Duration,
    /// The longest console log in bytes.
    pub console: u64,
}

impl BootLimits {
    /// BootLimits with room for a slow, busy host. KVM gets little: it serves within seconds or not at all.
    #[must_use]
    pub fn of(accel: Accel) -> Self {
        let (first_print, first_event, silence) = match accel {
            Accel::Kvm => (4, 20, 30),
            Accel::Tcg | Accel::TcgFast => (40, 120, 90),
        };
        Self {
            start: Duration::from_secs(60),
            first_print: Duration::from_secs(first_print),
            first_event: Duration::from_secs(first_event),
            silence: Duration::from_secs(silence),
            console: 256 << 20,
        }
    }
}

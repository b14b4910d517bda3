//! The machine to boot, and the time limits.

use std::path::PathBuf;
use std::time::Duration;

use crate::qemu::{Accel, Machine};

/// A boot.
#[derive(Debug, Clone)]
pub struct Boot {
    /// The machine.
    pub machine: Machine,
    /// The directory of the run's files.
    pub run: PathBuf,
    /// The number of steps in the initramfs's plan.
    pub steps: usize,
    /// The limits.
    pub limits: BootLimits,
}

/// Limits for waiting, in wall-clock time, and for the size of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootLimits {
    /// Until QEMU has started, for example in a container engine.
    pub start: Duration,
    /// From QEMU's start to the first byte on the console.
    pub first_print: Duration,
    /// From QEMU's start to the first event.
    pub first_event: Duration,
    /// From one event to the next.
    pub silence: Duration,
    /// The maximum length of the console log in bytes.
    pub console: u64,
}

impl BootLimits {
    /// Limits with reserves for a slow, busy host. KVM gets little time: it works within seconds or not at all.
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

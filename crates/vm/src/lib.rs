//! Booting kernels: initramfs, QEMU, liveness, results.
//!
//! [`Initramfs`] packs the guest's PID 1, its plan and the modules. [`boot()`] starts QEMU through a [`Launcher`], follows
//! what the guest reports, and says how the run ended; [`Chooser::boot`] tries KVM first and falls back to TCG once.
//! [`first_difference`] compares the logs of two runs.
//!
//! This crate knows neither what BTF is nor what a container is: the caller's launcher runs the command wherever it
//! likes, and the events are the guest's own words.

mod auto;
mod boot;
mod cmp;
mod console;
mod guest;
mod initramfs;
mod judge;
mod launch;
mod outcome;
mod qemu;
mod results;
mod rundir;
mod watch;

pub use auto::{Chooser, KvmHost, KvmVerdict, Request};
pub use boot::{Boot, BootError, Limits, boot};
pub use cmp::{Difference, first_difference};
pub use guest::{GuestError, build_guest};
pub use initramfs::{Initramfs, InitramfsError, Source};
pub use launch::{HostLauncher, Invocation, Launcher, Running};
pub use outcome::{Ending, Lost, Outcome, Progress, Stuck};
pub use qemu::{Accel, Machine, PROGRAM};

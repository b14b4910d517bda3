//! Booting kernels: initramfs, QEMU, liveness, results.
//!
//! [`Initramfs`] packs the guest's PID 1, its plan and the modules. [`boot()`] starts QEMU through a [`Launcher`],
//! watches the guest's reports, and classifies how the run ended. [`AccelChooser::boot`] tries KVM first and falls
//! back to TCG once. [`first_difference`] compares the logs of two runs.
//!
//! This crate knows neither BTF nor containers: the caller's launcher decides where the command runs, and the events
//! are passed on as the guest wrote them.

mod accel;
mod boot;
mod boot_plan;
mod classify;
mod console;
mod error;
mod guest;
mod initramfs;
mod launch;
mod log_diff;
mod monitor;
mod outcome;
mod qemu;
mod results;
mod run_dir;

pub use accel::{AccelChooser, AccelRequest, KvmHost, KvmVerdict};
pub use boot::boot;
pub use boot_plan::{Boot, BootLimits};
pub use error::BootError;
pub use guest::{GuestError, build_guest};
pub use initramfs::{EntrySource, Initramfs, InitramfsError};
pub use launch::{HostLauncher, Invocation, Launcher, Running};
pub use log_diff::{LogDifference, first_difference};
pub use outcome::{BootEnding, BootOutcome, BootProgress, MachineLost, Stalled};
pub use qemu::{Accel, Machine, PROGRAM};

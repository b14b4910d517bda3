//! Fault injection: breaks real runs and builds on purpose, and checks that each fault is reported with the right
//! cause.
//!
//! The module `machine` injects faults into virtual machines. The other faults are injected from outside: this
//! program is started again with the arguments of `repro` or `kernel build`, and its exit code and its report are
//! compared with the expected ones.

mod bad_proxy;
mod builds;
mod catalog;
mod fault;
mod inject;
mod machine;
mod program;
mod refused;
mod runs;
mod second_cache;
mod setting;
mod small_disk;
mod watched;

pub use catalog::{UnknownFault, all, check_names};
pub use fault::Described;
pub use inject::{Tally, inject};
pub use setting::Setting;

//! Fault injection: breaks runs and builds on purpose, for real, and checks that each is reported with the right cause.
//!
//! Faults of a virtual machine are injected through the module `machine`. The other faults are injected from outside, on this very program:
//! it is started once more with the arguments of `repro` or `kernel build`, and its exit code and its report are compared with
//! what is expected.

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

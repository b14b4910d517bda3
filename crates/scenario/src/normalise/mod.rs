//! Normalising: parts that vary between runs or builds become placeholders; important parts stay.
//!
//! - [`kernel_log`]: the kernel's log lines during the load of a module;
//! - [`build_log`]: the output of kbuild and its tools.

pub mod build_log;
pub mod kernel_log;

//! What varies from one run or one build to the next is replaced by a placeholder; what matters stays.
//!
//! - [`kernel_log`]: a line that a kernel logged while it loaded a module;
//! - [`build_log`]: the lines that kbuild and its tools wrote.

pub mod build_log;
pub mod kernel_log;

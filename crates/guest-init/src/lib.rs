//! What every PID 1 of a virtual machine needs: the kernel's records, what `/sys` shows, results on the second serial port, and an
//! end with a code of its own.

pub mod exit;
pub mod failure;
pub mod kmsg;
pub mod results;
pub mod start;
pub mod sysfs;

//! PID 1 in the virtual machine.

fn main() {}

//! Whole runs without a virtual machine, a container engine, an archive or a kernel build.
//!
//! Fakes stand on the far side of the two traits that a run takes: [`machines::FakeMachines`] writes the files that QEMU would,
//! [`kernels::FakeKernels`] gives small kernels. Everything between is the real code: the order of work, packing, following a
//! machine, measuring, comparing with the baseline, what is kept, the report and the exit code.

mod abi;
mod baseline;
mod builds;
mod endings;
mod interrupt;
mod kept;
mod kernels;
mod machines;
mod order;
mod replay;
mod twice;
mod unavailable;
mod world;

//! Tests of whole runs without a virtual machine, a container engine, an archive or a kernel build.
//!
//! Fakes implement the two traits that a run uses: [`machines::FakeMachines`] writes the files that QEMU would write,
//! [`kernels::FakeKernels`] supplies small kernels. The rest is the real code: the order of work, packing, watching a
//! machine, measuring, comparing with the record, keeping files, the report and the exit code.

mod abi;
mod baseline;
mod builds;
mod endings;
mod interrupt;
mod kept;
mod kernels;
mod machines;
mod order;
mod predictions;
mod predictor;
mod replay;
mod twice;
mod unavailable;
mod world;

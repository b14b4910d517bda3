//! The host's measurements of a boot's kernels and modules, in addition to the guest's report: `measured.json`.
//!
//! The file is stored beside the transcript, so that a snapshot can be replayed without the kernels.

mod built;
mod file;
mod measurements;

pub use built::{BaseSize, BuiltKernels, SymversCheck};
pub use file::{Error, FILE, VERSION};
pub use measurements::{
    AbiMeasurement, DifferingSymbol, Example, Fidelity, Measured, RelocatedModule, RoundTrip, TypeFidelity,
};

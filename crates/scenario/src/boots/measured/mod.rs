//! What the host measured about the kernels and modules of a boot, beside what the guest reported: `measured.json`.
//!
//! It is kept next to the transcript, so that a snapshot can be replayed from the two without the kernels.

mod built;
mod file;
mod measurements;

pub use built::{BaseSize, BuiltKernels, SymversCheck};
pub use file::{Error, FILE, VERSION};
pub use measurements::{
    AbiMeasurement, DifferingSymbol, Example, Fidelity, Measured, RelocatedModule, RoundTrip, TypeFidelity,
};

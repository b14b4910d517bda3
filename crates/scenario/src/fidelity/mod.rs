//! The fidelity of BTF that a kernel accepted for a module.
//!
//! Split BTF is made against one base and is read against the running base. If the two differ, the same bytes may
//! have another meaning, and the kernel's checks notice only some of the changes. So each type of the module is
//! compared with itself: over its build base and over the running one. The two are at the same position; their ids
//! differ if the bases have different numbers of types.
//!
//! The kernel relocates a module with a distilled base, which also changes its bytes: see [`measure_distilled`].

mod compare;
mod distilled;
mod examples;

pub use compare::{measure, measure_all};
pub use distilled::{DistilledError, DistilledFidelity, measure_distilled};

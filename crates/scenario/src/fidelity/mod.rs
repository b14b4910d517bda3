//! Whether the BTF that a kernel accepted for a module is true.
//!
//! Split BTF is made against one base and is read against the base that runs. If the two differ, the same bytes may mean
//! something else, and the kernel's checks notice only some of it. So each type of the module is compared with itself: over
//! the base that it was made with, and over the running one. It is the type in the same place; its id differs if the bases
//! hold different numbers of types.
//!
//! A module that brings a distilled base is relocated by the kernel, so that its bytes change as well: see
//! [`measure_distilled`].

mod compare;
mod distilled;
mod examples;

pub use compare::{measure, measure_all};
pub use distilled::{DistilledError, DistilledFidelity, measure_distilled};

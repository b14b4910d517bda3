//! The model of a kernel's validation of BTF, held against the kernel: mutated modules, loaded in a virtual machine by the thousand.
//!
//! [`Subject`] is a kernel. [`Material`] is what its cases are made from, [`directed`] and [`random`] make them. [`run`] predicts what the
//! kernel does with each, loads them, and compares. [`coverage`] compares what was reached with the kernel's source.

mod batch;
mod case;
mod compare;
mod coverage;
mod directed;
mod draft;
mod error;
mod material;
mod mutate;
mod report;
mod run;
mod subject;

pub use case::{Case, CaseFile, Origin};
pub use compare::{Deviation, Observation};
pub use coverage::{CallSite, Coverage, Reached, coverage};
pub use directed::directed;
pub use error::Error;
pub use material::Material;
pub use mutate::random;
pub use report::{Shares, SubjectReport};
pub use run::{Options, Progress, predict_all, run, run_cases};
pub use subject::Subject;

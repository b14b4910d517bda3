//! Compares the model of a kernel's validation of BTF with the kernel itself, by loading thousands of modules with mutated BTF in a
//! virtual machine.
//!
//! A [`Subject`] is a kernel with the module to load. [`Material`] is the BTF from which cases are made: [`directed()`] makes cases
//! that each aim at one check, [`random()`] makes one to four random changes. [`run()`] predicts the outcome of each case, loads its module and compares the two.
//! [`coverage()`] lists the log calls in the kernel's source and whether a case reached them.

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

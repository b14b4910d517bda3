//! What a Linux kernel does with a module's BTF: accept it, relocate it, refuse it, and what it logs.
//!
//! - [`Rules`] are the rules of one kernel: its version and configuration. [`DIFFERENCES`] is the table of what changed when.
//! - [`Kernel::module_btf`] predicts: every line, in order, the errno, and what appears in sysfs.
//! - [`loader`] predicts what comes before: version magic, CRCs, symbols.
//! - [`Line`] and [`Form`] are the grammar of the kernel's lines: what is predicted is written by it, and logs are read by it.
//! - [`log::read_log`] finds what failed in a log, and [`Finding`] is the table of what can be found: what it means, what to do.
//!
//! The model does what the source of the kernel does, check by check; each function names the one that it follows. Bytes may be
//! anything. Where the kernel itself would read outside of its memory or never end, the prediction is [`Undefined`].

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod errno;
mod finding;
mod form;
mod kernel_sort;
mod line;
pub mod loader;
pub mod log;
mod lookup;
mod module;
mod name;
mod raw_btf;
mod relocate;
mod rules;
mod site;
mod undefined;
mod validate;
mod version;

pub use errno::Errno;
pub use finding::{Cause, Finding};
pub use form::{Channel, Form, Part, Slot, TemplatePart};
pub use line::{Line, Value};
pub use lookup::{Lookup, Lookups, NameOwner, lookups};
pub use module::{BootState, Fate, Kernel, ModuleBtf, Verdict};
pub use raw_btf::RawBtf;
pub use rules::{DIFFERENCES, Difference, Rules};
pub use site::Site;
pub use undefined::Undefined;
pub use version::{KernelVersion, NotAVersion};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

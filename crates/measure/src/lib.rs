//! Measurements of what was claimed when modules got BTF: how much smaller split BTF is than BTF without a base
//! ([`Sizes`]), and how much time its encoding adds to a build ([`Overhead`]).
//!
//! [`Bench`] measures the speed of encoding. All three are plain data. [`Report`] renders them by pure functions: as
//! text for a terminal, as JSON, and as one self-contained HTML page. [`run`] does the measuring.

pub mod bench;
mod error;
mod overhead;
mod render;
pub mod run;
mod setting;
mod sizes;

pub use bench::Bench;
pub use error::Error;
pub use overhead::{Measurement, Overhead, Run, Spread};
pub use render::{Report, Style};
pub use setting::Setting;
pub use sizes::{Base, Encoded, KernelSizes, ModuleSizes, ORIGINAL, Original, Shipped, Sizes, Totals, Trouble};

/// The version of the data's schema, in every JSON document. Increment it for a change that an older reader would
/// misunderstand.
pub const VERSION: u32 = 1;

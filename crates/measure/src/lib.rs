//! What the change that gave modules their BTF claimed, measured again: how much smaller split BTF is than BTF that stands
//! alone ([`Sizes`]), and what encoding it again costs a build ([`Overhead`]).
//!
//! How fast BTF is encoded is [`Bench`]. All are plain data, and [`Report`] renders them purely: for people on a terminal, as JSON, and as one HTML page that needs
//! nothing from elsewhere. How they come about is in [`run`].

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

/// The version of the data's form, in every JSON document. Raised by what an older reader would misunderstand.
pub const VERSION: u32 = 1;

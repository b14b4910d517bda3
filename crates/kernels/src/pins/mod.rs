//! Pins by version and hash: kernels, sources and tools; and the names of kernels on a command line.

mod file;
mod kernels;
mod package;
mod sources;
mod spec;
mod tools;

pub use kernels::Pins;
pub use package::Pin;
pub use sources::{SourcePin, SourcePins};
pub use spec::{KernelSpec, PairSpec};
pub use tools::{PackagePin, ToolPin, ToolPins};

pub(crate) use package::is_word;
pub(crate) use spec::PREFERRED_FLAVOUR;

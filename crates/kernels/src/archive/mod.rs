//! Fetching kernels from Debian's archive into the cache.
//!
//! A package is verified against its pin, unpacked beside the cache, described by a manifest that is written last,
//! and published by one rename. So a kernel in the cache is always complete.

mod access;
mod acquire;
mod apt;
mod debug;
mod entry;
mod index;
mod publish;
mod resolve;
#[cfg(test)]
mod tests;
mod unavailable;

pub use access::Archive;
pub use acquire::{acquire, cached};
pub use apt::AptArchive;
pub use debug::{Debug, acquire_debug};
pub use entry::Entry;
pub use index::nearest_pair;
pub use publish::Kernel;
pub use resolve::resolve;
pub use unavailable::{Availability, Reason, Unavailable};

pub(crate) use acquire::fetch_package;

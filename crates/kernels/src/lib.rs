//! Getting kernels: Debian's archive, sources, builds, tools and the cache.
//!
//! From nothing to the files of a kernel that can boot. Each step takes and returns plain data:
//!
//! 1. [`container::engine::prepare`] finds a container engine, [`container::image::prepare`] makes one of the
//!    [`images`];
//! 2. [`pins::Pins`] lists the pinned kernels, [`archive::resolve`] finds others;
//! 3. [`archive::acquire`] fetches kernels into the [`cache`].
//!
//! From source: [`source::acquire`] or [`source::own`] puts a source tree into the cache, and [`kbuild::build`]
//! builds a kernel or its upgrade from it in the build image. [`kbuild::external`] builds modules against such a
//! kernel. [`kbuild::sandbox`] runs any kbuild target on a copy of its tree, with pinned [`tools`] if needed.

pub mod archive;
pub mod cache;
mod error;
pub mod images;
pub mod kbuild;
pub mod pins;
pub mod source;
pub mod stage;
pub mod tools;
mod version;

pub use archive::{Availability, Unavailable};
pub use error::Error;

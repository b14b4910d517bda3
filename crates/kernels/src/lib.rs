//! Getting kernels: Debian's archive, sources, builds, tools and the cache.
//!
//! The way from nothing to a booted kernel's files, each step plain data in and out:
//!
//! 1. [`container::engine::prepare`] finds a container engine, [`container::image::prepare`] makes one of the [`images`];
//! 2. [`pins::Pins`] has the kernels that are pinned, [`archive::resolve`] finds those that are not;
//! 3. [`archive::acquire`] fetches them into the [`cache`].
//!
//! Or from source: [`source::acquire`] or [`source::own`] brings a tree into the cache, and [`kbuild::build`] builds a kernel
//! or its upgrade from it in the build image. [`kbuild::external`] builds modules against such a kernel, and
//! [`kbuild::sandbox`] runs any kbuild target on a copy of its tree, with the pinned [`tools`] where wanted.

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

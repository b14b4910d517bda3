//! Getting kernels: the host's packages, the container engine, the images, Debian's archive and the cache.
//!
//! The way from nothing to a booted kernel's files, each step plain data in and out:
//!
//! 1. [`engine::prepare`] finds a container engine that really runs, installing podman where that is allowed;
//! 2. [`image::prepare`] makes the image that the engine runs, from a base that is pulled or made;
//! 3. [`pins::Pins`] says which kernels are wanted, and [`archive::resolve`] finds those that are not pinned;
//! 4. [`archive::acquire`] fetches them into the [`Cache`];
//! 5. [`engine::Engine::command`] is how a program, QEMU above all, then runs in the image.
//!
//! Or from source: [`source::acquire`] or [`source::own`] brings a tree into the cache, and [`build::build`] builds a kernel
//! or its upgrade from it in the build image. [`build::external`] builds modules against such a kernel, and
//! [`build::workbench`] tries on a copy of its tree whatever kbuild can be asked for, with the pinned [`tools`] where wanted.
//!
//! Warm, 1 to 4 are a few file reads and two calls of the engine.

pub mod archive;
pub mod build;
mod cache;
mod context;
mod digest;
pub mod engine;
mod error;
pub mod host;
pub mod image;
pub mod mirror;
pub mod pins;
mod process;
mod progress;
pub mod scratch;
pub mod source;
#[cfg(test)]
mod testing;
pub mod tools;
mod version;

pub use cache::Cache;
pub use context::{Context, Programs};
pub use digest::{BadDigest, Sha256};
pub use error::{Class, Error};
pub use progress::{Progress, Stage};

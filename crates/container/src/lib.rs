//! Running programs in a container: the engine, images, host packages, processes and the cache directory.
//!
//! 1. [`engine::prepare`] finds a container engine that can run a program. If allowed, it installs podman;
//! 2. [`image::prepare`] makes an image from its definition, on a base that is pulled or made;
//! 3. [`engine::Engine::command`] returns the command that runs a program in the image.
//!
//! The crate knows nothing about kernels: its callers define the images and the content of the cache.

pub mod apt_config;
mod cache;
mod context;
pub mod engine;
mod error;
pub mod host;
pub mod image;
pub mod json_file;
pub mod kept;
mod lock;
pub mod process;
mod programs;
mod progress;
pub mod scratch;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use cache::{AloneLock, Cache, SharedLock, check_mountable, require_space};
pub use context::Context;
pub use error::{Error, Rejected};
pub use lock::Lock;
pub use programs::Programs;
pub use progress::{Monitor, Progress, Stage};
pub use util::error::Class;

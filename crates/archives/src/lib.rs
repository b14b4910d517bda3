//! The files in packages and in initramfs archives, one after another, without unpacking them.
//!
//! - [`Archive`]: a `.deb`, `.rpm`, `.pkg.tar.*`, `.apk`, an initramfs, or a unified kernel image with one, as its first bytes
//!   tell;
//! - [`Entry`]: one file in it: path, kind, size, and its content, which is read as it is decompressed;
//! - [`KernelFile`]: what a path means: a module of which release, a kernel image;
//! - [`Limits`]: how much is accepted.
//!
//! Every input is taken as hostile: lengths are checked before anything is allocated, what is decompressed is bounded, and an
//! [`Error`] says what was read, in which file and at which offset.

mod ar;
mod archive;
mod cpio;
mod entry;
mod error;
mod initramfs;
mod input;
mod kernel_file;
mod limits;
mod package_id;
mod rpm;
mod tar_stream;

pub use archive::{Archive, ArchiveKind};
pub use entry::{Entry, EntryKind, Part, Visitor};
pub use error::Error;
pub use initramfs::Segment;
pub use kernel_file::KernelFile;
pub use limits::Limits;
pub use package_id::PackageId;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

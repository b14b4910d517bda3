//! What can go wrong.

use std::io;
use std::path::{Path, PathBuf};

use util::FileError;

/// What can go wrong while an archive is read.
///
/// A variant that wraps another error names it as its `source`: print the whole chain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened.
    #[error(transparent)]
    Io(#[from] FileError),
    /// Something is wrong with a file's content; `source` says what.
    #[error("cannot read {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// Something is wrong with a part of a file, whose own offsets `source` has.
    #[error("cannot read {part} at offset {offset:#x}")]
    Part {
        /// What it is: `data.tar.xz`, `the zstd archive`, `section .initrd`.
        part: String,
        /// Where it begins in the file, in bytes.
        offset: u64,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// A header or another record is not usable.
    #[error("cannot read {what} at offset {offset:#x}: {reason}")]
    Record {
        /// What was being read: `the cpio header`.
        what: &'static str,
        /// Where it begins, in bytes, in the decompressed archive.
        offset: u64,
        /// What is wrong with it, with the offending value.
        reason: String,
    },
    /// Bytes could not be read: they are damaged, or there are no more.
    #[error("cannot read {what} at offset {offset:#x}")]
    Read {
        /// What was being read.
        what: &'static str,
        /// Where, in bytes, in the decompressed archive.
        offset: u64,
        /// What went wrong.
        source: io::Error,
    },
    /// The content of an entry could not be read.
    #[error("cannot read {path} in the archive")]
    Entry {
        /// Its path in the archive.
        path: String,
        /// What went wrong.
        source: io::Error,
    },
    /// An entry is not the module or kernel image that it was read as.
    #[error("cannot use {path} in the archive")]
    Object {
        /// Its path in the archive.
        path: String,
        /// What is wrong with it.
        source: kmod::Error,
    },
    /// There is more than [`crate::Limits`] accept.
    #[error("cannot read {what} at offset {offset:#x}: more than {limit} are not accepted")]
    Limit {
        /// What there is too much of, with its unit.
        what: &'static str,
        /// Where, in bytes, in the decompressed archive.
        offset: u64,
        /// The limit that was passed.
        limit: u64,
    },
    /// The file is of a kind that is recognised and not supported.
    #[error("cannot read {what}: it is not supported")]
    Unsupported {
        /// What it is.
        what: String,
    },
    /// The kernel image or the compressed data could not be read.
    #[error(transparent)]
    Kmod(#[from] kmod::Error),
}

impl Error {
    pub(crate) fn file(path: &Path) -> impl FnOnce(Self) -> Self {
        move |error| Self::File { path: path.to_owned(), source: Box::new(error) }
    }

    pub(crate) fn part(part: impl Into<String>, offset: u64) -> impl FnOnce(Self) -> Self {
        move |error| Self::Part { part: part.into(), offset, source: Box::new(error) }
    }
}

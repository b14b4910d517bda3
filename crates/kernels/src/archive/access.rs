//! The interface to an archive of packages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use crate::error::Error;

/// A source of kernel packages. [`super::AptArchive`] is the real one.
pub trait Archive {
    /// Lists every kernel package of these suites.
    ///
    /// # Errors
    ///
    /// Any failure to read the archive's index.
    fn index(&self, suites: &BTreeSet<String>) -> Result<Vec<Entry>, Error>;

    /// Downloads packages into a directory. Each file is named [`Entry::file_name`].
    ///
    /// # Errors
    ///
    /// [`Error::WrongHash`], [`Error::CutShort`], [`container::Error::DiskFull`], and other failures.
    fn download(&self, entries: &[Entry], into: &Path) -> Result<(), Error>;

    /// Unpacks pairs of package file and directory.
    ///
    /// # Errors
    ///
    /// [`container::Error::DiskFull`], and other failures.
    fn unpack(&self, packages: &[(PathBuf, PathBuf)]) -> Result<(), Error>;
}

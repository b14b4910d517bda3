//! What is asked of an archive.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use crate::error::Error;

/// Where kernels come from. [`super::AptArchive`] is the real one.
pub trait Archive {
    /// Every kernel package of these suites.
    ///
    /// # Errors
    ///
    /// Whatever keeps the archive from being read.
    fn index(&self, suites: &BTreeSet<String>) -> Result<Vec<Entry>, Error>;

    /// Downloads packages into a directory, each as [`Entry::file_name`].
    ///
    /// # Errors
    ///
    /// [`Error::WrongHash`], [`Error::CutShort`], [`container::Error::DiskFull`], and whatever else fails.
    fn download(&self, entries: &[Entry], into: &Path) -> Result<(), Error>;

    /// Unpacks package files, each into its directory.
    ///
    /// # Errors
    ///
    /// [`container::Error::DiskFull`], and whatever else fails.
    fn unpack(&self, packages: &[(PathBuf, PathBuf)]) -> Result<(), Error>;
}

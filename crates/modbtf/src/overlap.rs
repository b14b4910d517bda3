//! That nothing which is read is written over.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A file that would be replaced, though it is read.
#[derive(Debug, thiserror::Error)]
#[error(
    "failed to choose where BTF goes: {} is {} ({}), which would be lost; name another file",
    output.display(),
    role.text(),
    read.display()
)]
pub struct Overlap {
    /// Where something was to be written.
    output: PathBuf,
    /// The file that is read, by the name that was given for it.
    read: PathBuf,
    /// What it is read as.
    role: Role,
}

/// What a file is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is encoded.
    Input,
    /// It is the base.
    Base,
}

impl Role {
    const fn text(self) -> &'static str {
        match self {
            Self::Input => "a file to be encoded",
            Self::Base => "the base",
        }
    }
}

/// The files that are read. A file is known by its device and inode, so that links, `./` and other ways to it make no difference.
#[derive(Debug, Default)]
pub(crate) struct Sources(HashMap<(u64, u64), (PathBuf, Role)>);

impl Sources {
    /// Adds a file; one that is not there has nothing to lose.
    pub(crate) fn add(&mut self, path: &Path, role: Role) {
        if let Some(identity) = identity(path) {
            self.0.entry(identity).or_insert_with(|| (path.to_owned(), role));
        }
    }

    /// Whether a file may be written.
    ///
    /// # Errors
    ///
    /// [`Overlap`] for one that is read.
    pub(crate) fn spare(&self, output: &Path) -> Result<(), Overlap> {
        match identity(output).and_then(|identity| self.0.get(&identity)) {
            Some((read, role)) => Err(Overlap { output: output.to_owned(), read: read.clone(), role: *role }),
            None => Ok(()),
        }
    }
}

/// The device and inode of the regular file that a path leads to.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((metadata.dev(), metadata.ino()))
}

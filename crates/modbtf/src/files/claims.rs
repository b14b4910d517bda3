//! The files that a run reads and writes: no input is overwritten, and no output is written twice.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A file would be replaced although the run reads it or writes it already.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot write the result: {} is {} ({}), which would be lost; name another file",
    output.display(),
    role.text(),
    other.display()
)]
pub struct Overlap {
    /// The path of the output.
    output: PathBuf,
    /// The same file, by its path in the arguments.
    other: PathBuf,
    /// Its role.
    role: Role,
}

/// The role of a file in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is an input.
    Input,
    /// It is the base.
    Base,
    /// It is an output.
    Output,
}

impl Role {
    const fn text(self) -> &'static str {
        match self {
            Self::Input => "a file to be encoded",
            Self::Base => "the base",
            Self::Output => "written by this run as well",
        }
    }
}

/// The identity of a file, which does not depend on links, `./` and other variants of its path.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Identity {
    /// The device and inode of a regular file.
    There(u64, u64),
    /// The path of a file that does not exist yet, with the links in its directory followed.
    ToCome(PathBuf),
}

/// The files that a run reads, and those that it will write.
#[derive(Debug, Default)]
pub(crate) struct PathClaims(HashMap<Identity, (PathBuf, Role)>);

impl PathClaims {
    /// Registers a file that is read. A file that does not exist cannot be destroyed.
    pub(crate) fn read(&mut self, path: &Path, role: Role) {
        if let Some(identity @ Identity::There(..)) = identity(path) {
            self.0.entry(identity).or_insert_with(|| (path.to_owned(), role));
        }
    }

    /// Checks that a file may be written.
    ///
    /// # Errors
    ///
    /// [`Overlap`] for a file that is read, and for one that [`PathClaims::write`] has added.
    pub(crate) fn check_spared(&self, output: &Path) -> Result<(), Overlap> {
        match identity(output).and_then(|identity| self.0.get(&identity)) {
            Some((other, role)) => Err(Overlap { output: output.to_owned(), other: other.clone(), role: *role }),
            None => Ok(()),
        }
    }

    /// Registers a file that will be written.
    ///
    /// # Errors
    ///
    /// Same as [`PathClaims::check_spared`].
    pub(crate) fn write(&mut self, output: &Path) -> Result<(), Overlap> {
        self.check_spared(output)?;
        if let Some(identity) = identity(output) {
            self.0.insert(identity, (output.to_owned(), Role::Output));
        }
        Ok(())
    }
}

/// The identity of the file at a path; `None` for a pipe, a device or a directory, which cannot be destroyed.
fn identity(path: &Path) -> Option<Identity> {
    if let Ok(metadata) = path.metadata() {
        return metadata.is_file().then(|| Identity::There(metadata.dev(), metadata.ino()));
    }
    let path = std::path::absolute(path).ok()?;
    let directory = path.parent()?;
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    Some(Identity::ToCome(directory.join(path.file_name()?)))
}

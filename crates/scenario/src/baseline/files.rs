//! The files in the folder of a scenario's records.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::boots::measured::{self, Measured};
use crate::boots::snapshot::snapshot;
use crate::boots::transcript::Transcript;
use crate::definition::{Definition, ScenarioKind};
use crate::kbuilds;
use crate::transcript;

/// The snapshot's file in a scenario's folder, in insta's format: a head between two lines of `---`, then the text.
pub const SNAPSHOT: &str = "snapshot.snap";

/// A failure to use or replace a record.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The snapshot could not be read.
    #[error("cannot read the snapshot {}", path.display())]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The folder of the records could not be created.
    #[error("cannot create the folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The snapshot has no head.
    #[error("cannot parse the snapshot {}: no head between two lines of ---", path.display())]
    Head {
        /// The file.
        path: PathBuf,
    },
    /// The transcript is unusable.
    #[error(transparent)]
    Transcript(#[from] transcript::Error),
    /// The measurements are unusable.
    #[error(transparent)]
    Measured(#[from] measured::Error),
}

/// The text of the snapshot in a scenario's folder; `None` if there is none.
///
/// # Errors
///
/// A file that cannot be read, or that is not a snapshot.
pub fn recorded_snapshot(dir: &Path) -> Result<Option<String>, Error> {
    let path = dir.join(SNAPSHOT);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Snapshot { path, source }),
    };
    match text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")) {
        Some((_, content)) => Ok(Some(content.to_owned())),
        None => Err(Error::Head { path }),
    }
}

/// Renders the snapshot's text from the transcript in a scenario's folder and, for a boot, the measurements.
///
/// # Errors
///
/// A file is missing or invalid.
pub fn replay(definition: &Definition, dir: &Path) -> Result<String, Error> {
    match definition.subject {
        ScenarioKind::Boot(_) => {
            let transcript = Transcript::read(dir)?;
            let measured = Measured::read(dir)?;
            Ok(snapshot(definition, &transcript, &measured))
        }
        ScenarioKind::Build(_) => {
            let transcript = kbuilds::Transcript::read(dir)?;
            Ok(kbuilds::snapshot(definition, &transcript))
        }
    }
}

/// Records a boot: replaces its transcript and its measurements, each by one rename. insta writes the snapshot
/// itself, from a replay of the two.
///
/// # Errors
///
/// A folder cannot be created, or a file cannot be replaced.
pub fn record(dir: &Path, seen: &Transcript, measured: &Measured) -> Result<(), Error> {
    make(dir)?;
    seen.write(dir)?;
    measured.write(dir)?;
    Ok(())
}

/// Records a build: replaces its transcript by one rename.
///
/// # Errors
///
/// Same as [`record`].
pub fn record_build(dir: &Path, seen: &kbuilds::Transcript) -> Result<(), Error> {
    make(dir)?;
    Ok(seen.write(dir)?)
}

fn make(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(|source| Error::Folder { path: dir.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_what_follows_its_head() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(SNAPSHOT);
        assert_eq!(recorded_snapshot(dir.path()).unwrap(), None);
        fs::write(&path, "---\nsource: x\n---\ntext\n---\nmore\n").unwrap();
        assert_eq!(recorded_snapshot(dir.path()).unwrap().as_deref(), Some("text\n---\nmore\n"));
        fs::write(&path, "text").unwrap();
        assert!(matches!(recorded_snapshot(dir.path()), Err(Error::Head { .. })));
    }
}

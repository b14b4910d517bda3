//! The files of a scenario's records.

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

/// The file, in a scenario's folder, that holds its snapshot: insta's format, a head between two lines of `---` and then
/// the text.
pub const SNAPSHOT: &str = "snapshot.snap";

/// Why what was recorded cannot be used, or not be replaced.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The snapshot could not be read.
    #[error("cannot read the snapshot {}", path.display())]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// The folder of the records could not be made.
    #[error("cannot create the folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// The snapshot has no head.
    #[error("cannot parse the snapshot {}: no head between two lines of ---", path.display())]
    Head {
        /// The file.
        path: PathBuf,
    },
    /// The transcript.
    #[error(transparent)]
    Transcript(#[from] transcript::Error),
    /// The measurements.
    #[error(transparent)]
    Measured(#[from] measured::Error),
}

/// The text of the snapshot in a scenario's folder; nothing if none was recorded.
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

/// The text of what was recorded in a scenario's folder, made anew from its transcript and, if it boots, its measurements.
///
/// # Errors
///
/// A file that is missing or not what it should be.
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

/// Records a boot: its transcript and its measurements, each replaced whole. The snapshot itself is insta's to write, from
/// a replay of the two.
///
/// # Errors
///
/// A folder that cannot be made, or a file that cannot be replaced.
pub fn record(dir: &Path, seen: &Transcript, measured: &Measured) -> Result<(), Error> {
    make(dir)?;
    seen.write(dir)?;
    measured.write(dir)?;
    Ok(())
}

/// Records a build: its transcript, replaced whole.
///
/// # Errors
///
/// As [`record`].
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

//! What a scenario recorded, and whether a run is the same.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use similar::TextDiff;
use thiserror::Error;

use crate::definition::{Definition, Subject};
use crate::exit::Ending;
use crate::measured::{self, Measured};
use crate::text::{self, snapshot};
use crate::transcript::{self, Transcript};
use crate::workbench;

/// The file, in a scenario's folder, that holds its snapshot: insta's format, a head between two lines of `---` and then
/// the text.
pub const SNAPSHOT: &str = "snapshot.snap";

/// How many modules' logs a difference shows in full. The run's own transcript has them all.
const LOGS_SHOWN: usize = 20;

/// How long one difference is made smaller. Two long logs with nothing in common would take the square of their length.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why what was recorded cannot be used, or not be replaced.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The snapshot could not be read.
    #[error("failed to read the snapshot {}", path.display())]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder of the records could not be made.
    #[error("failed to create the folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The snapshot has no head.
    #[error("failed to understand the snapshot {}: no head between two lines of ---", path.display())]
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
    /// The transcript of a build.
    #[error(transparent)]
    Workbench(#[from] workbench::Error),
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
        Subject::Boot(_) => {
            let transcript = Transcript::read(&dir.join(transcript::FILE))?;
            let measured = Measured::read(&dir.join(measured::FILE))?;
            Ok(snapshot(definition, &transcript, &measured))
        }
        Subject::Build(_) => {
            let transcript = workbench::Transcript::read(&dir.join(workbench::FILE))?;
            Ok(workbench::snapshot(definition, &transcript))
        }
    }
}

/// Judges a boot against what was recorded.
///
/// # Errors
///
/// What was recorded cannot be read.
pub fn judge(definition: &Definition, dir: &Path, seen: &Transcript, measured: &Measured) -> Result<Ending, Error> {
    let ending = judge_text(dir, &snapshot(definition, seen, measured))?;
    let Ending::Differs { mut diff } = ending else { return Ok(ending) };
    if let Ok(before) = Transcript::read(&dir.join(transcript::FILE)) {
        diff.push_str(&logs_that_differ(&before, seen));
    }
    Ok(Ending::Differs { diff })
}

/// Judges the text of a run, whatever it was, against the snapshot in a folder.
///
/// # Errors
///
/// A snapshot that cannot be read.
pub fn judge_text(dir: &Path, text: &str) -> Result<Ending, Error> {
    Ok(match recorded_snapshot(dir)? {
        None => Ending::Differs { diff: "nothing is recorded yet: accept what was seen with --bless".into() },
        Some(recorded) if recorded.trim_end() == text.trim_end() => Ending::Pass,
        Some(recorded) => Ending::Differs { diff: unified(&recorded, text, "recorded", "seen") },
    })
}

/// Records a boot: its transcript and its measurements, each replaced whole. The snapshot itself is insta's to write, from
/// a replay of the two.
///
/// # Errors
///
/// A folder that cannot be made, or a file that cannot be replaced.
pub fn record(dir: &Path, seen: &Transcript, measured: &Measured) -> Result<(), Error> {
    make(dir)?;
    seen.write(&dir.join(transcript::FILE))?;
    measured.write(&dir.join(measured::FILE))?;
    Ok(())
}

/// Records a build: its transcript, replaced whole.
///
/// # Errors
///
/// As [`record`].
pub fn record_build(dir: &Path, seen: &workbench::Transcript) -> Result<(), Error> {
    make(dir)?;
    Ok(seen.write(&dir.join(workbench::FILE))?)
}

fn make(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(|source| Error::Folder { path: dir.to_owned(), source })
}

fn unified(before: &str, after: &str, from: &str, to: &str) -> String {
    TextDiff::configure()
        .timeout(PATIENCE)
        .diff_lines(before.trim_end(), after.trim_end())
        .unified_diff()
        .context_radius(2)
        .missing_newline_hint(false)
        .header(from, to)
        .to_string()
}

/// A table's digest says that a log differs; this says how.
fn logs_that_differ(before: &Transcript, after: &Transcript) -> String {
    let mut out = String::new();
    let mut further = 0;
    for step in after.steps() {
        let module = &step.given.module;
        let Some(earlier) = before.steps().find(|it| it.given.module == *module) else { continue };
        let was = text::normalised(before, earlier.records).join("\n");
        let is = text::normalised(after, step.records).join("\n");
        if was == is {
            continue;
        }
        if further < LOGS_SHOWN {
            let name = |which: &str| format!("{which} log of {module}");
            out.push_str(&unified(&was, &is, &name("recorded"), &name("seen")));
        }
        further += 1;
    }
    if further > LOGS_SHOWN {
        out.push_str(&format!("the logs of {} further modules differ as well\n", further - LOGS_SHOWN));
    }
    out
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

    #[test]
    fn a_difference_is_a_diff_with_both_sides_named() {
        let diff = unified("a\nb\nc\n", "a\nx\nc\n", "recorded", "seen");
        assert_eq!(diff, "--- recorded\n+++ seen\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
    }
}

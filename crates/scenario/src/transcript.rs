//! The file of a transcript, of boots and of builds alike: `transcript.jsonl`, a header and then one JSON document a line.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use util::json_lines::{self, LineError};

/// The file, in the folder of a scenario's records, that holds its transcript.
pub const FILE: &str = "transcript.jsonl";

/// What encoded BTF in place of pahole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderId {
    /// What encodes: `modbtf`.
    pub name: String,
    /// The package with the debug information that the modules' BTF was encoded from, where that of a prebuilt kernel was
    /// replaced: `package=version`. Where a kernel was built it encoded as part of the build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug: Option<String>,
    /// SHA-256 of that package's file, or else of the program.
    pub sha256: String,
}

/// Why a transcript cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    #[error("cannot read the transcript {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// The file could not be replaced; it is as it was.
    #[error("cannot write the transcript {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system reported.
        source: util::atomic::Error,
    },
    /// A line is not what it should be.
    #[error("cannot parse the transcript")]
    Line(#[from] LineError),
    /// A part cannot be written as JSON, which is possible of no part today.
    #[error("cannot write a part of the transcript as JSON")]
    Json(#[from] serde_json::Error),
    /// Another version of the schema.
    #[error("cannot read a transcript of schema version {found}: this program reads version {known}; record it again")]
    Version {
        /// The version found.
        found: u32,
        /// The version that is read.
        known: u32,
    },
    /// The lines do not make a complete run of what the header announces.
    #[error("cannot use the transcript: {what}")]
    Sequence {
        /// What is missing, surplus or out of order.
        what: String,
    },
}

/// Splits the text of a transcript into its header and what follows.
pub(crate) fn parse<H: DeserializeOwned, T: DeserializeOwned>(text: &str) -> Result<(H, Vec<T>), Error> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    if first.is_empty() {
        return Err(Error::Sequence { what: "it is empty".into() });
    }
    Ok((json_lines::parse_line(1, first)?, json_lines::parse(rest, 2)?))
}

/// The text of a transcript.
pub(crate) fn to_text<T: Serialize>(header: &impl Serialize, rest: &[T]) -> Result<String, Error> {
    let mut text = String::new();
    json_lines::push(&mut text, header)?;
    rest.iter().try_for_each(|it| json_lines::push(&mut text, it))?;
    Ok(text)
}

/// Reads the text of a transcript.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// Replaces the file of a transcript.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    util::atomic::replace(path, text.as_bytes()).map_err(|source| Error::Write { path: path.to_owned(), source })
}

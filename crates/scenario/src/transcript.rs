//! The file of a transcript, for boots and builds: a header, then one JSON document per line, compressed by zstd.
//!
//! Uncompressed files are also accepted. `cargo xtask transcript` prints either kind as text.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use util::json_lines::{self, LineError};

/// The transcript's file in the folder of a scenario's records.
pub const FILE: &str = "transcript.jsonl.zst";

/// The name of the uncompressed file.
pub const PLAIN_FILE: &str = "transcript.jsonl";

/// The first bytes of a zstd frame: RFC 8878, section 3.1.1.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// zstd's level: the highest one that needs no additional memory for reading.
const LEVEL: i32 = 19;

/// The maximum length of the text, in bytes. The longest transcript today has a few hundred kB.
const LONGEST: u64 = 256 << 20;

/// The encoder that replaced pahole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderId {
    /// Its name: `modbtf`.
    pub name: String,
    /// If the BTF of a prebuilt kernel's modules was replaced: the package with the debug information from which it
    /// was encoded, `package=version`. For built kernels, BTF is encoded during the build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug: Option<String>,
    /// SHA-256 of that package's file, or else of the program.
    pub sha256: String,
}

/// A failure to use a transcript.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    #[error("cannot read the transcript {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The folder has both a compressed and a plain transcript.
    #[error("cannot choose between {FILE} and {PLAIN_FILE} in {}: remove one", dir.display())]
    Two {
        /// The folder.
        dir: PathBuf,
    },
    /// The text could not be compressed.
    #[error("cannot compress the transcript")]
    Compress(#[source] io::Error),
    /// The file could not be replaced; it is unchanged.
    #[error("cannot write the transcript {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: util::atomic::Error,
    },
    /// A plain file that the compressed one replaces could not be removed.
    #[error("cannot remove {}, which {FILE} replaces", path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A line is invalid.
    #[error("cannot parse the transcript")]
    Line(#[from] LineError),
    /// A part cannot be written as JSON. No part of today's schema can cause this.
    #[error("cannot write a part of the transcript as JSON")]
    Json(#[from] serde_json::Error),
    /// The schema has another version.
    #[error("cannot read a transcript of schema version {found}: this program reads version {known}; record it again")]
    Version {
        /// The version found.
        found: u32,
        /// The version that this program reads.
        known: u32,
    },
    /// The lines are not a complete run of what the header announces.
    #[error("cannot use the transcript: {what}")]
    Sequence {
        /// The missing, surplus or misplaced part.
        what: String,
    },
}

/// Splits the text of a transcript into its header and the rest.
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

/// Reads the text of a transcript, given a folder of records, a compressed file or a plain one.
///
/// # Errors
///
/// [`Error::Read`], also for a text that is too long or not UTF-8; [`Error::Two`].
pub fn read_text(path: &Path) -> Result<String, Error> {
    if !path.is_dir() {
        return read_file(path);
    }
    let (compressed, plain) = (path.join(FILE), path.join(PLAIN_FILE));
    match (compressed.exists(), plain.exists()) {
        (true, true) => Err(Error::Two { dir: path.to_owned() }),
        (false, true) => read_file(&plain),
        _ => read_file(&compressed),
    }
}

fn read_file(path: &Path) -> Result<String, Error> {
    let text = fs::read(path).and_then(|bytes| match bytes.starts_with(&ZSTD_MAGIC) {
        true => decompress(&bytes),
        false => Ok(bytes),
    });
    let text = text.and_then(|text| String::from_utf8(text).map_err(io::Error::other));
    text.map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn decompress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    zstd::Decoder::new(bytes)?.take(LONGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::other(format!("it is longer than {LONGEST} bytes")));
    }
    Ok(text)
}

/// Compresses a text. The same text gives the same bytes, including a checksum.
fn compress(text: &str) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(text.len() as u64))?;
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}

/// Replaces the transcript in a folder. An existing plain one is removed.
pub(crate) fn write(dir: &Path, text: &str) -> Result<(), Error> {
    let path = dir.join(FILE);
    let bytes = compress(text).map_err(Error::Compress)?;
    util::atomic::replace(&path, &bytes).map_err(|source| Error::Write { path, source })?;
    match fs::remove_file(dir.join(PLAIN_FILE)) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::Remove { path: dir.join(PLAIN_FILE), source })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn write_gives_the_same_bytes_each_time_and_replaces_a_plain_file() {
        let dir = tempfile::tempdir().unwrap();
        let text = "{\"a\":1}\n".repeat(1000);
        fs::write(dir.path().join(PLAIN_FILE), "other").unwrap();
        write(dir.path(), &text).unwrap();
        let first = fs::read(dir.path().join(FILE)).unwrap();
        write(dir.path(), &text).unwrap();
        assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), first);
        assert!(first.len() < 100 && first.starts_with(&ZSTD_MAGIC));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(read_text(dir.path()).unwrap(), text);
        assert_eq!(read_text(&dir.path().join(FILE)).unwrap(), text);
    }

    #[test]
    fn read_text_takes_a_plain_file_and_refuses_to_choose() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(read_text(dir.path()), Err(Error::Read { path, .. }) if path.ends_with(FILE)));
        let plain = dir.path().join(PLAIN_FILE);
        fs::write(&plain, "text\n").unwrap();
        assert_eq!(read_text(dir.path()).unwrap(), "text\n");
        assert_eq!(read_text(&plain).unwrap(), "text\n");
        fs::copy(&plain, dir.path().join(FILE)).unwrap();
        assert!(matches!(read_text(dir.path()), Err(Error::Two { .. })));
    }

    #[test]
    fn read_text_refuses_a_cut_a_changed_and_a_binary_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        write(dir.path(), "some text that is not very short\n").unwrap();
        let bytes = fs::read(&path).unwrap();
        let refused = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            matches!(read_text(&path), Err(Error::Read { .. }))
        };
        assert!(!refused(&bytes));
        for cut in 4..bytes.len() {
            assert!(refused(&bytes[..cut]), "{cut}");
        }
        let mut changed = bytes.clone();
        let letter = changed.len() - 10;
        changed[letter] ^= 1;
        assert!(refused(&changed));
        assert!(refused(b"\xff\xfe"));
    }
}

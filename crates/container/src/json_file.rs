//! JSON documents on disk.

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// Writes a JSON document, indented, by an atomic rename.
///
/// # Errors
///
/// [`Error::Io`], [`Error::DiskFull`].
pub fn write(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let failed = |source| Error::io("write", path, source);
    let text = serde_json::to_vec_pretty(value).map_err(|error| failed(error.into()))?;
    util::atomic::replace(path, &text).map_err(|error| failed(error.into_io()))
}

/// Reads a JSON document. A missing or invalid document gives `None`, because the caller can create it again.
#[must_use]
pub fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

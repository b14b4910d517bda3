//! Reading and checking a file of pins.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::Error;

/// A file of pins in `kernel-configs`.
pub(crate) trait PinFile: DeserializeOwned {
    /// Its path, for error messages.
    const PATH: &'static str;

    /// Its content at compile time.
    const BUILTIN: &'static str;

    /// A contradiction or an invalid name in it, if there is one.
    fn inconsistency(&self) -> Option<String>;

    /// The pins at compile time.
    fn parse_builtin() -> Result<Self, Error> {
        Self::parse_text(Self::BUILTIN, Path::new(Self::PATH))
    }

    /// Reads a file.
    fn load_file(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?;
        Self::parse_text(&text, path)
    }

    /// Parses a text. `path` is used only in error messages.
    fn parse_text(text: &str, path: &Path) -> Result<Self, Error> {
        let pins: Self = toml::from_str(text).map_err(|source| Error::Pins { path: path.to_owned(), source })?;
        match pins.inconsistency() {
            None => Ok(pins),
            Some(why) => Err(Error::InconsistentPins { path: path.to_owned(), why }),
        }
    }
}

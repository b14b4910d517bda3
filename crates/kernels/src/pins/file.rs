//! A file of pins: how each is read and checked.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::Error;

/// A file of pins in `kernel-configs`.
pub(crate) trait PinFile: DeserializeOwned {
    /// Its path, which errors name.
    const PATH: &'static str;

    /// What it contained when this was compiled.
    const BUILTIN: &'static str;

    /// What in it contradicts itself or is not a name, if anything.
    fn inconsistency(&self) -> Option<String>;

    /// The pins as they were when this was compiled.
    fn parse_builtin() -> Result<Self, Error> {
        Self::parse_text(Self::BUILTIN, Path::new(Self::PATH))
    }

    /// Reads a file.
    fn load_file(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?;
        Self::parse_text(&text, path)
    }

    /// Parses a text; `path` is only named in errors.
    fn parse_text(text: &str, path: &Path) -> Result<Self, Error> {
        let pins: Self = toml::from_str(text).map_err(|source| Error::Pins { path: path.to_owned(), source })?;
        match pins.inconsistency() {
            None => Ok(pins),
            Some(why) => Err(Error::InconsistentPins { path: path.to_owned(), why }),
        }
    }
}

//! The pinned sources of kernel-configs/sources.toml.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use crate::error::Error;
use crate::pins::{Pin, is_word, parse_checked};
use util::Sha256;

const BUILTIN: &str = include_str!("../../../../kernel-configs/sources.toml");
const BUILTIN_PATH: &str = "kernel-configs/sources.toml";

/// One package of a kernel's source, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourcePin {
    /// The line that it stands for: `6.1`.
    pub line: String,
    /// The binary package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The suite that had it when it was pinned.
    pub suite: String,
    /// Bytes in the package file.
    pub size: u64,
    /// Bytes that the tree takes, roughly.
    pub unpacked: u64,
    /// The package file's hash.
    pub sha256: Sha256,
}

impl SourcePin {
    /// As the pin of any package. It has no release, and stands under its package's name.
    pub(super) fn to_pin(&self) -> Pin {
        Pin {
            release: self.package.clone(),
            package: self.package.clone(),
            version: self.version.clone(),
            suite: self.suite.clone(),
            size: self.size,
            sha256: self.sha256,
        }
    }
}

/// Every pinned source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourcePins {
    /// The sources, in the order of the file.
    #[serde(rename = "source")]
    pub sources: Vec<SourcePin>,
}

impl SourcePins {
    /// The pins of kernel-configs/sources.toml, as they were when this was compiled.
    ///
    /// # Errors
    ///
    /// As [`SourcePins::parse`].
    pub fn builtin() -> Result<Self, Error> {
        Self::parse(BUILTIN, Path::new(BUILTIN_PATH))
    }

    /// Reads a file of pins.
    ///
    /// # Errors
    ///
    /// [`container::Error::Io`] and those of [`SourcePins::parse`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        Self::parse(&std::fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?, path)
    }

    /// Parses pins; `path` is only named in errors.
    ///
    /// # Errors
    ///
    /// [`Error::Pins`] for what is no TOML of this form, [`Error::InconsistentPins`] for a line that occurs twice and for texts
    /// that are no line, package, version or suite.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        parse_checked(text, path, Self::inconsistency)
    }

    fn inconsistency(&self) -> Option<String> {
        let mut lines = BTreeSet::new();
        for pin in &self.sources {
            for text in [&pin.line, &pin.package, &pin.version, &pin.suite] {
                if !is_word(text) {
                    return Some(format!("`{text}` of the source of {} is not a name or version", pin.line));
                }
            }
            if pin.package != format!("linux-source-{}", pin.line) {
                return Some(format!("{} is not the package of the line {}", pin.package, pin.line));
            }
            if !lines.insert(pin.line.as_str()) {
                return Some(format!("the source of {} is pinned twice", pin.line));
            }
        }
        None
    }

    /// The pinned source of a line.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownName`] with the lines that there are.
    pub fn line(&self, line: &str) -> Result<&SourcePin, Error> {
        self.sources.iter().find(|pin| pin.line == line).ok_or_else(|| Error::UnknownName {
            what: "kernel line",
            given: line.to_owned(),
            known: self.sources.iter().map(|pin| pin.line.clone()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_pins_have_the_three_lines() {
        let pins = SourcePins::builtin().unwrap();
        let lines: Vec<_> = pins.sources.iter().map(|pin| pin.line.as_str()).collect();
        assert_eq!(lines, ["6.1", "6.12", "7.2"]);
        let error = pins.line("5.11").unwrap_err().to_string();
        assert_eq!(error, "there is no kernel line 5.11; there are 6.1, 6.12, 7.2");
    }

    #[test]
    fn wrong_pins_are_refused() {
        let fails = |from: &str, to: &str| {
            assert!(BUILTIN.contains(from));
            SourcePins::parse(&BUILTIN.replacen(from, to, 1), Path::new("x")).unwrap_err().to_string()
        };
        assert!(fails("size =", "colour = 1\nsize =").contains("colour"));
        assert!(fails("line = \"6.12\"", "line = \"6.1\"").contains("not the package"));
        assert!(fails("suite = \"sid\"", "suite = \"../sid\"").contains("not a name"));
    }
}

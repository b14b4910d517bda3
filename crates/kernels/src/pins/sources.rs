//! The pinned sources of kernel-configs/sources.toml.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use super::file::PinFile;
use super::package::{Pin, is_word};
use crate::error::Error;
use util::Sha256;

/// One exact package of a kernel's source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourcePin {
    /// Its series: `6.1`.
    #[serde(rename = "line")]
    pub series: String,
    /// The binary package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The suite that had it when it was pinned.
    pub suite: String,
    /// Bytes in the package file.
    pub size: u64,
    /// Bytes that the unpacked tree takes, approximately.
    pub unpacked: u64,
    /// The package file's hash.
    pub sha256: Sha256,
}

impl SourcePin {
    /// The pin with which its package is fetched.
    pub(crate) fn to_pin(&self) -> Pin {
        Pin::without_release(&self.package, &self.version, &self.suite, self.size, self.sha256)
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
    /// The pins of kernel-configs/sources.toml at compile time.
    ///
    /// # Errors
    ///
    /// Same as [`SourcePins::parse`].
    pub fn builtin() -> Result<Self, Error> {
        Self::parse_builtin()
    }

    /// Reads a file of pins.
    ///
    /// # Errors
    ///
    /// [`container::Error::Io`] and the errors of [`SourcePins::parse`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        Self::load_file(path)
    }

    /// Parses pins. `path` is used only in error messages.
    ///
    /// # Errors
    ///
    /// [`Error::Pins`] for a text that is not TOML of this form, [`Error::InconsistentPins`] for a series that occurs
    /// twice and for an invalid series, package, version or suite.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        Self::parse_text(text, path)
    }

    /// The pinned source of a series.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownName`] with the names of the pinned series.
    pub fn series(&self, series: &str) -> Result<&SourcePin, Error> {
        self.sources.iter().find(|pin| pin.series == series).ok_or_else(|| Error::UnknownName {
            what: "kernel series",
            given: series.to_owned(),
            known: self.sources.iter().map(|pin| pin.series.clone()).collect(),
        })
    }
}

impl PinFile for SourcePins {
    const PATH: &'static str = "kernel-configs/sources.toml";
    const BUILTIN: &'static str = include_str!("../../../../kernel-configs/sources.toml");

    fn inconsistency(&self) -> Option<String> {
        let mut seen = BTreeSet::new();
        for pin in &self.sources {
            for text in [&pin.series, &pin.package, &pin.version, &pin.suite] {
                if !is_word(text) {
                    return Some(format!("`{text}` of the source of {} is not a name or version", pin.series));
                }
            }
            if pin.package != format!("linux-source-{}", pin.series) {
                return Some(format!("{} is not the package of the series {}", pin.package, pin.series));
            }
            if !seen.insert(pin.series.as_str()) {
                return Some(format!("the source of {} is pinned twice", pin.series));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_pins_have_the_three_series() {
        let pins = SourcePins::builtin().unwrap();
        let lines: Vec<_> = pins.sources.iter().map(|pin| pin.series.as_str()).collect();
        assert_eq!(lines, ["6.1", "6.12", "7.2"]);
        let error = pins.series("5.11").unwrap_err().to_string();
        assert_eq!(error, "cannot find the kernel series `5.11`: known: 6.1, 6.12, 7.2");
    }

    #[test]
    fn wrong_pins_are_refused() {
        let fails = |from: &str, to: &str| {
            assert!(SourcePins::BUILTIN.contains(from));
            SourcePins::parse(&SourcePins::BUILTIN.replacen(from, to, 1), Path::new("x")).unwrap_err()
        };
        let fails = |from: &str, to: &str| util::error::causes(&fails(from, to)).join(": ");
        assert!(fails("size =", "colour = 1\nsize =").contains("colour"));
        assert!(fails("line = \"6.12\"", "line = \"6.1\"").contains("not the package"));
        assert!(fails("suite = \"sid\"", "suite = \"../sid\"").contains("not a name"));
    }
}

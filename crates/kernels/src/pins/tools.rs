//! The pinned tools of kernel-configs/tools.toml.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use super::file::PinFile;
use super::package::{Pin, is_word};
use crate::error::Error;
use util::Sha256;

/// A program and the packages that it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolPin {
    /// Its name: `pahole-1.24`.
    pub name: String,
    /// Its path in the packages: `usr/bin/pahole`.
    pub program: String,
    /// The directory in the packages that is searched first for its libraries.
    pub libraries: String,
    /// The packages. They must not contain the same file twice.
    #[serde(rename = "package")]
    pub packages: Vec<PackagePin>,
}

/// One exact package of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackagePin {
    /// The binary package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The suite that had it when it was pinned.
    pub suite: String,
    /// Bytes in the package file.
    pub size: u64,
    /// The package file's hash.
    pub sha256: Sha256,
}

impl PackagePin {
    /// The pin with which its package is fetched.
    pub(crate) fn to_pin(&self) -> Pin {
        Pin::without_release(&self.package, &self.version, &self.suite, self.size, self.sha256)
    }
}

/// Every pinned tool.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolPins {
    /// The tools, in the order of the file.
    #[serde(rename = "tool")]
    pub tools: Vec<ToolPin>,
}

impl ToolPins {
    /// The pins of kernel-configs/tools.toml at compile time.
    ///
    /// # Errors
    ///
    /// Same as [`ToolPins::parse`].
    pub fn builtin() -> Result<Self, Error> {
        Self::parse_builtin()
    }

    /// Parses pins. `path` is used only in error messages.
    ///
    /// # Errors
    ///
    /// [`Error::Pins`] for a text that is not TOML of this form, [`Error::InconsistentPins`] for a tool that occurs
    /// twice or has no package, for an invalid name, package, version or suite, and for paths that leave the
    /// packages.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        Self::parse_text(text, path)
    }

    /// The pin of a tool.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownName`] with the names of the pinned tools.
    pub fn tool(&self, name: &str) -> Result<&ToolPin, Error> {
        self.tools.iter().find(|pin| pin.name == name).ok_or_else(|| Error::UnknownName {
            what: "tool",
            given: name.to_owned(),
            known: self.tools.iter().map(|pin| pin.name.clone()).collect(),
        })
    }
}

impl ToolPin {
    fn words(&self) -> impl Iterator<Item = &String> {
        let packages = self.packages.iter().flat_map(|pin| [&pin.package, &pin.version, &pin.suite]);
        [&self.name].into_iter().chain(packages)
    }
}

/// Whether a text is a relative path that needs no quoting in a shell.
fn is_path(text: &str) -> bool {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._/".contains(&byte);
    let normal = |component| matches!(component, Component::Normal(_));
    !text.is_empty() && text.bytes().all(harmless) && Path::new(text).components().all(normal)
}

impl PinFile for ToolPins {
    const PATH: &'static str = "kernel-configs/tools.toml";
    const BUILTIN: &'static str = include_str!("../../../../kernel-configs/tools.toml");

    fn inconsistency(&self) -> Option<String> {
        let mut names = BTreeSet::new();
        for tool in &self.tools {
            let name = &tool.name;
            if let Some(text) = tool.words().find(|text| !is_word(text)) {
                return Some(format!("`{text}` of the tool {name} is not a name or version"));
            }
            if let Some(path) = [&tool.program, &tool.libraries].into_iter().find(|path| !is_path(path)) {
                return Some(format!("`{path}` of the tool {name} is not a path in a package"));
            }
            if tool.packages.is_empty() {
                return Some(format!("the tool {name} comes from no package"));
            }
            if !names.insert(name) {
                return Some(format!("the tool {name} is pinned twice"));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_pins_have_the_old_pahole() {
        let pins = ToolPins::builtin().unwrap();
        assert_eq!(pins.tool("pahole-1.24").unwrap().packages[0].version, "1.24-4.1");
        let error = pins.tool("pahole-1.25").unwrap_err().to_string();
        assert_eq!(error, "cannot find the tool `pahole-1.25`: did you mean pahole-1.24?");
    }

    #[test]
    fn wrong_pins_are_refused() {
        let fails = |from: &str, to: &str| {
            assert!(ToolPins::BUILTIN.contains(from));
            ToolPins::parse(&ToolPins::BUILTIN.replacen(from, to, 1), Path::new("x")).unwrap_err()
        };
        let fails = |from: &str, to: &str| util::error::causes(&fails(from, to)).join(": ");
        assert!(fails("size =", "colour = 1\nsize =").contains("colour"));
        assert!(fails("name = \"pahole-1.24\"", "name = \"../pahole\"").contains("not a name"));
        assert!(fails("\"usr/bin/pahole\"", "\"/usr/bin/pahole\"").contains("not a path"));
        assert!(fails("\"usr/bin/pahole\"", "\"usr/../../pahole\"").contains("not a path"));
        assert!(fails("\"usr/bin/pahole\"", "\"usr/bin/$(reboot)\"").contains("not a path"));
        assert!(fails("suite = \"bookworm\"", "suite = \"a b\"").contains("not a name"));
    }
}

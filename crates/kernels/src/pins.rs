//! The kernels that scenarios are about, pinned by version and hash, and how a kernel is named on a command line.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use util::Sha256;

const BUILTIN: &str = include_str!("../../../kernel-configs/debian.toml");
const BUILTIN_PATH: &str = "kernel-configs/debian.toml";

/// The flavour that is meant when a kernel is named without one.
const PREFERRED_FLAVOUR: &str = "cloud-amd64";

/// One kernel package, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// What `uname -r` says: `6.1.0-55-cloud-amd64`.
    pub release: String,
    /// The binary package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The suite that had it when it was pinned: `bookworm-security`.
    pub suite: String,
    /// Bytes in the package file.
    pub size: u64,
    /// The package file's hash.
    pub sha256: Sha256,
}

impl Pin {
    /// `package=version`, as apt names it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}={}", self.package, self.version)
    }
}

/// Every pinned kernel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// The suites in which kernels are looked up that are not pinned.
    pub suites: Vec<String>,
    /// The kernels.
    #[serde(rename = "kernel")]
    pub kernels: Vec<Pin>,
    /// The packages with the debug information (DWARF) of some of them.
    #[serde(default)]
    pub debug: Vec<Pin>,
}

impl Pins {
    /// The pins of kernel-configs/debian.toml, as they were when this was compiled.
    ///
    /// # Errors
    ///
    /// As [`Pins::parse`].
    pub fn builtin() -> Result<Self, Error> {
        Self::parse(BUILTIN, Path::new(BUILTIN_PATH))
    }

    /// Reads a file of pins.
    ///
    /// # Errors
    ///
    /// [`container::Error::Io`] and those of [`Pins::parse`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?;
        Self::parse(&text, path)
    }

    /// Parses pins; `path` is only named in errors.
    ///
    /// # Errors
    ///
    /// [`Error::Pins`] for what is no TOML of this form, unknown keys included, [`Error::InconsistentPins`] for a release
    /// that occurs twice and for texts that are no package, version or suite.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        parse_checked(text, path, Self::inconsistency)
    }

    fn inconsistency(&self) -> Option<String> {
        let mut releases = BTreeSet::new();
        let debug = self.debug.iter().map(|pin| (pin, "debug information of the kernel"));
        for (pin, what) in self.kernels.iter().map(|pin| (pin, "kernel")).chain(debug) {
            for text in [&pin.release, &pin.package, &pin.version, &pin.suite] {
                if !is_word(text) {
                    return Some(format!("`{text}` of kernel {} is not a name or version", pin.release));
                }
            }
            if !releases.insert((what, pin.release.as_str())) {
                return Some(format!("the {what} {} is pinned twice", pin.release));
            }
        }
        self.suites.iter().find(|suite| !is_word(suite)).map(|suite| format!("`{suite}` is not a suite"))
    }

    /// The pinned kernel of exactly this release.
    #[must_use]
    pub fn release(&self, release: &str) -> Option<&Pin> {
        self.kernels.iter().find(|pin| pin.release == release)
    }

    /// The pinned debug information of the kernel of exactly this release.
    #[must_use]
    pub fn debug_of(&self, release: &str) -> Option<&Pin> {
        self.debug.iter().find(|pin| pin.release == release)
    }

    /// The pinned kernel that `spec` names, if one is.
    #[must_use]
    pub fn find(&self, spec: &KernelSpec) -> Option<&Pin> {
        spec.pick(&self.kernels, |pin| (&pin.release, &pin.package, &pin.version))
    }
}

/// Parses a file of pins of any kind, and refuses one that contradicts itself.
pub(crate) fn parse_checked<T: DeserializeOwned>(
    text: &str,
    path: &Path,
    inconsistency: impl FnOnce(&T) -> Option<String>,
) -> Result<T, Error> {
    let pins: T = toml::from_str(text).map_err(|source| Error::Pins { path: path.to_owned(), source })?;
    match inconsistency(&pins) {
        None => Ok(pins),
        Some(why) => Err(Error::InconsistentPins { path: path.to_owned(), why }),
    }
}

/// Whether a text can be a package, release, version or suite, and so is harmless as an argument and in a path: letters,
/// digits and `+-.:~`, not beginning with a `-` or `.`, at most 200 characters.
pub(crate) fn is_word(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && !text.starts_with(['-', '.'])
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.:~".contains(&byte))
}

/// How a kernel is named on a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KernelSpec {
    /// By its release, with or without the flavour: `6.1.0-55-cloud-amd64`, `6.1.0-55`.
    Release(String),
    /// By package and version: `linux-image-6.1.0-55-cloud-amd64-unsigned=6.1.192-1`.
    Package {
        /// The binary package.
        package: String,
        /// Its version.
        version: String,
    },
}

impl KernelSpec {
    /// The item that this names. Without a flavour `cloud-amd64` is meant, else the shortest; of several versions of one
    /// release the newest.
    pub(crate) fn pick<'a, T>(
        &self,
        items: &'a [T],
        key: impl Fn(&'a T) -> (&'a str, &'a str, &'a str),
    ) -> Option<&'a T> {
        match self {
            Self::Package { package, version } => items.iter().find(|item| {
                let (_, has_package, has_version) = key(item);
                has_package == package && has_version == version
            }),
            Self::Release(wanted) => {
                let flavour =
                    |release: &'a str| release.strip_prefix(wanted.as_str()).map(|rest| rest.trim_start_matches('-'));
                items.iter().filter(|item| names(wanted, key(item).0)).min_by(|left, right| {
                    let rank = |item: &'a T| {
                        let flavour = flavour(key(item).0).unwrap_or_default();
                        (flavour != PREFERRED_FLAVOUR, flavour.len(), flavour)
                    };
                    rank(left)
                        .cmp(&rank(right))
                        .then_with(|| crate::version::compare(key(left).2, key(right).2).reverse())
                })
            }
        }
    }
}

/// Whether `wanted` is the release, or the release without its flavour.
fn names(wanted: &str, release: &str) -> bool {
    release.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

impl FromStr for KernelSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |why| Error::BadSpec { given: text.to_owned(), what: "a kernel", why };
        match text.split_once('=') {
            Some((package, version)) if is_word(package) && is_word(version) => {
                Ok(Self::Package { package: package.to_owned(), version: version.to_owned() })
            }
            Some(_) => Err(bad("package=version is wanted")),
            None if !is_word(text) => Err(bad("a release such as 6.1.0-55 or package=version is wanted")),
            None if crate::version::line(text).is_none() => Err(bad("a release begins with two numbers, such as 6.1")),
            None => Ok(Self::Release(text.to_owned())),
        }
    }
}

impl std::fmt::Display for KernelSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Release(release) => f.write_str(release),
            Self::Package { package, version } => write!(f, "{package}={version}"),
        }
    }
}

/// Two kernels, `FROM..TO`: the one that boots, and the one whose modules are loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairSpec {
    /// The kernel that boots.
    pub from: KernelSpec,
    /// The kernel whose modules are loaded.
    pub to: KernelSpec,
}

impl FromStr for PairSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (from, to) = text.split_once("..").ok_or_else(|| Error::BadSpec {
            given: text.to_owned(),
            what: "a pair of kernels",
            why: "FROM..TO is wanted",
        })?;
        Ok(Self { from: from.parse()?, to: to.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(spec: &str) -> Option<String> {
        Pins::builtin().unwrap().find(&spec.parse().unwrap()).map(|pin| pin.release.clone())
    }

    #[test]
    fn the_builtin_pins_are_consistent() {
        let pins = Pins::builtin().unwrap();
        assert_eq!(pins.kernels.len(), 5);
        for pin in &pins.kernels {
            assert!(pins.suites.contains(&pin.suite), "{}", pin.release);
            assert_eq!(pin.package, format!("linux-image-{}-unsigned", pin.release));
        }
        for pin in &pins.debug {
            assert_eq!(pin.package, format!("linux-image-{}-dbg", pin.release));
            let kernel = pins.release(&pin.release).unwrap();
            assert_eq!((&kernel.version, &kernel.suite), (&pin.version, &pin.suite), "one build made both");
        }
    }

    #[test]
    fn a_release_is_found_with_and_without_its_flavour_and_never_by_half_a_number() {
        assert_eq!(found("6.1.0-55").as_deref(), Some("6.1.0-55-cloud-amd64"));
        assert_eq!(found("6.1.0-55-cloud-amd64").as_deref(), Some("6.1.0-55-cloud-amd64"));
        assert_eq!(found("6.12.115+deb13").as_deref(), Some("6.12.115+deb13-cloud-amd64"));
        assert_eq!(found("6.12.115+deb13.1").as_deref(), Some("6.12.115+deb13.1-cloud-amd64"));
        assert_eq!(found("6.1.0-5"), None);
        assert_eq!(found("6.1.0-55-amd64"), None);
        assert_eq!(
            found("linux-image-6.1.0-56-cloud-amd64-unsigned=6.1.192-2").as_deref(),
            Some("6.1.0-56-cloud-amd64")
        );
        assert_eq!(found("linux-image-6.1.0-56-cloud-amd64-unsigned=6.1.192-1"), None);
    }

    #[test]
    fn without_a_flavour_the_cloud_kernel_is_meant_and_the_newest_version() {
        let items = [
            ("6.1.0-60-amd64", "6.1.200-1"),
            ("6.1.0-60-rt-amd64", "6.1.200-1"),
            ("6.1.0-60-cloud-amd64", "6.1.200-1"),
            ("6.1.0-60-cloud-amd64", "6.1.200-2"),
        ];
        let pick = |spec: &str, items: &[(&'static str, &'static str)]| {
            spec.parse::<KernelSpec>().unwrap().pick(items, |item| (item.0, "", item.1)).copied()
        };
        assert_eq!(pick("6.1.0-60", &items), Some(("6.1.0-60-cloud-amd64", "6.1.200-2")));
        assert_eq!(pick("6.1.0-60", &items[..2]), Some(("6.1.0-60-amd64", "6.1.200-1")));
        assert_eq!(pick("6.1.0-60-rt", &items), Some(("6.1.0-60-rt-amd64", "6.1.200-1")));
    }

    #[test]
    fn a_pair_is_split_at_two_dots() {
        let pair: PairSpec = "6.12.115+deb13..6.12.115+deb13.1".parse().unwrap();
        assert_eq!(pair.from, KernelSpec::Release("6.12.115+deb13".into()));
        assert_eq!(pair.to, KernelSpec::Release("6.12.115+deb13.1".into()));
        for text in ["6.1.0-55", "..", "6.1.0-55..", "..6.1.0-56", "6.1.0-55..-rf", "a=b=c..6.1", "6.1..$(reboot)"] {
            assert!(text.parse::<PairSpec>().is_err(), "{text}");
        }
    }

    #[test]
    fn wrong_pins_are_refused() {
        let fails =
            |change: &dyn Fn(&str) -> String| Pins::parse(&change(BUILTIN), Path::new("x")).unwrap_err().to_string();
        let text = fails(&|text| text.replacen("size =", "colour = 1\nsize =", 1));
        assert!(text.contains("colour"), "{text}");
        let text = fails(&|text| text.replacen("sha256 = \"", "sha256 = \"0", 1));
        assert!(text.contains("SHA-256"), "{text}");
        let text = fails(&|text| text.replacen("release = \"6.1.0-50-", "release = \"6.1.0-55-", 1));
        assert!(text.contains("pinned twice"), "{text}");
        let text = fails(&|text| text.replacen("version = \"6.1.", "version = \"../6.1.", 1));
        assert!(text.contains("not a name"), "{text}");
    }
}

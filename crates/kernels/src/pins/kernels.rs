//! The pinned kernels of kernel-configs/debian.toml.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use super::file::PinFile;
use super::package::{Pin, is_word};
use super::spec::KernelSpec;
use crate::error::Error;

/// Every pinned kernel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// The suites in which kernels without a pin are looked up.
    pub suites: Vec<String>,
    /// The kernels.
    #[serde(rename = "kernel")]
    pub kernels: Vec<Pin>,
    /// The packages with the debug information (DWARF) of some of them.
    #[serde(default)]
    pub debug: Vec<Pin>,
}

impl Pins {
    /// The pins of kernel-configs/debian.toml at compile time.
    ///
    /// # Errors
    ///
    /// Same as [`Pins::parse`].
    pub fn builtin() -> Result<Self, Error> {
        Self::parse_builtin()
    }

    /// Reads a file of pins.
    ///
    /// # Errors
    ///
    /// [`container::Error::Io`] and the errors of [`Pins::parse`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        Self::load_file(path)
    }

    /// Parses pins. `path` is used only in error messages.
    ///
    /// # Errors
    ///
    /// [`Error::Pins`] for a text that is not TOML of this form (unknown keys are refused),
    /// [`Error::InconsistentPins`] for a release that occurs twice and for an invalid package, version or suite.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        Self::parse_text(text, path)
    }

    /// The pinned kernel with exactly this release.
    #[must_use]
    pub fn release(&self, release: &str) -> Option<&Pin> {
        self.kernels.iter().find(|pin| pin.release == release)
    }

    /// The pinned debug information of the kernel with exactly this release.
    #[must_use]
    pub fn debug_of(&self, release: &str) -> Option<&Pin> {
        self.debug.iter().find(|pin| pin.release == release)
    }

    /// The pinned kernel that `spec` names, if there is one.
    #[must_use]
    pub fn find(&self, spec: &KernelSpec) -> Option<&Pin> {
        spec.pick(&self.kernels, |pin| (&pin.release, &pin.package, &pin.version))
    }
}

impl PinFile for Pins {
    const PATH: &'static str = "kernel-configs/debian.toml";
    const BUILTIN: &'static str = include_str!("../../../../kernel-configs/debian.toml");

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
    fn wrong_pins_are_refused() {
        let fails = |change: &dyn Fn(&str) -> String| {
            util::error::causes(&Pins::parse(&change(Pins::BUILTIN), Path::new("x")).unwrap_err()).join(": ")
        };
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

//! The inputs that decide the bytes of a build, and the key computed from them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::BuildEnv;
use super::build_env;
use super::encoder::ENCODER;
use crate::source::Identity;
use container::image::Manifest;
use util::Sha256;

/// Increment this to rebuild everything although no other input has changed.
const RECIPE: u32 = 1;

/// Prefixes of the names of packages whose version decides the result.
const TOOLCHAIN: [&str; 14] = [
    "binutils",
    "bison",
    "cpp",
    "dwarves",
    "flex",
    "gcc",
    "gzip",
    "libbpf",
    "libc6-dev",
    "libdw",
    "libelf",
    "make",
    "pahole",
    "perl-base",
];

/// All inputs that decide the result of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Inputs {
    pub recipe: u32,
    /// The script's text.
    pub script: &'static str,
    pub source: Identity,
    /// The configuration's name.
    pub config: String,
    /// The merged fragment.
    pub asked: String,
    /// The upgrade's name, or `None` for a first build.
    pub upgrade: Option<String>,
    /// The upgrade's patch.
    pub patch: String,
    pub toolchain: BTreeMap<String, String>,
}

impl Inputs {
    /// The inputs of a first build.
    pub(super) fn first(source: Identity, config: &str, asked: String, build_env: &BuildEnv<'_>) -> Self {
        let mut toolchain = toolchain(&build_env.image.manifest);
        toolchain.extend(build_env.encoder.map(|encoder| (ENCODER.to_owned(), encoder.to_string())));
        Self {
            recipe: RECIPE,
            script: build_env::SCRIPT,
            source,
            config: config.to_owned(),
            asked,
            upgrade: None,
            patch: String::new(),
            toolchain,
        }
    }

    pub(super) fn key(&self) -> Key {
        Key::of(self)
    }
}

fn toolchain(image: &Manifest) -> BTreeMap<String, String> {
    let counts = |name: &str| TOOLCHAIN.iter().any(|prefix| name.starts_with(prefix));
    let packages = image.packages.iter().filter(|(name, _)| counts(name));
    packages.map(|(name, version)| (name.clone(), version.clone())).collect()
}

/// The hash over source, configuration, patch, toolchain and recipe version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Sha256);

impl Key {
    /// The hash over any set of inputs.
    pub(super) fn of(inputs: &impl Serialize) -> Self {
        // Serialisation fails only for a map whose keys are not strings, and there is none.
        Self(Sha256::of(&serde_json::to_vec(inputs).unwrap_or_default()))
    }

    /// The first eight digits, as used in names.
    #[must_use]
    pub fn short(&self) -> String {
        self.0.short(8)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cache entries are found by key, so a key that changes for the same inputs causes a rebuild of everything.
    /// Renaming a field of [`Inputs`] or of [`Identity`] would change it. Increment [`RECIPE`] to do that on purpose.
    #[test]
    fn key_of_the_same_inputs_never_changes() {
        let source = Identity { series: "6.1".into(), version: "6.1.1-1".into(), sha256: Sha256::of(b"source") };
        let packages = [("gcc-12", "12.2.0-14"), ("dwarves", "1.24-4.1")];
        let first = Inputs {
            recipe: 1,
            script: "make\n",
            source,
            config: "strict".into(),
            asked: "CONFIG_DEBUG_INFO_BTF=y\n".into(),
            upgrade: None,
            patch: String::new(),
            toolchain: packages.map(|(name, version)| (name.into(), version.into())).into(),
        };
        let upgrade = Inputs { upgrade: Some("grow".into()), patch: "--- a/x\n+++ b/x\n".into(), ..first.clone() };
        let keys = [first.key(), upgrade.key()].map(|key| key.to_string());
        let expected = [
            "7940b0c8d1b6116623880ab1cce0425625769f210d8da1a2c34adbd74a3d8f0e",
            "4e3f33926a646fb7d088fe6ab31408b0fea34f8839c2c360b4192e3a2844d5d6",
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn toolchain_lists_only_packages_that_decide_the_bytes() {
        let packages = [("gcc-12", "1"), ("make", "2"), ("tzdata", "3"), ("libelf1", "4")];
        let packages = packages.map(|(name, version)| (name.to_owned(), version.to_owned())).into();
        let names: Vec<_> =
            toolchain(&Manifest { id: String::new(), qemu: String::new(), packages }).into_keys().collect();
        assert_eq!(names, ["gcc-12", "libelf1", "make"]);
    }
}

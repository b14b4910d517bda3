//! The configurations and upgrades in `kernel-configs/`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Symbols;
use crate::error::Error;
use crate::pins::is_word;

/// The fragment with which every configuration begins.
const BASE: &str = "base";

/// The fragment whose configuration is built from scratch, see [`Config::base_tree`].
const STRICT: &str = "strict";

/// The upgrade that changes nothing: the same source is linked and encoded again.
pub const NONE: &str = "none";

/// A directory with `fragments/NAME.config`, `upgrades/NAME.patch` and `external/NAME/`. A fragment or patch for a
/// single series is called `NAME@SERIES`. Such a fragment is added to the general one; such a patch replaces the
/// general one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelConfigs {
    root: PathBuf,
}

/// A configuration: fragments on top of the base fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Its name: `strict`, `strict+debug`.
    pub name: String,
    /// Its fragments without the base fragment, in the order in which they are merged.
    pub fragments: Vec<String>,
    /// Symbols, with their `CONFIG_`, that must be off whatever the fragments say, because the source does not
    /// support them.
    pub expected_off: BTreeSet<String>,
}

impl Config {
    /// The configuration with these fragments. An empty list means the base fragment alone.
    #[must_use]
    pub fn new(fragments: &[&str]) -> Self {
        let name = if fragments.is_empty() { BASE.to_owned() } else { fragments.join("+") };
        let fragments = fragments.iter().map(|name| (*name).to_owned()).collect();
        Self { name, fragments, expected_off: BTreeSet::new() }
    }

    /// The configuration on whose output tree this one is built: `strict`, or `None` for `strict` itself.
    pub(super) fn base_tree(&self) -> Option<Self> {
        let strict = Self { expected_off: self.expected_off.clone(), ..Self::new(&[STRICT]) };
        (self.fragments != strict.fragments).then_some(strict)
    }
}

/// Whether the configuration of this name is built from scratch where possible, see [`Config::base_tree`].
pub(super) fn is_from_nothing(config: &str) -> bool {
    config == STRICT
}

/// An upgrade's change to the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// The patch's text, read once: the same text is hashed into the key and applied. `None` for [`NONE`].
    pub patch: Option<String>,
}

impl KernelConfigs {
    /// The configurations in this directory. Files are read only when they are needed.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The names of the fragments, sorted, without those for a single series.
    ///
    /// # Errors
    ///
    /// [`container::Error::Io`].
    pub fn fragments(&self) -> Result<Vec<String>, Error> {
        names(&self.root.join("fragments"), ".config")
    }

    /// The names of the upgrades, sorted, [`NONE`] among them.
    ///
    /// # Errors
    ///
    /// [`container::Error::Io`].
    pub fn upgrades(&self) -> Result<Vec<String>, Error> {
        let mut names = names(&self.root.join("upgrades"), ".patch")?;
        names.push(NONE.to_owned());
        names.sort();
        Ok(names)
    }

    /// The directory of our own modules that are built against a kernel's tree, one directory each.
    pub(super) fn external(&self) -> PathBuf {
        self.root.join("external")
    }

    /// The names of our own modules, sorted.
    ///
    /// # Errors
    ///
    /// [`container::Error::Io`].
    pub fn own_modules(&self) -> Result<Vec<String>, Error> {
        let directory = self.external();
        if directory.is_dir() { names(&directory, "") } else { Ok(Vec::new()) }
    }

    /// Whether all fragments of a configuration exist for a series.
    pub(super) fn has_fragments(&self, config: &Config, series: &str) -> bool {
        config.fragments.iter().all(|name| {
            let (general, own) = self.files("fragments", name, series, "config");
            own.is_file() || general.is_some_and(|path| path.is_file())
        })
    }

    /// Checks that a configuration and an upgrade exist for a series, or for any series if that is unknown. This needs
    /// neither a container nor a source.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownName`] with the names that exist, [`Error::BadFragment`], [`container::Error::Io`].
    pub fn check_names(&self, config: &Config, upgrade: Option<&str>, series: Option<&str>) -> Result<(), Error> {
        if let Some(series) = series {
            self.asked(config, series)?;
            return upgrade.map_or(Ok(()), |upgrade| self.change(upgrade, series).map(drop));
        }
        let exists = |directory: &str, name: &str, extension: &str| {
            let all = file_names(&self.root.join(directory), extension)?;
            Ok::<_, Error>(all.iter().any(|file| file.split('@').next() == Some(name)))
        };
        for name in &config.fragments {
            if !exists("fragments", name, ".config")? {
                return Err(self.unknown_fragment(name)?);
            }
        }
        match upgrade {
            Some(upgrade) if upgrade != NONE && !exists("upgrades", upgrade, ".patch")? => {
                Err(self.unknown_upgrade(upgrade)?)
            }
            _ => Ok(()),
        }
    }

    fn unknown_fragment(&self, name: &str) -> Result<Error, Error> {
        let known = self.fragments()?;
        Ok(Error::UnknownName { what: "configuration fragment", given: name.to_owned(), known })
    }

    fn unknown_upgrade(&self, name: &str) -> Result<Error, Error> {
        Ok(Error::UnknownName { what: "upgrade", given: name.to_owned(), known: self.upgrades()? })
    }

    /// The symbols that a configuration sets for a series.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownName`], [`Error::BadFragment`], [`container::Error::Io`].
    pub fn asked(&self, config: &Config, series: &str) -> Result<Symbols, Error> {
        let mut merged = Symbols::default();
        for name in [BASE.to_owned()].iter().chain(&config.fragments) {
            let (general, own) = self.files("fragments", name, series, "config");
            let general = general.filter(|path| path.is_file());
            if general.is_none() && !own.is_file() {
                return Err(self.unknown_fragment(name)?);
            }
            for path in general.into_iter().chain(Some(own).filter(|path| path.is_file())) {
                merged.merge(Symbols::load(&path)?);
            }
        }
        Ok(merged)
    }

    /// An upgrade's change for a series.
    pub(super) fn change(&self, upgrade: &str, series: &str) -> Result<Change, Error> {
        if upgrade == NONE {
            return Ok(Change { patch: None });
        }
        let (general, own) = self.files("upgrades", upgrade, series, "patch");
        let Some(patch) = Some(own).filter(|path| path.is_file()).or(general.filter(|path| path.is_file())) else {
            return Err(self.unknown_upgrade(upgrade)?);
        };
        let text = fs::read_to_string(&patch).map_err(|source| Error::io("read", &patch, source))?;
        Ok(Change { patch: Some(text) })
    }

    /// The general file of a name, if the name is not empty, and the file for this series.
    fn files(&self, directory: &str, name: &str, series: &str, extension: &str) -> (Option<PathBuf>, PathBuf) {
        let directory = self.root.join(directory);
        if !is_word(name) {
            return (None, directory.join("none"));
        }
        let general = directory.join(format!("{name}.{extension}"));
        (Some(general), directory.join(format!("{name}@{series}.{extension}")))
    }
}

/// The names of a directory's files with this extension, sorted, without those for a single series.
fn names(directory: &Path, extension: &str) -> Result<Vec<String>, Error> {
    let mut names = file_names(directory, extension)?;
    names.retain(|name| !name.contains('@'));
    names.sort();
    Ok(names)
}

/// The names of a directory's files with this extension, which is cut off.
fn file_names(directory: &Path, extension: &str) -> Result<Vec<String>, Error> {
    let failed = |source| Error::io("read", directory, source);
    fs::read_dir(directory)
        .map_err(failed)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().strip_suffix(extension).map(str::to_owned)))
        .filter_map(|name: io::Result<_>| name.transpose())
        .collect::<Result<_, _>>()
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> KernelConfigs {
        KernelConfigs::at(concat!(env!("CARGO_MANIFEST_DIR"), "/../../kernel-configs"))
    }

    #[test]
    fn strict_and_allow_mismatch_differ_in_one_symbol() {
        let asked = |fragments: &[&str]| ours().asked(&Config::new(fragments), "6.1").unwrap();
        let symbol = "CONFIG_MODULE_ALLOW_BTF_MISMATCH";
        let (strict, lenient) = (asked(&["strict"]), asked(&["allow-mismatch"]));
        assert_eq!((strict.get(symbol), lenient.get(symbol)), ("n", "y"));
        assert_eq!(strict.lost(&lenient, &[symbol.to_owned()].into()), []);
        assert_eq!(strict.get("CONFIG_DEBUG_INFO_BTF_MODULES"), "y");
    }

    #[test]
    fn files_for_one_series_add_to_a_fragment_and_replace_a_patch() {
        let directory = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("fragments/base.config", "CONFIG_A=y\nCONFIG_B=y\n");
        write("fragments/base@7.2.config", "CONFIG_B=m\n");
        write("upgrades/grow.patch", "general");
        write("upgrades/grow@7.2.patch", "own");
        let configs = KernelConfigs::at(directory.path());
        let asked = |series| configs.asked(&Config::new(&[]), series).unwrap().to_string();
        assert_eq!(asked("6.1"), "CONFIG_A=y\nCONFIG_B=y\n");
        assert_eq!(asked("7.2"), "CONFIG_A=y\nCONFIG_B=m\n");
        assert_eq!(configs.change("grow", "6.1").unwrap().patch.as_deref(), Some("general"));
        assert_eq!(configs.change("grow", "7.2").unwrap().patch.as_deref(), Some("own"));
        assert_eq!(configs.change(NONE, "7.2").unwrap().patch, None);
        assert_eq!(configs.fragments().unwrap(), ["base"]);
        assert_eq!(configs.upgrades().unwrap(), ["grow", "none"]);
    }

    #[test]
    fn unknown_names_are_reported_with_the_known_ones() {
        for name in ["softer", "../base", ""] {
            let error = ours().asked(&Config::new(&[name]), "6.1").unwrap_err().to_string();
            assert!(error.contains("known: allow-mismatch, base, strict"), "{error}");
            let error = ours().change(name, "6.1").unwrap_err().to_string();
            assert!(error.contains("grow"), "{error}");
        }
    }

    #[test]
    fn check_names_knows_names_of_any_series() {
        let directory = tempfile::tempdir().unwrap();
        for path in ["fragments/base.config", "fragments/new@7.2.config", "upgrades/grow@7.2.patch"] {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let configs = KernelConfigs::at(directory.path());
        let check = |fragment: &str, upgrade, series| configs.check_names(&Config::new(&[fragment]), upgrade, series);
        for upgrade in [None, Some(NONE), Some("grow")] {
            check("new", upgrade, None).unwrap();
            check("new", upgrade, Some("7.2")).unwrap();
        }
        for (fragment, upgrade, series) in
            [("old", None, None), ("new", Some("gro"), None), ("new", None, Some("6.1")), ("../new", None, None)]
        {
            let error = check(fragment, upgrade, series).unwrap_err();
            assert!(matches!(error, Error::UnknownName { .. }), "{error}");
        }
    }

    #[test]
    fn every_patch_of_ours_says_its_licence() {
        let mut seen = 0;
        for entry in fs::read_dir(ours().root.join("upgrades")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "patch") {
                let text = fs::read_to_string(&path).unwrap();
                assert!(text.starts_with("SPDX-License-Identifier: GPL-2.0\n"), "{path:?}");
                seen += 1;
            }
        }
        assert!(seen >= ours().upgrades().unwrap().len() - 1, "those for one series only among them");
    }
}

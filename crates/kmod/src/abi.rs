//! Whether an upgrade keeps the module ABI, from the modules alone.
//!
//! A distribution's kernel package has no `Module.symvers`, but every module carries the CRC of each symbol that it
//! imports. So the imports of one release's modules show what that release exports, and the modules of another
//! release can be compared with it. If the kernel image is available, [`crate::KernelImage::exports`] gives the rest.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde::{Deserialize, Serialize};

use crate::symbols::Export;
use crate::versions::Version;

/// The versions of one module, as owned data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleVersions {
    /// The module's name as the kernel knows it.
    pub module: String,
    /// Symbols and CRCs, in the order of the module.
    pub versions: Vec<(String, u32)>,
}

impl ModuleVersions {
    /// Copies the result of [`crate::Module::versions`].
    #[must_use]
    pub fn new(module: impl Into<String>, versions: &[Version<'_>]) -> Self {
        let versions = versions.iter().map(|version| (version.symbol.to_owned(), version.crc)).collect();
        Self { module: module.into(), versions }
    }
}

/// The known CRCs of one release.
#[derive(Debug, Clone, Default)]
pub struct SymbolCrcs {
    crcs: HashMap<String, (u32, usize)>,
    origins: Vec<String>,
    conflicts: Vec<CrcConflict>,
}

/// A symbol for which two parts of one release have different CRCs: the parts are not from one build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrcConflict {
    /// The symbol.
    pub symbol: String,
    /// The CRC that is used: the one that was added first.
    pub crc: u32,
    /// The part that has it.
    pub origin: String,
    /// The other CRC.
    pub other_crc: u32,
    /// The part that has the other CRC.
    pub other_origin: String,
}

impl SymbolCrcs {
    /// Collects the imports of a release's modules.
    #[must_use]
    pub fn from_modules<'a>(modules: impl IntoIterator<Item = &'a ModuleVersions>) -> Self {
        let mut crcs = Self::default();
        for module in modules {
            crcs.add(&module.module, module.versions.iter().map(|(symbol, crc)| (symbol.as_str(), *crc)));
        }
        crcs
    }

    /// Adds symbols that `origin` imports or exports: a module, `vmlinux`, `Module.symvers`. A CRC that differs from
    /// a known one is recorded in [`SymbolCrcs::conflicts`].
    pub fn add<'a>(&mut self, origin: &str, symbols: impl IntoIterator<Item = (&'a str, u32)>) {
        let index = self.origins.len();
        self.origins.push(origin.to_owned());
        for (symbol, crc) in symbols {
            match self.crcs.entry(symbol.to_owned()) {
                Entry::Vacant(entry) => {
                    entry.insert((crc, index));
                }
                Entry::Occupied(entry) if entry.get().0 == crc => {}
                Entry::Occupied(entry) => {
                    let &(known, known_origin) = entry.get();
                    self.conflicts.push(CrcConflict {
                        symbol: symbol.to_owned(),
                        crc: known,
                        origin: self.origins[known_origin].clone(),
                        other_crc: crc,
                        other_origin: origin.to_owned(),
                    });
                }
            }
        }
    }

    /// Adds the exports of `origin`, as [`crate::KernelImage::exports`] or [`crate::Module::exports`] return them. If
    /// the exports of the image and of all modules are added, any other symbol does not exist.
    pub fn add_exports(&mut self, origin: &str, exports: &[Export<'_>]) {
        self.add(origin, exports.iter().filter_map(|export| Some((export.symbol, export.crc?))));
    }

    /// The CRC of `symbol`, if it is known.
    #[must_use]
    pub fn get(&self, symbol: &str) -> Option<u32> {
        self.crcs.get(symbol).map(|&(crc, _)| crc)
    }

    /// How many symbols are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.crcs.len()
    }

    /// Whether no symbol is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.crcs.is_empty()
    }

    /// The conflicts between parts of the release, in the order in which the parts were added.
    #[must_use]
    pub fn conflicts(&self) -> &[CrcConflict] {
        &self.conflicts
    }
}

/// An import whose CRC differs in the running release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DifferingCrc {
    /// The module that imports the symbol.
    pub module: String,
    /// The symbol.
    pub symbol: String,
    /// Its CRC in the running release (A).
    pub crc_a: u32,
    /// The CRC that the module (of B) requires.
    pub crc_b: u32,
}

/// The result of [`compare`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbiReport {
    /// The number of modules of B that were compared.
    pub modules: usize,
    /// The number of modules without versions, which cannot be judged.
    pub modules_without_versions: usize,
    /// The number of modules that import at least one symbol with another CRC: the running kernel A refuses to load
    /// them.
    pub modules_with_differing_crc: usize,
    /// The number of modules that import at least one symbol that is unknown in A.
    pub modules_with_unknown_symbol: usize,
    /// The number of imports of B's modules that were compared.
    pub imports: usize,
    /// The differing imports, sorted by module and symbol.
    pub differing: Vec<DifferingCrc>,
    /// The symbols that B's modules import and whose CRC in A is unknown, sorted. The modules' versions alone do not
    /// show whether A has them.
    pub unknown_symbols: Vec<String>,
    /// The conflicts within A. If there are any, the comparison is unreliable.
    pub conflicts_in_a: Vec<CrcConflict>,
}

impl AbiReport {
    /// Whether the pair keeps the ABI, as far as known: there was something to compare, all CRCs are equal, and A has
    /// no conflicts. Unknown symbols are ignored.
    #[must_use]
    pub fn is_compatible(&self) -> bool {
        self.imports > 0 && self.differing.is_empty() && self.conflicts_in_a.is_empty()
    }

    /// The symbols with differing CRCs, sorted, without duplicates.
    #[must_use]
    pub fn differing_symbols(&self) -> Vec<&str> {
        let mut symbols: Vec<_> = self.differing.iter().map(|differing| differing.symbol.as_str()).collect();
        symbols.sort_unstable();
        symbols.dedup();
        symbols
    }
}

/// Compares the imports of B's modules with the known CRCs of the running release A.
#[must_use]
pub fn compare<'b>(a: &SymbolCrcs, b_modules: impl IntoIterator<Item = &'b ModuleVersions>) -> AbiReport {
    let mut report = AbiReport { conflicts_in_a: a.conflicts.clone(), ..AbiReport::default() };
    for module in b_modules {
        report.modules += 1;
        report.modules_without_versions += usize::from(module.versions.is_empty());
        let (differing, unknown) = (report.differing.len(), report.unknown_symbols.len());
        for (symbol, crc_b) in &module.versions {
            match a.get(symbol) {
                None => report.unknown_symbols.push(symbol.clone()),
                Some(crc_a) => {
                    report.imports += 1;
                    if crc_a != *crc_b {
                        let (module, symbol, crc_b) = (module.module.clone(), symbol.clone(), *crc_b);
                        report.differing.push(DifferingCrc { module, symbol, crc_a, crc_b });
                    }
                }
            }
        }
        report.modules_with_differing_crc += usize::from(report.differing.len() > differing);
        report.modules_with_unknown_symbol += usize::from(report.unknown_symbols.len() > unknown);
    }
    report.differing.sort_unstable();
    report.unknown_symbols.sort_unstable();
    report.unknown_symbols.dedup();
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(name: &str, versions: &[(&str, u32)]) -> ModuleVersions {
        let versions = versions.iter().map(|&(symbol, crc)| (symbol.to_owned(), crc)).collect();
        ModuleVersions { module: name.to_owned(), versions }
    }

    #[test]
    fn modules_are_counted_and_not_symbols() {
        let a = SymbolCrcs::from_modules(&[module("x", &[("f", 1), ("g", 2)]), module("y", &[("f", 1)])]);
        assert!(a.conflicts().is_empty());
        let b = [
            module("y", &[("g", 7), ("f", 8)]),
            module("x", &[("f", 1), ("new", 3)]),
            module("z", &[("new", 3), ("f", 1)]),
            module("none", &[]),
        ];
        let report = compare(&a, &b);
        assert_eq!((report.modules, report.modules_with_differing_crc, report.modules_without_versions), (4, 1, 1));
        assert_eq!((report.imports, report.modules_with_unknown_symbol), (4, 2));
        let rows: Vec<_> = report.differing.iter().map(|row| (row.symbol.as_str(), row.crc_a, row.crc_b)).collect();
        assert_eq!(rows, [("f", 1, 8), ("g", 2, 7)]);
        assert_eq!(report.unknown_symbols, ["new"]);
        assert_eq!(report.differing_symbols(), ["f", "g"]);
        assert!(!report.is_compatible());
    }

    #[test]
    fn equal_crcs_are_compatible_and_nothing_compared_is_not() {
        let modules = [module("x", &[("f", 1)])];
        let a = SymbolCrcs::from_modules(&modules);
        assert!(compare(&a, &modules).is_compatible());
        assert!(!compare(&a, &[]).is_compatible());
        assert!(!compare(&SymbolCrcs::default(), &modules).is_compatible());
    }

    #[test]
    fn a_release_that_contradicts_itself_is_reported() {
        let a = SymbolCrcs::from_modules(&[module("x", &[("f", 1)]), module("y", &[("f", 2)])]);
        let conflict = CrcConflict {
            symbol: "f".to_owned(),
            crc: 1,
            origin: "x".to_owned(),
            other_crc: 2,
            other_origin: "y".to_owned(),
        };
        assert_eq!(a.conflicts(), std::slice::from_ref(&conflict));
        let report = compare(&a, &[module("x", &[("f", 1)])]);
        assert_eq!(report.conflicts_in_a, [conflict]);
        assert!(!report.is_compatible());
    }
}

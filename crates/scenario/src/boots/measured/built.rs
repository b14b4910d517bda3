//! Additional measurements for kernels that were built from source.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Measurements of two kernels that were built from source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuiltKernels {
    /// Whether the modules' kernel and the running one have the same exports, checked before the boot.
    #[serde(rename = "proof")]
    pub symvers: SymversCheck,
    /// The size of the running kernel's base.
    pub running_base: BaseSize,
    /// The size of the modules' build base.
    pub modules_base: BaseSize,
}

/// The comparison of two Module.symvers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SymversCheck {
    /// The number of symbols that the modules' kernel and its modules export.
    pub symbols: usize,
    /// The number of them with another CRC in the running kernel.
    pub differing: usize,
    /// The number of them that the running kernel does not export.
    pub missing: usize,
    /// The number of them without a CRC, which cannot be compared.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unversioned: usize,
    /// The names of differing or missing symbols, sorted within each group; ten at most.
    pub names: Vec<String>,
}

impl fmt::Display for SymversCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.compatible() {
            return f.write_str(
                "compatible: every symbol of the modules' Module.symvers has the same CRC in the running kernel's",
            );
        }
        if !self.broken() {
            let Self { symbols, unversioned, .. } = self;
            return write!(f, "not compatible as far as is known: of {symbols} symbols {unversioned} have no CRC");
        }
        let (differing, missing) = self.names.split_at(self.differing.min(self.names.len()));
        let parts = [("another CRC of", differing, self.differing), ("no longer there:", missing, self.missing)];
        let parts: Vec<_> = parts
            .iter()
            .filter(|(.., count)| *count > 0)
            .map(|(what, names, count)| match count.saturating_sub(names.len()) {
                0 => format!("{what} {}", names.join(", ")),
                further if names.is_empty() => format!("{what} {further} symbols"),
                further => format!("{what} {} and {further} more", names.join(", ")),
            })
            .collect();
        write!(f, "not compatible: {}", parts.join("; "))
    }
}

impl SymversCheck {
    /// Whether every module built for one kernel finds its imports in the other. False if a symbol has no CRC,
    /// because then this is unknown.
    #[must_use]
    pub const fn compatible(&self) -> bool {
        self.symbols > 0 && self.unversioned == 0 && !self.broken()
    }

    /// Whether a symbol is missing or has another CRC. If a CRC is unknown, the pair may be neither compatible nor
    /// broken.
    #[must_use]
    pub const fn broken(&self) -> bool {
        self.differing > 0 || self.missing > 0
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The size of a base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseSize {
    /// The number of types, without *void*.
    pub types: u32,
    /// The length of the strings in bytes.
    pub strings: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_names_what_differs_and_what_is_missing() {
        let proof = |differing, missing, names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            SymversCheck { symbols: 100, differing, missing, unversioned: 0, names }.to_string()
        };
        assert!(proof(0, 0, &[]).starts_with("compatible: every symbol"));
        assert_eq!(proof(1, 0, &["a"]), "not compatible: another CRC of a");
        assert_eq!(proof(0, 2, &["a", "b"]), "not compatible: no longer there: a, b");
        assert_eq!(proof(1, 1, &["a", "b"]), "not compatible: another CRC of a; no longer there: b");
        assert_eq!(
            proof(3, 1, &["a", "b"]),
            "not compatible: another CRC of a, b and 1 more; no longer there: 1 symbols"
        );
        let unversioned = |unversioned| {
            SymversCheck { symbols: 100, differing: 0, missing: 0, unversioned, names: Vec::new() }.to_string()
        };
        assert_eq!(unversioned(1), "not compatible as far as is known: of 100 symbols 1 have no CRC");
        assert_eq!(proof(1, 0, &["a", "b", "c"]), "not compatible: another CRC of a", "more names than were counted");
        assert_eq!(proof(1, 1, &["a", "b", "c"]), "not compatible: another CRC of a; no longer there: b, c");
    }
}

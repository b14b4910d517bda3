//! What the host measures of kernels that were built from source, beside what it measures of all.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What can be told of two kernels that were built from source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuiltKernels {
    /// Whether the modules' kernel and the running one export the same, proven before the boot.
    #[serde(rename = "proof")]
    pub symvers: SymversCheck,
    /// How large the running kernel's base is.
    pub running_base: BaseSize,
    /// How large the base is that the modules were made with.
    pub modules_base: BaseSize,
}

/// What two Module.symvers say of each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SymversCheck {
    /// How many symbols the modules' kernel and its modules export.
    pub symbols: usize,
    /// How many of them have another CRC in the running kernel.
    pub differing: usize,
    /// How many of them the running kernel does not export.
    pub missing: usize,
    /// How many of them have no CRC, so that nothing is proven of them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unversioned: usize,
    /// The names of those that differ or are missing, sorted within each; ten at most.
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
    /// Whether every module that was built for the one finds in the other what it needs. Where a symbol has no CRC, that is
    /// not known.
    #[must_use]
    pub const fn compatible(&self) -> bool {
        self.symbols > 0 && self.unversioned == 0 && !self.broken()
    }

    /// Whether a symbol is missing or has another CRC. Neither this nor the other is so where a CRC is not known.
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
    /// How many types it holds, *void* not counted.
    pub types: u32,
    /// How many bytes of strings.
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

//! What the host measured, as plain data.

use guest_protocol::SysfsBtf;
use serde::{Deserialize, Serialize};

use super::built::BuiltKernels;
use crate::boots::transcript::LoadStep;

/// What the host measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Whether the modules fit the running kernel, by CRC, over all modules of both kernels.
    pub abi: AbiMeasurement,
    /// Whether the running kernel's BTF is, byte for byte, the base that the modules were made with.
    pub same_base: bool,
    /// What parsing and writing back the BTF of every module and base gave.
    pub round_trip: RoundTrip,
    /// For each module whose BTF the kernel accepted, whether it is true. In the order of loading; read from a file, the
    /// modules of which a type differs come before those of which none does.
    pub fidelity: Vec<TypeFidelity>,
    /// The modules with a base of their own whose BTF the kernel accepted, in the order of loading.
    pub relocated: Vec<RelocatedModule>,
    /// What is known only of kernels that were built from source.
    pub built: Option<BuiltKernels>,
}

/// A module that brings a base of its own, and what a kernel that relocates its BTF by that makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelocatedModule {
    /// The module.
    pub module: String,
    /// What `btf::relocate` makes of its BTF, for comparison with what the kernel shows; nothing if that is not known.
    pub expected: Option<SysfsBtf>,
    /// Why that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// Whether the modules of one kernel fit another by CRC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbiMeasurement {
    /// How many modules the kernel has whose modules are loaded.
    pub modules: usize,
    /// How many of them carry no versions at all, so that nothing is known about them.
    pub without_versions: usize,
    /// How many of them import a symbol whose CRC differs in the running kernel.
    pub differing: usize,
    /// Symbols whose CRC differs, by the number of modules that import them, most first; ten at most.
    pub symbols: Vec<DifferingSymbol>,
    /// How many symbols differ in all.
    pub differing_symbols: usize,
    /// How many imported symbols the running kernel is not known to have: nothing is known about their CRCs.
    pub undecidable: usize,
}

/// A symbol with another CRC in the running kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DifferingSymbol {
    /// The symbol's name.
    pub symbol: String,
    /// How many modules import it.
    pub modules: usize,
}

impl AbiMeasurement {
    /// Whether every module says what it imports, and none of it has another CRC.
    #[must_use]
    pub const fn compatible(&self) -> bool {
        self.differing == 0 && self.without_versions == 0
    }
}

/// What parsing and writing back gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundTrip {
    /// How many bases were tried: that of the running kernel and that of the modules' own.
    pub bases: usize,
    /// How many modules were tried.
    pub modules: usize,
    /// What did not come back byte for byte, and why; empty if all is well.
    pub failed: Vec<String>,
}

/// Whether the BTF that the kernel accepted for a module means the same against the running base as against the base
/// that it was made with. All counts are of the module's own types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeFidelity {
    /// The module.
    pub module: String,
    /// How many types its BTF holds.
    pub types: usize,
    /// How many have, themselves or in a type that they name directly, another name or kind.
    pub other_name_or_kind: usize,
    /// How many have another layout: a size, a member's name or offset, or the layout of what they contain by value.
    pub other_layout: usize,
    /// How many reach, through any chain of references, a type that differs.
    pub other_closure: usize,
    /// Some of the types that differ, as they were meant and as the running kernel sees them; kept for the modules with the
    /// most of them only.
    pub examples: Vec<Example>,
}

impl TypeFidelity {
    /// Of a module whose every type means what it meant.
    #[must_use]
    pub const fn all_true(module: String, types: usize) -> Self {
        Self { module, types, other_name_or_kind: 0, other_layout: 0, other_closure: 0, examples: Vec::new() }
    }

    /// Whether it is what [`TypeFidelity::all_true`] makes.
    #[must_use]
    pub const fn is_all_zero(&self) -> bool {
        self.holds() && self.examples.is_empty()
    }

    /// Whether every type means what it meant when it was encoded.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.other_name_or_kind == 0 && self.other_layout == 0 && self.other_closure == 0
    }
}

/// One type that is no longer what it was: a line of C each, of a struct, union or enum with those members or values that
/// differ most tellingly. Where the difference is too far away to show in such a line, the way to it follows the type. It
/// holds no ids and no string offsets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// As it was encoded: the type against its own base.
    pub meant: String,
    /// As the running kernel sees it: the same bytes against the running base.
    pub seen: String,
}

/// Whether the BTF that a kernel accepted for a module is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fidelity {
    /// Every type means what it meant.
    True,
    /// A type means something else.
    Wrong,
    /// What was measured is not what the kernel holds, or nothing could be measured.
    Unknown,
}

impl Measured {
    /// Whether the BTF that the kernel accepted in a step is true.
    ///
    /// What was measured is of the bytes of a module's section, or of what `btf::relocate` makes of them, so that nothing is
    /// known of a kernel that shows others.
    #[must_use]
    pub fn fidelity(&self, step: &LoadStep<'_>) -> Fidelity {
        let of = |module: &str| module == step.given.module;
        let truth = self.fidelity.iter().find(|it| of(&it.module));
        let measured_bytes = match self.relocated.iter().find(|it| of(&it.module)) {
            Some(relocated) => relocated.expected.as_ref(),
            None => step.given.btf.as_ref(),
        };
        match truth {
            Some(truth) if !truth.holds() => Fidelity::Wrong,
            Some(_) if step.load.btf.is_some() && step.load.btf.as_ref() == measured_bytes => Fidelity::True,
            _ => Fidelity::Unknown,
        }
    }
}

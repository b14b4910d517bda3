//! The host's measurements as plain data.

use guest_protocol::SysfsBtf;
use serde::{Deserialize, Serialize};

use super::built::BuiltKernels;
use crate::boots::transcript::LoadStep;

/// The host's measurements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Whether the modules fit the running kernel by CRC, over all modules of both kernels.
    pub abi: AbiMeasurement,
    /// Whether the running kernel's BTF equals the modules' build base byte for byte.
    pub same_base: bool,
    /// The result of parsing and writing back the BTF of every module and base.
    pub round_trip: RoundTrip,
    /// The fidelity of each module's BTF that the kernel accepted, in load order. If read from a file, modules with a
    /// differing type come before the others.
    pub fidelity: Vec<TypeFidelity>,
    /// The modules with their own base whose BTF the kernel accepted, in load order.
    pub relocated: Vec<RelocatedModule>,
    /// Additional measurements for kernels that were built from source.
    pub built: Option<BuiltKernels>,
}

/// A module with its own base, and the expected result of the kernel's relocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelocatedModule {
    /// The module.
    pub module: String,
    /// The result of `btf::relocate` for its BTF, for comparison with the kernel's; `None` if unknown.
    pub expected: Option<SysfsBtf>,
    /// The reason why it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// Whether the modules of one kernel fit another by CRC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbiMeasurement {
    /// The number of modules of the kernel whose modules are loaded.
    pub modules: usize,
    /// The number of them without versions, which cannot be judged.
    pub without_versions: usize,
    /// The number of them that import a symbol whose CRC differs in the running kernel.
    pub differing: usize,
    /// Symbols whose CRC differs, sorted by the number of importing modules in descending order; ten at most.
    pub symbols: Vec<DifferingSymbol>,
    /// The number of all symbols that differ.
    pub differing_symbols: usize,
    /// The number of imported symbols that are not known to exist in the running kernel, so their CRCs are unknown.
    pub undecidable: usize,
}

/// A symbol with another CRC in the running kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DifferingSymbol {
    /// The symbol's name.
    pub symbol: String,
    /// The number of modules that import it.
    pub modules: usize,
}

impl AbiMeasurement {
    /// Whether every module has versions, and none of its imports has another CRC.
    #[must_use]
    pub const fn compatible(&self) -> bool {
        self.differing == 0 && self.without_versions == 0
    }
}

/// The result of parsing and writing back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundTrip {
    /// The number of bases: the running kernel's and the modules' own.
    pub bases: usize,
    /// The number of modules.
    pub modules: usize,
    /// The parts that differ after the round trip, and why; empty if there are none.
    pub failed: Vec<String>,
}

/// Whether BTF that the kernel accepted for a module has the same meaning against the running base as against its
/// build base. All counts are of the module's own types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeFidelity {
    /// The module.
    pub module: String,
    /// The number of types in its BTF.
    pub types: usize,
    /// The number of types with another name or kind, in the type itself or in a type that it refers to directly.
    pub other_name_or_kind: usize,
    /// The number of types with another layout: a size, a member's name or offset, or the layout of a type contained
    /// by value.
    pub other_layout: usize,
    /// The number of types that reach a differing type through any chain of references.
    pub other_closure: usize,
    /// Some of the types that differ, with their original meaning and as the running kernel sees them. Kept only for
    /// the modules with the most such types.
    pub examples: Vec<Example>,
}

impl TypeFidelity {
    /// The fidelity of a module whose types all have their original meaning.
    #[must_use]
    pub const fn all_true(module: String, types: usize) -> Self {
        Self { module, types, other_name_or_kind: 0, other_layout: 0, other_closure: 0, examples: Vec::new() }
    }

    /// Whether it equals the result of [`TypeFidelity::all_true`].
    #[must_use]
    pub const fn is_all_zero(&self) -> bool {
        self.holds() && self.examples.is_empty()
    }

    /// Whether every type has the meaning with which it was encoded.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.other_name_or_kind == 0 && self.other_layout == 0 && self.other_closure == 0
    }
}

/// A type whose meaning has changed, as one line of C before and after. A struct, union or enum shows only the
/// members or values that differ most clearly. If the difference is too far away to appear in the line, the path to
/// it follows. The lines contain no ids and no string offsets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The type as encoded: over its own base.
    pub meant: String,
    /// The type as the running kernel sees it: the same bytes over the running base.
    pub seen: String,
}

/// Whether BTF that a kernel accepted for a module is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fidelity {
    /// Every type has its original meaning.
    True,
    /// A type has another meaning.
    Wrong,
    /// The kernel's BTF is not the measured one, or nothing could be measured.
    Unknown,
}

impl Measured {
    /// Whether the BTF that the kernel accepted in a step is true.
    ///
    /// The measurement applies to the bytes of a module's section, or to the result of `btf::relocate`. If the kernel
    /// shows other bytes, nothing is known about them.
    #[must_use]
    pub fn fidelity(&self, step: &LoadStep<'_>) -> Fidelity {
        let of = |module: &str| module == step.given.module;
        let compared = self.fidelity.iter().find(|it| of(&it.module));
        let measured_bytes = match self.relocated.iter().find(|it| of(&it.module)) {
            Some(relocated) => relocated.expected.as_ref(),
            None => step.given.btf.as_ref(),
        };
        match compared {
            Some(compared) if !compared.holds() => Fidelity::Wrong,
            Some(_) if step.load.btf.is_some() && step.load.btf.as_ref() == measured_bytes => Fidelity::True,
            _ => Fidelity::Unknown,
        }
    }
}

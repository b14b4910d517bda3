//! What the host measured about the kernels and modules of a run, beside what the guest said: the schema of
//! `measured.json`.
//!
//! It is kept next to the transcript, so that a snapshot can be replayed from the two without the kernels.

mod built;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use guest_protocol::SysfsBtf;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use built::{BaseSize, BuiltKernels, SymversCheck};

use super::transcript::LoadStep;

/// The version of the schema. A reader refuses another one.
pub const VERSION: u32 = 1;

/// The file, in a scenario's folder, that holds it.
pub const FILE: &str = "measured.json";

/// What the host measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// [`VERSION`] of the writer.
    pub measured: u32,
    /// Whether the modules fit the running kernel, by CRC, over all modules of both kernels.
    pub abi: AbiMeasurement,
    /// Whether the running kernel's BTF is, byte for byte, the base that the modules were made with.
    pub same_base: bool,
    /// What parsing and writing back the BTF of every module and base gave.
    pub round_trip: RoundTrip,
    /// For each module whose BTF the kernel accepted, in the order of loading, whether it is true.
    #[serde(rename = "truth")]
    pub fidelity: Vec<TypeFidelity>,
    /// The modules with a base of their own whose BTF the kernel accepted, in the order of loading.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relocated: Vec<RelocatedModule>,
    /// What can be told of kernels only that were built from source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    /// How many of them carry no versions at all, so that nothing can be said of them.
    pub without_versions: usize,
    /// How many of them import a symbol whose CRC differs in the running kernel.
    pub differing: usize,
    /// Symbols whose CRC differs, by the number of modules that import them, most first; ten at most.
    pub symbols: Vec<DifferingSymbol>,
    /// How many symbols differ in all.
    pub differing_symbols: usize,
    /// How many imported symbols the running kernel is not known to have: nothing can be said about their CRCs.
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

/// What can be said of the BTF that a kernel accepted for a module.
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
    /// What can be said of the BTF that the kernel accepted in a step.
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

/// Why measurements cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    #[error("failed to read the measurements {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file could not be replaced; it is as it was.
    #[error("cannot write the measurements {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system reported.
        source: util::atomic::Error,
    },
    /// The text is not what it should be.
    #[error("failed to understand the measurements: {0}")]
    Parse(#[from] serde_json::Error),
    /// Another version of the schema.
    #[error(
        "failed to read measurements of schema version {found}: this program reads version {VERSION}; record them anew"
    )]
    Version {
        /// The version found.
        found: u32,
    },
}

impl Measured {
    /// Reads measurements from their text.
    ///
    /// # Errors
    ///
    /// Text that is not JSON of the schema, or of another version.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let measured: Self = serde_json::from_str(text)?;
        match measured.measured {
            VERSION => Ok(measured),
            found => Err(Error::Version { found }),
        }
    }

    /// Reads measurements from a file.
    ///
    /// # Errors
    ///
    /// As [`Measured::parse`], and a file that cannot be read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Replaces a file by these measurements, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        util::atomic::replace(path, text.as_bytes()).map_err(|source| Error::Write { path: path.to_owned(), source })
    }
}

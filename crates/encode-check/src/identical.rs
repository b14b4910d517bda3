//! How many files have to be byte for byte as shipped.
//!
//! The comparison by meaning ignores the order of types and strings. But what a kernel reports of BTF over another base depends on
//! that order. So our encoder writes pahole's order, and `kernel-configs/encode-check.toml` records, for each kernel, how many files
//! come out byte for byte as shipped.

use serde::{Deserialize, Serialize};

const BUILTIN: &str = include_str!("../../../kernel-configs/encode-check.toml");

/// The file of the records, for messages.
pub(crate) const RECORDED_IN: &str = "kernel-configs/encode-check.toml";

/// How many files of a kernel are byte for byte as shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identical {
    /// Whether the kernel itself is.
    pub vmlinux: bool,
    /// How many of its modules are.
    pub modules: u32,
}

impl Identical {
    /// Whether the other has a file more, the kernel itself or a module.
    #[must_use]
    pub const fn is_less_than(self, other: Self) -> bool {
        (!self.vmlinux && other.vmlinux) || self.modules < other.modules
    }
}

/// For each recorded kernel, how many of its files are byte for byte as shipped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdenticalBaseline {
    #[serde(rename = "kernel")]
    kernels: Vec<RecordedKernel>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedKernel {
    package: String,
    vmlinux: bool,
    modules: u32,
}

impl IdenticalBaseline {
    /// The content of kernel-configs/encode-check.toml when this was compiled.
    ///
    /// # Errors
    ///
    /// The file is not TOML of this form.
    pub fn builtin() -> Result<Self, toml::de::Error> {
        toml::from_str(BUILTIN)
    }

    /// The record of the kernel with this debug package, `package=version`.
    #[must_use]
    pub fn of(&self, package: &str) -> Option<Identical> {
        let kernel = self.kernels.iter().find(|kernel| kernel.package == package)?;
        Some(Identical { vmlinux: kernel.vmlinux, modules: kernel.modules })
    }

    /// The recorded debug packages.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.kernels.iter().map(|kernel| kernel.package.as_str())
    }
}

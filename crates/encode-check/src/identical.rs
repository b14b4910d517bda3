//! Files that are byte for byte what was shipped, and how many they have to be.
//!
//! The comparison by meaning does not see the order of types and strings. But what a kernel says of BTF over another base
//! depends on it. So the encoder has pahole's, and is held to that by what is recorded in `kernel-configs/encode-check.toml`.

use serde::{Deserialize, Serialize};

use crate::FileReport;
use crate::kernel::VMLINUX;

const BUILTIN: &str = include_str!("../../../kernel-configs/encode-check.toml");

/// The file with what is recorded, for people.
pub(crate) const RECORDED_IN: &str = "kernel-configs/encode-check.toml";

/// How many files of a kernel are byte for byte what was shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identical {
    /// Whether the kernel itself is.
    pub vmlinux: bool,
    /// How many of its modules are.
    pub modules: u32,
}

impl Identical {
    /// Counts those of a kernel.
    #[must_use]
    pub fn count(files: &[FileReport]) -> Self {
        let of = |kernel: bool| {
            let files = files.iter().filter(move |file| (file.file == VMLINUX) == kernel);
            files.filter(|file| file.compared().is_some_and(|compared| compared.identical)).count()
        };
        Self { vmlinux: of(true) > 0, modules: u32::try_from(of(false)).unwrap_or(u32::MAX) }
    }

    /// Whether one that is there is not in the other.
    #[must_use]
    pub const fn is_less_than(self, other: Self) -> bool {
        (!self.vmlinux && other.vmlinux) || self.modules < other.modules
    }
}

/// What is recorded of kernels: how many of their files are byte for byte what was shipped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    #[serde(rename = "kernel")]
    kernels: Vec<Kernel>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kernel {
    package: String,
    vmlinux: bool,
    modules: u32,
}

impl Recorded {
    /// What kernel-configs/encode-check.toml says, as it was when this was compiled.
    ///
    /// # Errors
    ///
    /// The file is no TOML of this form.
    pub fn builtin() -> Result<Self, toml::de::Error> {
        toml::from_str(BUILTIN)
    }

    /// What is recorded of the kernel with this package of debug information, `package=version`.
    #[must_use]
    pub fn of(&self, package: &str) -> Option<Identical> {
        let kernel = self.kernels.iter().find(|kernel| kernel.package == package)?;
        Some(Identical { vmlinux: kernel.vmlinux, modules: kernel.modules })
    }

    /// The packages of which something is recorded.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.kernels.iter().map(|kernel| kernel.package.as_str())
    }
}

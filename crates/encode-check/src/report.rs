//! What came of the comparison, as plain data.

use serde::{Deserialize, Serialize};

use crate::{LIMIT, RULES};

/// The version of the data's form, in every JSON document.
pub const VERSION: u32 = 1;

/// What came of all kernels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// The kernels, in the order in which they were asked for.
    pub kernels: Vec<KernelReport>,
}

/// What came of one kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelReport {
    /// What `uname -r` says.
    pub release: String,
    /// The package with the DWARF and the BTF, and its version.
    pub package: String,
    /// The version of the pahole that made the BTF: `1.24`.
    pub pahole: String,
    /// The kernel itself first, then its modules, sorted by path.
    pub files: Vec<FileReport>,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

/// What came of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileReport {
    /// Its path in the directory of the modules; `vmlinux` for the kernel itself.
    pub file: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was encoded and compared.
    Compared(Compared),
    /// It was not, and why.
    Failed(String),
}

/// A file that was encoded and compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// How many types we made.
    pub ours: u32,
    /// How many types were shipped.
    pub shipped: u32,
    /// How many both have.
    pub common: u32,
    /// How long our BTF is, in bytes.
    pub our_bytes: u64,
    /// How long the shipped BTF is, in bytes.
    pub shipped_bytes: u64,
    /// What of our types should not be there, since the base has it: each a kind and a name.
    pub redundant: Vec<String>,
    /// What the encoder left out of the file and counted; nothing if it left out nothing.
    pub left_out: Option<String>,
    /// What only one of the two has.
    pub differences: Vec<Difference>,
}

/// A type that only one of the two has, or that each has otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The type's id on our side, if we have it.
    pub ours: Option<u32>,
    /// Its id on the distribution's side, if that has it.
    pub shipped: Option<u32>,
    /// Its kind, as the kernel writes it.
    pub kind: String,
    /// Its name, escaped; empty for a type without one.
    pub name: String,
    /// What is different.
    pub what: String,
    /// The name of the rule that predicts it; nothing if none does.
    pub rule: Option<String>,
    /// Whether the type is the same in itself, and only refers to others that are explained.
    pub follows: bool,
}

/// What can be said of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No difference.
    Equal,
    /// Every difference is predicted by a rule.
    Explained,
    /// A difference that no rule predicts, or a type that should not be there.
    Unexplained,
    /// It could not be compared.
    Failed,
}

impl FileReport {
    /// What can be said of it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match &self.outcome {
            Outcome::Failed(_) => Standing::Failed,
            Outcome::Compared(it) if it.differences.iter().any(|difference| difference.rule.is_none()) => {
                Standing::Unexplained
            }
            Outcome::Compared(it) if !it.redundant.is_empty() => Standing::Unexplained,
            Outcome::Compared(it) if it.differences.is_empty() => Standing::Equal,
            Outcome::Compared(_) => Standing::Explained,
        }
    }

    /// The comparison, if there was one.
    #[must_use]
    pub const fn compared(&self) -> Option<&Compared> {
        match &self.outcome {
            Outcome::Compared(compared) => Some(compared),
            Outcome::Failed(_) => None,
        }
    }
}

impl KernelReport {
    /// The files that were compared.
    pub fn compared(&self) -> impl Iterator<Item = &Compared> {
        self.files.iter().filter_map(FileReport::compared)
    }

    /// Every difference.
    pub fn differences(&self) -> impl Iterator<Item = &Difference> {
        self.compared().flat_map(|compared| &compared.differences)
    }

    /// How many files have this standing, the kernel itself among them.
    #[must_use]
    pub fn count(&self, standing: Standing) -> usize {
        self.files.iter().filter(|file| file.standing() == standing).count()
    }

    /// How many types were compared: those that both have and those that differ.
    #[must_use]
    pub fn types(&self) -> u64 {
        let common: u64 = self.compared().map(|compared| u64::from(compared.common)).sum();
        common.saturating_add(self.differences().count() as u64)
    }

    /// How many types differ in themselves, and are explained. Those that only follow are not counted: with what they refer to
    /// taken for the same they are the same.
    #[must_use]
    pub fn explained(&self) -> u64 {
        self.differences().filter(|it| it.rule.is_some() && !it.follows).count() as u64
    }

    /// Of the explained ones, those that pahole itself makes one way or the other from run to run.
    #[must_use]
    pub fn explained_by_chance(&self) -> u64 {
        let is_chance = |difference: &&Difference| {
            let rule = RULES.iter().find(|rule| difference.rule.as_deref() == Some(rule.name));
            rule.is_some_and(|rule| rule.chance) && !difference.follows
        };
        self.differences().filter(is_chance).count() as u64
    }

    /// Whether more than one type in [`LIMIT`] is explained, where nothing is left to chance: what pahole made otherwise in
    /// another run is counted, and told, but cannot be held against an encoder.
    #[must_use]
    pub fn over_limit(&self) -> bool {
        let explained = self.explained().saturating_sub(self.explained_by_chance());
        explained.saturating_mul(LIMIT) >= self.types().max(1)
    }

    /// The bytes of all BTF, ours and shipped, of the modules or of the kernel itself.
    #[must_use]
    pub fn bytes(&self, kernel: bool) -> [u64; 2] {
        let of = |file: &&FileReport| (file.file == crate::kernel::VMLINUX) == kernel;
        let compared = self.files.iter().filter(of).filter_map(FileReport::compared);
        compared.fold([0, 0], |[ours, shipped], it| [ours + it.our_bytes, shipped + it.shipped_bytes])
    }

    /// Whether all of the encoder's BTF takes more bytes than what was shipped.
    #[must_use]
    pub fn too_large(&self) -> bool {
        [true, false].into_iter().any(|kernel| {
            let [ours, shipped] = self.bytes(kernel);
            ours > shipped
        })
    }

    /// Whether everything was compared, is the same or explained, and within its bounds.
    #[must_use]
    pub fn holds(&self) -> bool {
        let bad = self.count(Standing::Failed) + self.count(Standing::Unexplained);
        let any_module = self.files.iter().any(|file| file.file != crate::kernel::VMLINUX);
        bad == 0 && any_module && self.types() > 0 && !self.over_limit() && !self.too_large()
    }
}

impl Report {
    /// Whether every kernel holds, and there is one.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.kernels.is_empty() && self.kernels.iter().all(KernelReport::holds)
    }
}

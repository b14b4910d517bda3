//! The result of the comparison, as plain data.

use serde::{Deserialize, Serialize};

use crate::rules::{Rule, threads};
use crate::{Identical, LIMIT};

/// The version of the data's form, in every JSON document.
pub const VERSION: u32 = 1;

/// How the kernel itself is called among the files.
pub(crate) const VMLINUX: &str = "vmlinux";

/// What came of all kernels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// The kernels that were checked, in the order in which they were asked for.
    pub kernels: Vec<KernelReport>,
    /// Those that could not be, since a package of theirs is not to be had.
    pub unavailable: Vec<UnavailableKernel>,
}

/// A kernel that was not checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnavailableKernel {
    /// What `uname -r` says.
    pub release: String,
    /// Which package is not to be had, and why.
    pub why: String,
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
    /// How many files are byte for byte what was shipped.
    pub identical: Identical,
    /// How many have to be; nothing if that is not recorded of this package.
    pub recorded: Option<Identical>,
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
    pub outcome: FileOutcome,
}

/// What came of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileOutcome {
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
    /// Whether our BTF is the shipped one byte for byte, order and all.
    pub identical: bool,
    /// What of our types should not be there, since the base has it: each a kind and a name.
    pub redundant: Vec<String>,
    /// What the encoder left out of the file and counted; nothing if it left out nothing.
    pub left_out: Option<String>,
    /// How many differences the rule `threads` explains: they disappear if the file is encoded with the assignment of CUs to
    /// pahole's threads. Zero unless other rules explain all that remain. All numbers above are of the encoding in the
    /// order of the file.
    pub threads: u32,
    /// What only one of the two has. If `threads` is not 0, of the encoding with the assignment of CUs to pahole's threads,
    /// else of the encoding in the order of the file.
    pub differences: Vec<Difference>,
}

impl Compared {
    /// Takes what differs under the schedule of pahole's threads in place of what differs in the order of the file, if it is
    /// less and other rules predict all of it. A schedule that leaves anything open is not how the shipped BTF was made,
    /// however much it explains.
    pub(crate) fn take_threads(&mut self, differences: Vec<Difference>) {
        let explained = self.differences.len().saturating_sub(differences.len());
        if explained > 0 && differences.iter().all(|difference| difference.rule.is_some()) {
            self.threads = u32::try_from(explained).unwrap_or(u32::MAX);
            self.differences = differences;
        }
    }

    /// Equal, or with differences that rules explain or not.
    #[must_use]
    pub fn verdict(&self) -> FileVerdict {
        let is_open = self.differences.iter().any(|difference| difference.rule.is_none());
        match is_open || !self.redundant.is_empty() {
            true => FileVerdict::Unexplained,
            false if self.threads == 0 && self.differences.is_empty() => FileVerdict::Equal,
            false => FileVerdict::Explained,
        }
    }
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
}

/// The verdict on a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileVerdict {
    /// No difference.
    Equal,
    /// Every difference is predicted by a rule.
    Explained,
    /// A difference that no rule predicts, or a type that should not be there.
    Unexplained,
    /// It could not be compared.
    Failed,
}

impl Identical {
    /// Counts the files of a kernel that are byte for byte as shipped.
    #[must_use]
    pub fn count(files: &[FileReport]) -> Self {
        let of = |kernel: bool| {
            let files = files.iter().filter(move |file| (file.file == VMLINUX) == kernel);
            files.filter(|file| file.compared().is_some_and(|compared| compared.identical)).count()
        };
        Self { vmlinux: of(true) > 0, modules: u32::try_from(of(false)).unwrap_or(u32::MAX) }
    }
}

impl FileReport {
    /// The verdict of its comparison; `Failed` if it was not compared.
    #[must_use]
    pub fn verdict(&self) -> FileVerdict {
        match &self.outcome {
            FileOutcome::Failed(_) => FileVerdict::Failed,
            FileOutcome::Compared(compared) => compared.verdict(),
        }
    }

    /// The comparison, if there was one.
    #[must_use]
    pub const fn compared(&self) -> Option<&Compared> {
        match &self.outcome {
            FileOutcome::Compared(compared) => Some(compared),
            FileOutcome::Failed(_) => None,
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

    /// How many files have this verdict, the kernel itself among them.
    #[must_use]
    pub fn count(&self, verdict: FileVerdict) -> usize {
        self.files.iter().filter(|file| file.verdict() == verdict).count()
    }

    /// How many types were compared: those that both have and those that differ.
    #[must_use]
    pub fn types(&self) -> u64 {
        let common: u64 = self.compared().map(|compared| u64::from(compared.common)).sum();
        common.saturating_add(self.differences().count() as u64).saturating_add(self.by_chance())
    }

    /// How many types differ from what was shipped because of pahole's threads: the rule `threads`.
    #[must_use]
    pub fn by_chance(&self) -> u64 {
        self.compared().map(|compared| u64::from(compared.threads)).sum()
    }

    /// How many types a rule explains.
    #[must_use]
    pub fn explained_by(&self, rule: &Rule) -> u64 {
        match rule.name == threads::RULE.name {
            true => self.by_chance(),
            false => self.differences().filter(|it| it.rule.as_deref() == Some(rule.name)).count() as u64,
        }
    }

    /// How many types all other rules explain.
    #[must_use]
    pub fn explained(&self) -> u64 {
        self.differences().filter(|it| it.rule.is_some()).count() as u64
    }

    /// Whether more than one type in [`LIMIT`] is explained. Differences that the rule `threads` explains do
    /// not count: another run of the same pahole differs from the shipped BTF there, too.
    #[must_use]
    pub fn over_limit(&self) -> bool {
        self.explained().saturating_mul(LIMIT) >= self.types().max(1)
    }

    /// The bytes of all BTF, ours and shipped, of the modules or of the kernel itself.
    #[must_use]
    pub fn bytes(&self, kernel: bool) -> [u64; 2] {
        let of = |file: &&FileReport| (file.file == VMLINUX) == kernel;
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

    /// Whether fewer files are byte for byte what was shipped than is recorded: what they mean aside, the order of types or
    /// strings got worse.
    #[must_use]
    pub fn too_few_identical(&self) -> bool {
        self.recorded.is_some_and(|recorded| self.identical.is_less_than(recorded))
    }

    /// Whether everything was compared, is the same or explained, and within its bounds.
    #[must_use]
    pub fn holds(&self) -> bool {
        let bad = self.count(FileVerdict::Failed) + self.count(FileVerdict::Unexplained);
        let any_module = self.files.iter().any(|file| file.file != VMLINUX);
        let in_bounds = !self.over_limit() && !self.too_large() && !self.too_few_identical();
        bad == 0 && any_module && self.types() > 0 && in_bounds
    }
}

impl Report {
    /// Whether every kernel that was checked holds: also if none was.
    #[must_use]
    pub fn none_fails(&self) -> bool {
        self.kernels.iter().all(KernelReport::holds)
    }

    /// Whether every kernel that was asked for was checked and holds, and there is one.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.kernels.is_empty() && self.none_fails() && self.unavailable.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(rules: &[Option<&str>]) -> Vec<Difference> {
        let of = |rule: &Option<&str>| Difference {
            ours: Some(1),
            shipped: None,
            kind: "FUNC".into(),
            name: "f".into(),
            what: "only ours has it".into(),
            rule: rule.map(str::to_owned),
        };
        rules.iter().map(of).collect()
    }

    /// The verdict on a file with three differences in its own order, and these with the assignment of CUs to pahole's threads.
    fn taken(rules: &[Option<&str>]) -> (FileVerdict, u32, usize) {
        let mut compared = Compared {
            ours: 9,
            shipped: 9,
            common: 6,
            our_bytes: 90,
            shipped_bytes: 90,
            identical: false,
            redundant: Vec::new(),
            left_out: None,
            threads: 0,
            differences: differences(&[None, None, None]),
        };
        compared.take_threads(differences(rules));
        (compared.verdict(), compared.threads, compared.differences.len())
    }

    #[test]
    fn a_schedule_is_taken_if_it_leaves_nothing_but_what_other_rules_predict() {
        assert_eq!(taken(&[]), (FileVerdict::Explained, 3, 0));
        assert_eq!(taken(&[Some("repeated")]), (FileVerdict::Explained, 2, 1));
        assert_eq!(taken(&[None]), (FileVerdict::Unexplained, 0, 3), "it explains two, and one stays open");
        assert_eq!(taken(&[Some("repeated"), None]), (FileVerdict::Unexplained, 0, 3));
        assert_eq!(taken(&[Some("repeated"); 3]), (FileVerdict::Unexplained, 0, 3), "it explains none");
    }
}

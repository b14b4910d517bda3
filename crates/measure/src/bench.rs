//! How fast BTF is encoded: ours against pahole, in one run.

use serde::{Deserialize, Serialize};

use crate::{Setting, Spread};

/// The time and memory that ours and pahole take for the same files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bench {
    /// [`crate::VERSION`].
    pub version: u32,
    /// On what it was measured.
    pub setting: Setting,
    /// What `uname -r` says.
    pub release: String,
    /// The package with the debug information, and its version.
    pub origin: String,
    /// How pahole was called, but for inputs and outputs.
    pub pahole: Vec<String>,
    /// How ours was called, likewise.
    pub ours: Vec<String>,
    /// What was encoded, each by both.
    pub tasks: Vec<Task>,
    /// What the outputs of the last runs are to each other.
    pub checked: Checked,
}

/// What was encoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// How many modules; nothing for the kernel itself.
    pub modules: Option<usize>,
    /// How many cores were used: by pahole as one process a module, so many at a time, or as `-j`; by ours as threads.
    pub cores: usize,
    /// Ours.
    pub ours: Vec<Timing>,
    /// pahole's.
    pub pahole: Vec<Timing>,
}

/// One run of one of the two, measured inside the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// From the first start to the last end, in microseconds.
    pub real: u64,
    /// In user mode on all cores, in microseconds.
    pub user: u64,
    /// In the kernel on all cores, in microseconds.
    pub system: u64,
    /// The most memory that a single process had, in KiB.
    pub peak: u64,
}

/// How many outputs are the same by meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// Of how many files the output was compared.
    pub files: usize,
    /// The same by meaning.
    pub equal: usize,
    /// The same but for what listed rules predict.
    pub explained: usize,
    /// Those that are not, and why.
    pub wrong: Vec<String>,
}

/// The spread of something over runs; nothing if there are none.
#[must_use]
pub fn spread(runs: &[Timing], of: fn(&Timing) -> u64) -> Option<Spread> {
    let mut values: Vec<u64> = runs.iter().map(of).collect();
    values.sort_unstable();
    Some(Spread { min: *values.first()?, median: values[(values.len() - 1) / 2], max: *values.last()? })
}

/// The median of something over runs; 0 if there are none.
#[must_use]
pub fn median(runs: &[Timing], of: fn(&Timing) -> u64) -> u64 {
    spread(runs, of).map_or(0, |spread| spread.median)
}

impl Task {
    /// How many times longer pahole takes, by medians of the real time.
    #[must_use]
    pub fn speedup(&self) -> Option<f64> {
        let of = |runs| median(runs, |run| run.real);
        util::number::ratio(of(&self.pahole), of(&self.ours))
    }

    /// How many times the memory pahole needs, by medians of the largest process.
    #[must_use]
    pub fn memory(&self) -> Option<f64> {
        let of = |runs| median(runs, |run| run.peak);
        util::number::ratio(of(&self.pahole), of(&self.ours))
    }

    /// How it is called.
    #[must_use]
    pub fn title(&self) -> String {
        let what = match self.modules {
            None => "vmlinux".to_owned(),
            Some(modules) => util::number::of(modules, "module"),
        };
        format!("{what}, {}", util::number::of(self.cores, "core"))
    }
}

impl Bench {
    /// The task with the most modules, or that of the kernel itself, on the most cores.
    #[must_use]
    pub fn largest(&self, modules: bool) -> Option<&Task> {
        let of = self.tasks.iter().filter(|task| task.modules.is_some() == modules);
        of.max_by_key(|task| (task.modules, task.cores))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sizes::tests::setting;

    fn runs(real: &[u64], peak: u64) -> Vec<Timing> {
        real.iter().map(|&real| Timing { real, user: real, system: real / 10, peak }).collect()
    }

    pub(crate) fn bench() -> Bench {
        let task = |modules, cores, ours: &[u64], pahole: &[u64]| Task {
            modules,
            cores,
            ours: runs(ours, 200_000),
            pahole: runs(pahole, 455_000),
        };
        Bench {
            version: crate::VERSION,
            setting: setting(),
            release: "6.1.0-56-cloud-amd64".into(),
            origin: "linux-image-6.1.0-56-cloud-amd64-dbg 6.1.192-2".into(),
            pahole: vec!["pahole".into(), "-J".into()],
            ours: vec!["modbtf".into(), "encode".into()],
            tasks: vec![
                task(None, 2, &[900_000, 800_000, 1_000_000], &[3_500_000, 3_600_000, 3_400_000]),
                task(Some(10), 2, &[50_000], &[300_000]),
                task(Some(1121), 1, &[3_400_000], &[60_000_000]),
                task(Some(1121), 2, &[1_700_000, 1_800_000, 1_600_000], &[34_000_000, 35_000_000, 33_000_000]),
            ],
            checked: Checked { files: 1122, equal: 1120, explained: 2, wrong: Vec::new() },
        }
    }

    #[test]
    fn ratios_are_of_medians_and_the_largest_task_is_that_with_most_modules_and_cores() {
        let bench = bench();
        let (modules, kernel) = (bench.largest(true).unwrap(), bench.largest(false).unwrap());
        assert_eq!((modules.modules, modules.cores, modules.speedup()), (Some(1121), 2, Some(20.0)));
        assert_eq!((kernel.title().as_str(), kernel.memory()), ("vmlinux, 2 cores", Some(2.275)));
        assert_eq!(spread(&[], |run| run.real), None);
        assert_eq!(Task { ours: Vec::new(), ..kernel.clone() }.speedup(), None);
    }
}

//! The speed of encoding BTF: ours and pahole's, in one run.

use serde::{Deserialize, Serialize};

use crate::{Setting, Spread};

/// The time and memory that our encoder and pahole take for the same files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bench {
    /// [`crate::VERSION`].
    pub version: u32,
    /// The circumstances of the measurement.
    pub setting: Setting,
    /// The output of `uname -r`.
    pub release: String,
    /// The package with the debug information, and its version.
    pub origin: String,
    /// pahole's arguments, without inputs and outputs.
    pub pahole: Vec<String>,
    /// Our arguments, without inputs and outputs.
    pub ours: Vec<String>,
    /// The tasks. Each was done by both encoders.
    pub tasks: Vec<Task>,
    /// The comparison of the last runs' outputs.
    pub checked: Checked,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The number of modules; `None` for the kernel itself.
    pub modules: Option<usize>,
    /// The number of cores: for pahole the number of parallel processes, one per module, or the value of `-j`; for
    /// ours the number of threads.
    pub cores: usize,
    /// Our runs.
    pub ours: Vec<Timing>,
    /// pahole's runs.
    pub pahole: Vec<Timing>,
}

/// One run of one encoder, measured inside the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// From the first start to the last end, in microseconds.
    pub real: u64,
    /// Time in user mode on all cores, in microseconds.
    pub user: u64,
    /// Time in the kernel on all cores, in microseconds.
    pub system: u64,
    /// The maximum memory of a single process, in KiB.
    pub peak: u64,
}

/// The number of outputs that are equal by meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// The number of files whose output was compared.
    pub files: usize,
    /// The number of files that are equal by meaning.
    pub equal: usize,
    /// The number of files whose differences listed rules predict.
    pub explained: usize,
    /// The other files, with their differences.
    pub wrong: Vec<String>,
}

/// The spread of a value over runs; `None` if there are none.
#[must_use]
pub fn spread(runs: &[Timing], of: fn(&Timing) -> u64) -> Option<Spread> {
    let mut values: Vec<u64> = runs.iter().map(of).collect();
    values.sort_unstable();
    Some(Spread { min: *values.first()?, median: values[(values.len() - 1) / 2], max: *values.last()? })
}

/// The median of a value over runs; 0 if there are none.
#[must_use]
pub fn median(runs: &[Timing], of: fn(&Timing) -> u64) -> u64 {
    spread(runs, of).map_or(0, |spread| spread.median)
}

impl Task {
    /// pahole's time divided by ours, by medians of the real time.
    #[must_use]
    pub fn speedup(&self) -> Option<f64> {
        let of = |runs| median(runs, |run| run.real);
        util::number::ratio(of(&self.pahole), of(&self.ours))
    }

    /// pahole's memory divided by ours, by medians of the largest process.
    #[must_use]
    pub fn memory(&self) -> Option<f64> {
        let of = |runs| median(runs, |run| run.peak);
        util::number::ratio(of(&self.pahole), of(&self.ours))
    }

    /// A title for the task.
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
    /// The task with the most modules, or for the kernel itself, on the most cores.
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

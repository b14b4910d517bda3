//! The time that encoding the BTF of all modules adds to a build.

use serde::{Deserialize, Serialize};

use crate::Setting;

/// The time of builds with nothing to do, and of builds that encode the BTF of every module again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overhead {
    /// [`crate::VERSION`].
    pub version: u32,
    /// The circumstances of the measurement.
    pub setting: Setting,
    /// The output of `uname -r`.
    pub release: String,
    /// The source and the configuration.
    pub origin: String,
    /// The compiler in the kernel's configuration.
    pub compiler: String,
    /// The number of make's parallel jobs.
    pub jobs: usize,
    /// The number of the kernel's modules.
    pub modules: usize,
    /// The commands, each measured once without changes and once after `touch vmlinux`.
    pub measurements: Vec<Measurement>,
}

/// One command, run several times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// The command: `make -j2 modules`.
    pub command: String,
    /// Whether vmlinux was touched before, so that the BTF of every module had to be encoded again.
    pub touched: bool,
    /// Its runs, in order.
    pub runs: Vec<Run>,
}

/// One run, measured inside the container, including all child processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// From its start to its end, in milliseconds.
    pub real: u64,
    /// Time in user mode on all cores, in milliseconds.
    pub user: u64,
    /// Time in the kernel on all cores, in milliseconds.
    pub system: u64,
    /// The number of modules whose BTF was encoded.
    pub encoded: usize,
    /// The number of modules that were linked again.
    pub linked: usize,
    /// The number of all steps that kbuild printed.
    pub steps: usize,
}

impl Run {
    /// Processor time in milliseconds.
    #[must_use]
    pub fn processor(&self) -> u64 {
        self.user.saturating_add(self.system)
    }

    /// Processor time in percent of the real time; 0 for a run without measurable length.
    #[must_use]
    pub fn share(&self) -> u64 {
        self.processor().saturating_mul(100).checked_div(self.real).unwrap_or(0)
    }
}

/// The spread of one measurement's runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// The minimum.
    pub min: u64,
    /// The median; the lower of the two middle values if their number is even.
    pub median: u64,
    /// The maximum.
    pub max: u64,
}

impl Measurement {
    /// The spread of a value over all runs; `None` if there are none.
    #[must_use]
    pub fn spread(&self, of: fn(&Run) -> u64) -> Option<Spread> {
        let mut values: Vec<u64> = self.runs.iter().map(of).collect();
        values.sort_unstable();
        Some(Spread { min: *values.first()?, median: values[(values.len() - 1) / 2], max: *values.last()? })
    }

    /// The median of a value over all runs; 0 if there are none.
    #[must_use]
    pub fn median(&self, of: fn(&Run) -> u64) -> u64 {
        self.spread(of).map_or(0, |spread| spread.median)
    }
}

impl Overhead {
    /// Each command's two measurements: without changes, and after `touch vmlinux`.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&Measurement, &Measurement)> {
        let before = self.measurements.iter().filter(|it| !it.touched);
        let after =
            |before: &Measurement| self.measurements.iter().find(|it| it.touched && it.command == before.command);
        before.filter_map(|before| Some((before, after(before)?))).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sizes::tests::setting;

    fn runs(real: &[u64], encoded: usize) -> Vec<Run> {
        real.iter()
            .map(|&real| Run { real, user: real, system: real / 2, encoded, linked: 0, steps: 2 * encoded })
            .collect()
    }

    pub(crate) fn overhead() -> Overhead {
        let one = |command: &str, touched, real: &[u64]| {
            let (command, runs) = (command.to_owned(), runs(real, if touched { 16 } else { 0 }));
            Measurement { command, touched, runs }
        };
        Overhead {
            version: crate::VERSION,
            setting: setting(),
            release: "6.1.192-modbtf".into(),
            origin: "built from source 6.1 6.1.192-2, configuration strict".into(),
            compiler: "gcc (Debian 14.2.0-19) 14.2.0".into(),
            jobs: 2,
            modules: 16,
            measurements: vec![
                one("make -j2", false, &[1_900, 2_000, 1_800]),
                one("make -j2", true, &[9_000, 7_000, 8_000]),
                one("make -j2 modules", false, &[1_000, 1_010, 990]),
                one("make -j2 modules", true, &[3_000, 3_500, 3_100]),
            ],
        }
    }

    #[test]
    fn a_spread_is_of_the_runs_in_order_of_size() {
        let overhead = overhead();
        let (before, after) = overhead.pairs()[0];
        assert_eq!(before.spread(|run| run.real), Some(Spread { min: 1_800, median: 1_900, max: 2_000 }));
        assert_eq!((after.median(|run| run.real), after.command.as_str()), (8_000, "make -j2"));
        assert_eq!(overhead.pairs().len(), 2);
        assert_eq!(Measurement { runs: runs(&[4, 1, 3, 2], 0), ..before.clone() }.median(|run| run.real), 2);
        assert_eq!(Measurement { runs: Vec::new(), ..before.clone() }.spread(|run| run.real), None);
    }

    #[test]
    fn the_share_is_of_the_real_time() {
        let run = Run { real: 2_000, user: 2_500, system: 500, encoded: 0, linked: 0, steps: 0 };
        assert_eq!((run.processor(), run.share()), (3_000, 150));
        assert_eq!(Run { real: 0, ..run }.share(), 0);
    }
}

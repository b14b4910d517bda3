//! The endings of a scenario, and the exit codes of `cargo xtask repro`.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | every scenario that ran is as recorded |
//! | 1 | a scenario differs from the record |
//! | 2 | usage: the command line or a definition is invalid |
//! | 3 | the environment: no engine, no package, no space, no network; or a scenario's kernels are unavailable, or no scenario ran |
//! | 4 | a virtual machine panicked, hung, or was lost; the report shows which |
//! | 130 | interrupted |
//!
//! If several apply, the first of 130, 4, 1, 3 is used: a failure in a machine outweighs a difference, and a
//! difference outweighs a scenario that could not run.

use cli::Exit;
use serde::{Serialize, Serializer};
use vm::MachineLost;

/// The ending of one scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "ending", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ending {
    /// As recorded.
    Pass,
    /// Recorded, because `--bless` asked for it.
    Blessed,
    /// A pair from the command line ran to its end. It has no record to compare with, so there is no verdict.
    Measured,
    /// Not as recorded.
    Differs {
        /// A unified diff from the recorded to the observed text, or a description of another difference.
        diff: String,
    },
    /// An option excludes it.
    NotRun {
        /// The reason.
        why: String,
    },
    /// It did not run, or its run does not count.
    Unavailable {
        /// The reason, and what is available instead.
        why: String,
    },
    /// The environment lacks something: space, a file, a working engine.
    Environment {
        /// The missing thing.
        what: String,
    },
    /// The kernel panicked.
    Panic {
        /// The panic's line.
        what: String,
    },
    /// The machine stopped making progress and was killed.
    Hang {
        /// The phase, and the time without progress.
        what: String,
    },
    /// QEMU or the guest's PID 1 failed, or the guest's report is unusable.
    Lost {
        /// The failure.
        what: String,
    },
    /// It was interrupted.
    Interrupted,
}

impl Ending {
    /// The word for tables.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Blessed => "blessed",
            Self::Measured => "measured",
            Self::Differs { .. } => "differs",
            Self::NotRun { .. } => "not run",
            Self::Unavailable { .. } => "unavailable",
            Self::Environment { .. } => "environment",
            Self::Panic { .. } => "panic",
            Self::Hang { .. } => "hang",
            Self::Lost { .. } => "lost",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether the scenario ran to its end, with any result.
    #[must_use]
    pub const fn ran(&self) -> bool {
        matches!(self, Self::Pass | Self::Blessed | Self::Measured | Self::Differs { .. })
    }

    /// The ending of a scenario whose boot did not complete; `None` if it did.
    #[must_use]
    pub fn of_unfinished(boot: &vm::BootEnding) -> Option<Self> {
        let what = boot.to_string();
        match boot {
            vm::BootEnding::Completed => None,
            vm::BootEnding::Panic { .. } => Some(Self::Panic { what }),
            vm::BootEnding::Hang { .. } => Some(Self::Hang { what }),
            vm::BootEnding::Interrupted => Some(Self::Interrupted),
            vm::BootEnding::Lost { how: MachineLost::NoSpace { .. } } => Some(Self::Environment { what }),
            _ => Some(Self::Lost { what }),
        }
    }

    /// The text that belongs to the word: a diff, a reason, a line; empty if there is none.
    #[must_use]
    pub fn detail(&self) -> &str {
        match self {
            Self::Differs { diff } => diff,
            Self::NotRun { why } | Self::Unavailable { why } => why,
            Self::Environment { what } | Self::Panic { what } | Self::Hang { what } | Self::Lost { what } => what,
            Self::Pass | Self::Blessed | Self::Measured | Self::Interrupted => "",
        }
    }

    const fn exit(&self) -> Exit {
        match self {
            Self::Pass | Self::Blessed | Self::Measured | Self::NotRun { .. } => Exit::Success,
            Self::Differs { .. } => Exit::Failed,
            Self::Unavailable { .. } | Self::Environment { .. } => Exit::Environment,
            Self::Panic { .. } | Self::Hang { .. } | Self::Lost { .. } => Exit::Machine,
            Self::Interrupted => Exit::Interrupted,
        }
    }
}

/// The exit code of a whole run.
///
/// With `allow_unavailable`, unavailable scenarios are ignored if `each_showed_something`: something ran in every group
/// of requested scenarios, and an upgrade in every group of which one was requested. Excluded scenarios are ignored,
/// but the run fails if all are excluded.
#[must_use]
pub fn overall<'a>(
    endings: impl Iterator<Item = &'a Ending> + Clone,
    allow_unavailable: bool,
    each_showed_something: bool,
) -> Exit {
    let worst = [Exit::Interrupted, Exit::Machine, Exit::Failed];
    if let Some(exit) = worst.into_iter().find(|exit| endings.clone().any(|ending| ending.exit() == *exit)) {
        return exit;
    }
    let lacking = endings.clone().any(|ending| matches!(ending, Ending::Environment { .. }));
    let unavailable = endings.clone().any(|ending| matches!(ending, Ending::Unavailable { .. }));
    let let_pass = allow_unavailable && each_showed_something;
    let left_out = endings.clone().any(|ending| matches!(ending, Ending::NotRun { .. }));
    let nothing = left_out && !endings.clone().any(Ending::ran);
    if lacking || nothing || (unavailable && !let_pass) { Exit::Environment } else { Exit::Success }
}

/// Serializes an exit code as its word in the JSON report.
pub(crate) fn serialize_exit<S: Serializer>(exit: &Exit, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match exit {
        Exit::Success => "recorded",
        Exit::Failed => "differs",
        Exit::Usage => "usage",
        Exit::Environment => "environment",
        Exit::Machine => "machine",
        Exit::Interrupted => "interrupted",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable() -> Ending {
        Ending::Unavailable { why: "gone".into() }
    }

    #[test]
    fn overall_does_not_pass_scenarios_that_did_not_run() {
        assert_eq!(overall([Ending::Pass, unavailable()].iter(), false, true), Exit::Environment);
        assert_eq!(overall([Ending::Pass, unavailable()].iter(), true, true), Exit::Success);
        assert_eq!(overall([Ending::Pass, unavailable()].iter(), true, false), Exit::Environment);
        assert_eq!(overall([unavailable()].iter(), true, false), Exit::Environment);
        assert_eq!(overall([Ending::Pass].iter(), false, false), Exit::Success);
        let lacking = Ending::Environment { what: "no space".into() };
        assert_eq!(overall([Ending::Pass, lacking].iter(), true, true), Exit::Environment);
    }

    #[test]
    fn overall_ignores_excluded_scenarios_unless_there_are_no_others() {
        let left_out = Ending::NotRun { why: "about pahole".into() };
        assert!(!left_out.ran());
        assert_eq!(overall([Ending::Pass, left_out.clone()].iter(), false, false), Exit::Success);
        assert_eq!(overall([left_out.clone(), left_out.clone()].iter(), true, true), Exit::Environment);
        assert_eq!(overall([left_out, unavailable()].iter(), false, true), Exit::Environment);
    }

    #[test]
    fn the_worst_ending_decides() {
        let differs = Ending::Differs { diff: String::new() };
        let hang = Ending::Hang { what: String::new() };
        assert_eq!(overall([differs.clone(), Ending::Pass, unavailable()].iter(), true, true), Exit::Failed);
        assert_eq!(overall([differs.clone(), hang.clone()].iter(), true, true), Exit::Machine);
        assert_eq!(overall([differs, hang, Ending::Interrupted].iter(), true, true), Exit::Interrupted);
    }
}

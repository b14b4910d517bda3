//! How a scenario can end, and which exit code that gives `cargo xtask repro`.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | every scenario that was run is as recorded |
//! | 1 | a scenario differs from what was recorded |
//! | 2 | usage: the command line or a definition cannot be understood |
//! | 3 | the environment: no engine, no package, no space, no network; or a scenario's kernels are unavailable, or none was run |
//! | 4 | a virtual machine panicked, hung, or was lost; the report says which |
//! | 130 | interrupted |
//!
//! Where several apply, the first of 130, 4, 1, 3 is taken: what went wrong in a machine outweighs a difference, and a
//! difference outweighs what could not be tried.

use cli::Exit;
use serde::{Serialize, Serializer};
use vm::MachineLost;

/// How one scenario ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "ending", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ending {
    /// As recorded.
    Pass,
    /// Recorded, because `--bless` asked for it.
    Blessed,
    /// A pair from the command line ran to its end. It has no baseline, so there is no verdict.
    Measured,
    /// Not as recorded.
    Differs {
        /// A unified diff from the recorded to the seen, or what else differs.
        diff: String,
    },
    /// An option excludes it.
    NotRun {
        /// Why.
        why: String,
    },
    /// It did not run, or ran in a way that does not count.
    Unavailable {
        /// Why, and what is available instead.
        why: String,
    },
    /// The machine that this runs on lacked something: space, a file, an engine that works.
    Environment {
        /// What.
        what: String,
    },
    /// The kernel panicked.
    Panic {
        /// The panic's line.
        what: String,
    },
    /// The machine stopped making progress and was killed.
    Hang {
        /// In which phase, after how long.
        what: String,
    },
    /// QEMU or the guest's PID 1 failed, or what they reported cannot be used.
    Lost {
        /// How.
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

    /// Whether the scenario ran to its end, whatever came of it.
    #[must_use]
    pub const fn ran(&self) -> bool {
        matches!(self, Self::Pass | Self::Blessed | Self::Measured | Self::Differs { .. })
    }

    /// How a scenario ends whose boot did not complete; nothing if it did.
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

    /// The text that goes with the word: a diff, a reason, a line; empty where the word says all.
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

/// What a run as a whole exits with.
///
/// With `allow_unavailable`, a scenario that is unavailable does not count, as long as `each_showed_something`: a group of
/// scenarios of which no upgrade was tried at all has shown nothing, however many controls passed. One that was left out counts
/// neither for nor against; but where that is all, nothing was shown.
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

/// Serializes an exit code as the word that the JSON report has for it.
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
    fn what_was_not_tried_is_not_a_pass() {
        assert_eq!(overall([Ending::Pass, unavailable()].iter(), false, true), Exit::Environment);
        assert_eq!(overall([Ending::Pass, unavailable()].iter(), true, true), Exit::Success);
        assert_eq!(overall([Ending::Pass, unavailable()].iter(), true, false), Exit::Environment);
        assert_eq!(overall([unavailable()].iter(), true, false), Exit::Environment);
        assert_eq!(overall([Ending::Pass].iter(), false, false), Exit::Success);
        let lacking = Ending::Environment { what: "no space".into() };
        assert_eq!(overall([Ending::Pass, lacking].iter(), true, true), Exit::Environment);
    }

    #[test]
    fn what_was_left_out_counts_neither_way_but_is_not_all_that_there_is() {
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

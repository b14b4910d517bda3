//! What was found in a log: failures, by boot.

use btf::{BStr, BString};

use crate::errno::Errno;
use crate::finding::{Cause, Finding};
use crate::form::Form;
use crate::line::Line;
use crate::version::KernelVersion;

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sure {
    /// Nothing else explains the lines.
    Certain,
    /// Something else could explain them, and rarely does.
    Likely,
    /// One explanation among others.
    Possible,
}

/// What would be needed and is not in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// The lines that say which check failed.
    Check,
    /// The line that names the type that was looked at.
    Subject,
    /// The verdict, which names the module.
    Module,
    /// The error number: the verdict is cut off.
    Errno,
    /// The kernel's own lines.
    Kernel,
}

impl Missing {
    /// What is missing.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Check => "the lines before the verdict, which say which check failed",
            Self::Subject => "the line that names the type that was looked at",
            Self::Module => "the verdict, which names the module",
            Self::Errno => "the error number at the end of the verdict",
            Self::Kernel => "what the kernel itself logged",
        }
    }

    /// A command that shows it.
    #[must_use]
    pub const fn command(self) -> &'static str {
        match self {
            Self::Check | Self::Subject => "journalctl -k -b | grep -B8 'failed to validate module'",
            Self::Module | Self::Errno => "dmesg --level=err,warn | grep -A8 BPF:",
            Self::Kernel => "journalctl -k -b -p warning",
        }
    }
}

/// A line that shows a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Its number in the log, from 1.
    pub line: u64,
    /// The message, without what stands before it.
    pub text: BString,
}

/// Something that failed, once or several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it is.
    pub finding: Finding,
    /// How sure that is.
    pub sure: Sure,
    /// The module, if the log names it.
    pub module: Option<BString>,
    /// What validation returned.
    pub errno: Option<Errno>,
    /// Which check failed.
    pub check: Option<Line>,
    /// What was looked at.
    pub subject: Option<Line>,
    /// The kernel loads a module without BTF that it refuses (6.3 and later).
    pub tolerated: bool,
    /// A program reported that the module was not loaded.
    pub not_inserted: bool,
    /// Lines of several modules are interleaved, so they may belong to each other.
    pub interleaved: bool,
    /// What it is about: symbols, files, or the modules that it follows from.
    pub about: Vec<BString>,
    /// Microseconds from the boot to the first time, if the log says it.
    pub uptime: Option<u64>,
    /// How often it happened.
    pub times: u64,
    /// The lines of the first time.
    pub evidence: Vec<Evidence>,
    /// The line with which it was seen last.
    pub last_line: u64,
    /// What is not in the log.
    pub missing: Vec<Missing>,
}

/// How many lines of evidence are kept for a failure.
pub(crate) const MOST_EVIDENCE: usize = 24;
/// How many names a failure is about at most.
pub(crate) const MOST_ABOUT: usize = 64;

impl Failure {
    pub(crate) const fn new(finding: Finding, sure: Sure) -> Self {
        Self {
            finding,
            sure,
            module: None,
            errno: None,
            check: None,
            subject: None,
            tolerated: false,
            not_inserted: false,
            interleaved: false,
            about: vec![],
            uptime: None,
            times: 1,
            evidence: vec![],
            last_line: 0,
            missing: vec![],
        }
    }

    /// The line with which it was first seen.
    #[must_use]
    pub fn first_line(&self) -> u64 {
        self.evidence.iter().map(|evidence| evidence.line).min().unwrap_or(self.last_line)
    }

    /// What it says about the cause.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        self.finding.cause()
    }

    /// The form of the check that failed.
    #[must_use]
    pub fn form(&self) -> Option<Form> {
        self.check.as_ref().map(|line| line.form)
    }

    /// Whether the kernel refused BTF: a module's, known by name or not, or its own.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self.cause(), Cause::Mismatch | Cause::Malformed | Cause::RefusedBase)
            || self.finding == Finding::CauseMissing
    }

    /// Whether both are the same, seen twice.
    pub(crate) fn repeats(&self, other: &Self) -> bool {
        let same = |a: &Self, b: &Self| (a.finding, &a.module, a.errno) == (b.finding, &b.module, b.errno);
        same(self, other) && self.check == other.check && self.subject == other.subject
    }

    /// Counts another one in.
    pub(crate) fn merge(&mut self, other: Self) {
        self.times = self.times.saturating_add(other.times);
        self.last_line = self.last_line.max(other.last_line);
        self.not_inserted |= other.not_inserted;
        self.tolerated |= other.tolerated;
        self.uptime = self.uptime.into_iter().chain(other.uptime).min();
        for name in other.about {
            if !self.about.contains(&name) && self.about.len() < MOST_ABOUT {
                self.about.push(name);
            }
        }
    }
}

/// What was found of one boot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Boot {
    /// The kernel's release, if its banner is in the log.
    pub release: Option<String>,
    /// The first and the last line that matters, by number.
    pub lines: Option<(u64, u64)>,
    /// Lines begin `BPF:` without a blank, as up to 5.15.
    pub old_format: bool,
    /// What was found, in the order of the log.
    pub failures: Vec<Failure>,
    /// How many further failures there were, beyond those that are kept apart.
    pub omitted: u64,
}

impl Boot {
    /// The kernel's version, if its banner is in the log.
    #[must_use]
    pub fn version(&self) -> Option<KernelVersion> {
        self.release.as_deref()?.parse().ok()
    }

    /// The modules whose BTF was refused, in the order of the log, each once.
    pub fn refused_modules(&self) -> impl Iterator<Item = &BStr> {
        let refused = |failure: &&Failure| failure.is_refusal();
        self.failures.iter().filter(refused).filter_map(|failure| failure.module.as_ref().map(AsRef::as_ref))
    }
}

/// What was found in a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The boots with lines that matter, in the order of the log.
    pub boots: Vec<Boot>,
    /// How many boots the log has, those included in which nothing was found.
    pub boot_count: u64,
    /// How many lines were read.
    pub lines: u64,
    /// How many bytes were read.
    pub bytes: u64,
}

impl Report {
    /// Everything that was found.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.boots.iter().flat_map(|boot| &boot.failures)
    }

    /// Whether nothing failed. What is harmless does not count.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failures().all(|failure| failure.cause() == Cause::Harmless)
    }
}

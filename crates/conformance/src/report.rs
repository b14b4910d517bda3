//! What a run came to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use verdict::{Fate, Form, Site, Undefined, Verdict};

use crate::case::{Case, Origin};
use crate::compare::Deviation;
use crate::coverage::Reached;

/// What the random cases of a kernel are like.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shares {
    /// How many there are.
    pub random: usize,
    /// How many get past the header and the string section.
    pub past_header: usize,
    /// How many are accepted.
    pub accepted: usize,
    /// How often each check refuses one, by the call that logs it; nothing for a refusal without a line.
    pub refused: BTreeMap<Option<Site>, usize>,
}

impl Shares {
    pub(crate) fn of(cases: &[Case], verdicts: &[Verdict]) -> Self {
        let mut shares = Self::default();
        for (case, verdict) in cases.iter().zip(verdicts) {
            if matches!(case.origin, Origin::Directed { .. }) {
                continue;
            }
            shares.random += 1;
            let of_header = verdict.site.is_some_and(|site| is_header(site.form));
            shares.past_header += usize::from(!of_header);
            match verdict.fate {
                Fate::Accepted { .. } => shares.accepted += 1,
                Fate::Refused { .. } => *shares.refused.entry(verdict.site).or_default() += 1,
                Fate::NoBtf | Fate::Undefined(_) => {}
            }
        }
        shares
    }

    /// The check that refuses most, and how many.
    #[must_use]
    pub fn most(&self) -> Option<(Option<Site>, usize)> {
        self.refused.iter().max_by_key(|(_, count)| **count).map(|(site, count)| (*site, *count))
    }

    /// A share of the random cases in per cent.
    #[must_use]
    pub fn per_cent(&self, count: usize) -> f64 {
        100.0 * count as f64 / self.random.max(1) as f64
    }
}

/// Whether a check looks at the header or at the place of the strings.
fn is_header(form: Form) -> bool {
    (Form::HeaderLengthMissing..=Form::StringSection).contains(&form)
}

/// A case in which the kernel left its own rules, or stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The case's number.
    pub number: usize,
    /// What the model said.
    pub what: String,
    /// How the machine ended.
    pub ending: String,
    /// The end of the console's log.
    pub observed: Vec<String>,
}

/// What a run over one kernel came to.
#[derive(Debug, Clone)]
pub struct SubjectReport {
    /// The kernel.
    pub kernel: String,
    /// The seed of the random cases.
    pub seed: u64,
    /// How many cases were made.
    pub cases: usize,
    /// How many were loaded.
    pub loaded: usize,
    /// How many would make the kernel leave its own rules; one of each kind is loaded, in a machine of its own.
    pub undefined: BTreeMap<Undefined, usize>,
    /// What the random cases are like.
    pub shares: Shares,
    /// Cases in which kernel and model differ.
    pub deviations: Vec<Deviation>,
    /// Cases in which the kernel left its own rules, or stopped.
    pub findings: Vec<Finding>,
    /// Which calls were reached.
    pub reached: Reached,
    /// The files of cases that differ.
    pub files: Vec<PathBuf>,
}

impl SubjectReport {
    /// Whether kernel and model agree in every case that was loaded, and no case stopped a machine that the model did not expect to.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.deviations.is_empty() && self.findings.iter().all(|finding| !finding.what.contains("expected nothing"))
    }
}

//! What was observed against what was predicted.

use guest_protocol::{Event, Load, Record, SysfsBtf};
use scenario::run::fingerprint;
use verdict::{Fate, Line, Rules, Verdict};

use crate::case::Case;

/// A record that follows from loading a module that was built elsewhere (`kernel/module/main.c`).
const OUT_OF_TREE: &[u8] = b": loading out-of-tree module taints kernel.";

/// The highest level of a record that is compared whatever it says: 4, a warning. Above, only what is of a known form is.
const WARNING: u8 = 4;

/// What the kernel did with a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// What came of the load.
    pub load: Load,
    /// What the kernel logged: level and bytes.
    pub records: Vec<(u8, Vec<u8>)>,
}

/// A case in which kernel and model differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// The case's number in its run.
    pub number: usize,
    /// The case.
    pub case: Case,
    /// What was predicted, a line each.
    pub predicted: Vec<String>,
    /// What was observed.
    pub observed: Vec<String>,
}

impl Observation {
    /// What a step reports; nothing of another event.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        let Event::Step { load, records, .. } = event else { return None };
        let relevant = |record: &&Record| {
            let text = record.unescaped();
            let expected = text.ends_with(OUT_OF_TREE);
            Line::parse(&text).is_some() || (record.level <= WARNING && !expected)
        };
        let records = records.iter().filter(relevant).map(|record| (record.level, record.unescaped())).collect();
        Some(Self { load: load.clone(), records })
    }

    /// Everything that is compared, as text.
    pub(crate) fn lines(&self) -> Vec<String> {
        let records = self.records.iter().map(|(level, text)| shown(*level, text));
        records.chain(outcome(self.load.errno, self.load.live, self.load.btf.as_ref())).collect()
    }

    /// The lines that are of a known form.
    pub(crate) fn parsed(&self) -> impl Iterator<Item = Line> {
        self.records.iter().filter_map(|(_, text)| Line::parse(text))
    }
}

/// What is predicted for a case, in the same form. `late` is a line of the case before that can be read only now; what surfaces after this
/// case is left there.
pub(crate) fn predicted(verdict: &Verdict, case: &Case, rules: &Rules, late: &mut Option<Line>) -> Vec<String> {
    let mut lines = verdict.lines.clone();
    let next = lines.pop_if(|line| line.surfaces_late(rules));
    // A line that is still open surfaces when another is logged.
    if !lines.is_empty() || next.is_some() {
        lines.splice(0..0, late.take());
    }
    *late = next.or(late.take());
    let records = lines.iter().map(|line| shown(line.level(), &line.record(rules)));
    let (errno, btf) = match &verdict.fate {
        Fate::Accepted { relocated } => (0, Some(fingerprint(relocated.as_deref().unwrap_or(&case.btf)))),
        Fate::NoBtf => (0, None),
        Fate::Refused { errno, loads: false } => (errno.0, None),
        Fate::Refused { .. } => (0, None),
        Fate::Undefined(undefined) => return vec![undefined.to_string()],
    };
    let records: Vec<_> = records.collect();
    records.into_iter().chain(outcome(errno, errno == 0, btf.as_ref())).collect()
}

fn outcome(errno: i32, live: bool, btf: Option<&SysfsBtf>) -> [String; 2] {
    let load = if errno == 0 && live { "loads".to_owned() } else { format!("errno {errno}, live {live}") };
    let sysfs =
        btf.map_or("no BTF in sysfs".into(), |btf| format!("{} bytes in sysfs, SHA-256 {}", btf.size, btf.sha256));
    [load, sysfs]
}

fn shown(level: u8, text: &[u8]) -> String {
    format!("<{level}> {}", text.escape_ascii())
}

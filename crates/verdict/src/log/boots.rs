//! Records put in order: which boot each belongs to, which way round the log is, and which lines are there twice.

use core::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use btf::BString;

use crate::form::{Form, Part};
use crate::log::record::Record;
use crate::log::stamp::Stamp;

/// How far time goes back within one boot at most, in microseconds, however lines were shuffled.
const BACK: u64 = 1_000_000;

/// How many lines before one may be its copy.
const NEIGHBOURS: usize = 64;

/// Parts records into boots where time starts anew, each in the order of time and without doubled lines. The flag says whether the log
/// was the wrong way round.
pub(crate) fn in_order(mut records: Vec<Record>) -> (Vec<Vec<Record>>, bool) {
    let reversed = is_reversed(&records);
    if reversed {
        records.reverse();
    }
    let mut parts = part(records);
    for part in &mut parts {
        sort(part);
        remove_doubled(part);
    }
    (parts, reversed)
}

/// A digest of what was logged when; `None` where times do not say enough to recognise a copy.
pub(crate) fn digest(records: &[Record]) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    let mut any = false;
    for record in records {
        let Stamp::Monotonic(time) = record.stamp else { continue };
        (time, &record.text).hash(&mut hasher);
        any = true;
    }
    any.then(|| hasher.finish())
}

/// Whether the newest line comes first, as `journalctl -r` has it: time only falls, or reasons come before what they are about.
fn is_reversed(records: &[Record]) -> bool {
    let (mut rises, mut falls) = (0_usize, 0_usize);
    let (mut forward, mut backward) = (0_usize, 0_usize);
    let mut last_part = None;
    for (before, record) in records.iter().zip(records.iter().skip(1)) {
        match record.stamp.order(before.stamp) {
            Some(Ordering::Greater) => rises = rises.saturating_add(1),
            Some(Ordering::Less) => falls = falls.saturating_add(1),
            _ => {}
        }
    }
    for part in records.iter().filter_map(|record| Some(record.kernel()?.form.part())) {
        match (last_part, part) {
            (_, Part::Separator) => continue,
            (Some(Part::Subject), Part::Reason) => forward = forward.saturating_add(1),
            (Some(Part::Reason), Part::Subject) => backward = backward.saturating_add(1),
            _ => {}
        }
        last_part = Some(part);
    }
    rises == 0 && (falls >= 3 || backward > forward)
}

/// Parts records where the clock starts anew. In a log whose lines are shuffled the clock says nothing, and it stays whole.
fn part(records: Vec<Record>) -> Vec<Vec<Record>> {
    let times = || records.iter().filter_map(Record::uptime);
    let falls = times().zip(times().skip(1)).filter(|(before, after)| after < before).count();
    if falls > times().count().checked_div(4).unwrap_or(0) {
        return vec![records];
    }
    let mut parts = vec![vec![]];
    let mut latest = 0;
    let mut refused: HashMap<BString, u64> = HashMap::new();
    let mut seen: HashSet<(BString, u64)> = HashSet::new();
    for record in records {
        if let Some(time) = record.uptime() {
            let verdict =
                record.kernel().filter(|line| line.form == Form::Refused).and_then(|line| line.text("module"));
            let again = verdict.and_then(|module| refused.get(module).copied()).is_some_and(|before| time < before);
            let copied = verdict.is_some_and(|module| seen.contains(&(BString::from(module), time)));
            if time.saturating_add(BACK) < latest || (time < latest && again && !copied) {
                parts.push(vec![]);
                refused.clear();
                seen.clear();
                latest = 0;
            }
            latest = latest.max(time);
            refused.extend(verdict.map(|module| (BString::from(module), time)));
            seen.extend(verdict.map(|module| (BString::from(module), time)));
        }
        if let Some(part) = parts.last_mut() {
            part.push(record);
        }
    }
    parts
}

/// Sorts by the time since the boot. A line without one stays behind the line that it followed.
fn sort(records: &mut Vec<Record>) {
    let mut time = 0;
    let mut timed: Vec<(u64, Record)> = Vec::with_capacity(records.len());
    for record in records.drain(..) {
        time = record.uptime().unwrap_or(time);
        timed.push((time, record));
    }
    timed.sort_by_key(|(time, _)| *time);
    records.extend(timed.into_iter().map(|(_, record)| record));
}

/// Removes lines that are there twice: those of one microsecond that are equal; and without such times, in a log in which most lines
/// are doubled, those that repeat the line before. A verdict without a time may be a second attempt, and stays.
fn remove_doubled(records: &mut Vec<Record>) {
    let repeats = is_doubled(records);
    let mut kept: Vec<Record> = Vec::with_capacity(records.len());
    for record in records.drain(..) {
        let same = |other: &Record| other.stamp == record.stamp && other.text == record.text;
        let copy = match record.stamp {
            Stamp::Monotonic(_) => {
                kept.iter().rev().take(NEIGHBOURS).take_while(|other| other.stamp == record.stamp).any(same)
            }
            _ => repeats && !is_result(&record) && kept.last().is_some_and(same),
        };
        if !copy {
            kept.push(record);
        }
    }
    *records = kept;
}

fn is_result(record: &Record) -> bool {
    record.kernel().is_none_or(|line| line.form.part() == Part::Result)
}

/// Whether lines are doubled throughout. Where lines of two modules are interleaved, only some equal ones come to stand together.
fn is_doubled(records: &[Record]) -> bool {
    let says = |record: &&Record| record.kernel().is_some_and(|line| line.form.part() != Part::Separator);
    let lines: Vec<_> = records.iter().filter(says).collect();
    let repeated = lines.iter().zip(lines.iter().skip(1)).filter(|(one, other)| one.text == other.text).count();
    repeated.saturating_mul(3) > lines.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Vec<Record> {
        (1..).zip(lines).filter_map(|(nth, line)| Record::read(nth, line.as_bytes())).collect()
    }

    fn order(lines: &[&str]) -> Vec<Vec<u64>> {
        let (parts, _) = in_order(read(lines));
        parts.iter().map(|part| part.iter().map(|record| record.line).collect()).collect()
    }

    #[test]
    fn records_are_sorted_and_doubled_ones_removed() {
        let lines = [
            "[ 1.000002] BPF: Invalid name",
            "[ 1.000001] BPF: size=4 vlen=5",
            "[ 1.000002] BPF: Invalid name",
            "[ 1.000003] BPF: ",
        ];
        assert_eq!(order(&lines), [[2, 1, 4]]);
        assert_eq!(order(&["BPF: Invalid name", "BPF: Invalid name", "BPF: "]), [[1, 3]]);
        let verdict = "failed to validate module [a] BTF: -22";
        assert_eq!(order(&[verdict, verdict]), [[1, 2]]);
    }

    #[test]
    fn records_are_parted_where_the_clock_starts_anew() {
        let one = |time: &str, module: &str| format!("[ {time}] failed to validate module [{module}] BTF: -22");
        let lines =
            [one("2.5", "a"), one("2.6", "b"), one("9.0", "c"), one("1.0", "a"), one("1.1", "b"), one("1.2", "c")];
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        assert_eq!(order(&lines), [[1, 2, 3], [4, 5, 6]]);
        let lines = [one("2.5", "a"), one("2.6", "b"), one("2.45", "a"), one("2.7", "b")];
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        assert_eq!(order(&lines), [[1, 2], [3, 4]]);
    }

    #[test]
    fn logs_that_are_the_wrong_way_round_are_turned() {
        let lines = [
            "failed to validate module [a] BTF: -22",
            "BPF: ",
            "BPF: Invalid name",
            "BPF:  ",
            "BPF: size=4 vlen=5",
            "BPF: [1] ENUM a ",
        ];
        assert_eq!(order(&lines), [[6, 5, 4, 3, 2, 1]]);
        let forward: Vec<_> = lines.iter().rev().copied().collect();
        assert_eq!(order(&forward), [[1, 2, 3, 4, 5, 6]]);
    }

    #[test]
    fn digest_recognises_a_copy() {
        let one = read(&["[ 1.0] BPF: Invalid name"]);
        assert_eq!(digest(&one), digest(&read(&["x", "> [1.0] BPF: Invalid name"])));
        assert_ne!(digest(&one), digest(&read(&["[ 1.1] BPF: Invalid name"])));
        assert_eq!(digest(&read(&["BPF: Invalid name"])), None);
    }
}

//! Whether the running kernel refused its own BTF: then a complaint names no module, and every module is refused without one.

use std::collections::HashSet;

use crate::finding::Cause;
use crate::form::Form;
use crate::log::assemble::{Complaint, Group};
use crate::log::classify::classify;
use crate::log::failure::Sure;
use crate::log::record::Record;

/// A group, and whether it has to do with a base that was refused.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sorted {
    pub group: Group,
    /// How sure it is that the base was refused, and this is the complaint or follows from it.
    pub base: Option<Sure>,
}

/// Finds a base that was refused among the groups of a boot.
pub(crate) fn separate(mut groups: Vec<Group>, records: &[Record]) -> Vec<Sorted> {
    let verdict = |group: &Group| records.get(group.verdict?)?.kernel();
    let tolerates = groups.iter().any(|group| verdict(group).is_some_and(|line| line.form == Form::MismatchOnce));
    let has_reason = |group: &Group| group.complaint.as_ref().is_some_and(|complaint| complaint.reason.is_some());
    let module =
        |group: &Group| verdict(group).filter(|line| line.form == Form::Refused).and_then(|line| line.text("module"));
    let first_verdict = groups.iter().position(|group| module(group).is_some());
    let (Some(first_verdict), false) = (first_verdict, tolerates) else { return unsorted(groups) };
    // Modules behind the first verdict, each once, and whether any of them has a complaint of its own.
    let bare: HashSet<_> =
        groups.iter().skip(first_verdict).filter(|group| !has_reason(group)).filter_map(module).collect();
    let complaints = groups.iter().skip(first_verdict).filter(|group| has_reason(group)).count();
    let alone = groups.iter().take(first_verdict).position(|group| group.verdict.is_none() && has_reason(group));
    let sure = if bare.len() > 1 { Sure::Certain } else { Sure::Likely };
    if let (Some(at), 0, false) = (alone, complaints, bare.is_empty()) {
        return mark(groups, at, sure);
    }
    // Where nothing says when, the first verdict took the complaint of the base.
    let of_encoder = |complaint: &Complaint| {
        let reason = complaint.reason.as_ref();
        reason.is_some_and(|reason| classify(reason, complaint.subject.as_ref()).0.cause() == Cause::Malformed)
    };
    let first = groups.get(first_verdict).and_then(|group| group.complaint.as_ref());
    let others = bare.len().saturating_sub(usize::from(
        groups.get(first_verdict).and_then(module).is_some_and(|name| bare.contains(name)),
    ));
    if complaints == 1 && first.is_some_and(of_encoder) && others >= 2 && alone.is_none() {
        if let Some(group) = groups.get_mut(first_verdict) {
            let complaint = group.complaint.take();
            groups.insert(first_verdict, Group { complaint, verdict: None });
        }
        return mark(groups, first_verdict, Sure::Likely);
    }
    unsorted(groups)
}

fn unsorted(groups: Vec<Group>) -> Vec<Sorted> {
    groups.into_iter().map(|group| Sorted { group, base: None }).collect()
}

/// Marks the complaint of the base and everything behind it.
fn mark(groups: Vec<Group>, from: usize, sure: Sure) -> Vec<Sorted> {
    let sorted = groups.into_iter().enumerate();
    sorted.map(|(at, group)| Sorted { group, base: (at >= from).then_some(sure) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::assemble::assemble;

    fn sorted(text: &str) -> Vec<Option<Sure>> {
        let records: Vec<Record> =
            (1..).zip(text.lines()).filter_map(|(nth, line)| Record::read(nth, line.as_bytes())).collect();
        separate(assemble(&records), &records).iter().map(|sorted| sorted.base).collect()
    }

    #[test]
    fn a_complaint_without_a_verdict_before_bare_verdicts_is_the_bases() {
        let complaint = "[ 1.0] BPF: \t type_id=5457 offset=1288 size=64\n[ 1.0] BPF: Invalid offset\n";
        let verdict = |time: &str, module: &str| format!("[ {time}] failed to validate module [{module}] BTF: -22\n");
        assert_eq!(
            sorted(&format!("{complaint}{}{}", verdict("2.5", "a"), verdict("2.6", "b"))),
            [Some(Sure::Certain); 3]
        );
        assert_eq!(sorted(&format!("{complaint}{}", verdict("2.5", "a"))), [Some(Sure::Likely); 2]);
        assert_eq!(sorted(&format!("{complaint}{}", verdict("1.1", "a"))), [None]);
        let two = format!("{complaint}{}{}{}", verdict("1.1", "a"), verdict("2.5", "b"), verdict("2.5", "c"));
        assert_eq!(sorted(&two), [Some(Sure::Likely); 4]);
    }

    #[test]
    fn a_complaint_before_verdicts_with_their_own_is_not_the_bases() {
        let complaint = |time: &str| format!("[ {time}] BPF: [9] Invalid name_offset:3\n");
        let verdict = |time: &str| format!("[ {time}] failed to validate module [a] BTF: -22\n");
        let text = [complaint("1.0"), complaint("2.5"), verdict("2.5"), verdict("3.5")].concat();
        assert_eq!(sorted(&text), [None; 3]);
    }
}

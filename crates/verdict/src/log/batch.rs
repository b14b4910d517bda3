//! The failures in the records of one boot: groups of the kernel's lines with their causes, and other messages.

use btf::BString;

use crate::errno::Errno;
use crate::finding::Finding;
use crate::form::Form;
use crate::line::Line;
use crate::log::assemble::{Complaint, Group, assemble};
use crate::log::base;
use crate::log::classify::classify;
use crate::log::failure::{Boot, Evidence, Failure, MOST_EVIDENCE, Missing, Sure};
use crate::log::message::{Message, MessageLine};
use crate::log::record::{Event, Record};

/// The failures in `records`. `boot` has those of earlier records of the same boot.
pub(crate) fn failures(records: &[Record], boot: &Boot) -> Vec<Failure> {
    let groups = base::separate(assemble(records), records);
    let once = |record: &Record| record.kernel().is_some_and(|line| line.form == Form::MismatchOnce);
    let tolerated = records.iter().any(once) || boot.failures.iter().any(|failure| failure.tolerated);
    let mut failures: Vec<Failure> = groups.iter().map(|group| of_group(group, records, tolerated)).collect();
    let refused = |failure: &Failure| failure.is_refusal().then(|| failure.module.clone()).flatten();
    let refused: Vec<BString> = boot.failures.iter().chain(&failures).filter_map(refused).collect();
    let mut others: Vec<Failure> = Vec::new();
    for record in records {
        if let Event::Message(message_line) = &record.event
            && let Some(failure) = of_message(message_line, record, &refused)
        {
            match others.iter_mut().find(|known| known.repeats(&failure)) {
                Some(known) => {
                    let room = MOST_EVIDENCE.saturating_sub(known.evidence.len());
                    known.evidence.extend(failure.evidence.iter().take(room).cloned());
                    let times = known.times;
                    known.merge(failure);
                    // Each symbol and each file has a line; only this line stands for one event.
                    if known.finding != Finding::KfuncMissing {
                        known.times = times;
                    }
                }
                None => others.push(failure),
            }
        }
    }
    failures.append(&mut others);
    remove_consequences(&mut failures);
    failures.sort_by_key(Failure::first_line);
    failures
}

/// A group of the kernel's lines about BTF.
fn of_group(group: &base::Sorted, records: &[Record], tolerated: bool) -> Failure {
    let base::Sorted { group: Group { complaint, verdict }, base } = group;
    let result = verdict.and_then(|row| records.get(row)).and_then(Record::kernel);
    let reason = complaint.as_ref().and_then(|complaint| complaint.reason.as_ref());
    let subject = complaint.as_ref().and_then(|complaint| complaint.subject.as_ref());
    let names_module = result.is_some_and(|line| line.form != Form::MismatchOnce);
    let (finding, sure) = match (result.map(|line| line.form), reason) {
        (Some(Form::SysfsFailed), _) => (Finding::SysfsFailed, Sure::Certain),
        _ if let Some(sure) = *base => (Finding::BaseRefused, sure),
        (_, Some(reason)) => classify(reason, subject),
        (Some(Form::MismatchOnce), None) => (Finding::MismatchTolerated, Sure::Likely),
        (_, None) => (Finding::CauseMissing, Sure::Certain),
    };
    let mut missing = Vec::new();
    let victim = base.is_some() && reason.is_none();
    if names_module && reason.is_none() && finding == Finding::CauseMissing && !victim {
        missing.push(Missing::Check);
    }
    let lost = complaint.as_ref().is_some_and(|complaint| complaint.cut && complaint.subject.is_none());
    if reason.is_some() && lost {
        missing.push(Missing::Subject);
    }
    if result.is_none() && base.is_none() && !tolerated {
        missing.push(Missing::Module);
    }
    if names_module && result.is_some_and(|line| line.number("errno").is_none()) {
        missing.push(Missing::Errno);
    }
    if reason.is_none() && subject.is_some() && !missing.contains(&Missing::Check) {
        missing.push(Missing::Check);
    }
    let evidence = evidence(complaint.as_ref(), *verdict, records);
    Failure {
        module: result.and_then(|line| line.text("module")).map(BString::from),
        errno: result.and_then(errno),
        check: reason.cloned(),
        subject: subject.cloned(),
        tolerated: tolerated && !names_module,
        interleaved: complaint.as_ref().is_some_and(|complaint| complaint.interleaved),
        uptime: records.get(group.group.first()).and_then(Record::uptime),
        last_line: evidence.iter().map(|evidence| evidence.line).max().unwrap_or(0),
        evidence,
        missing,
        ..Failure::new(finding, sure)
    }
}

fn errno(line: &Line) -> Option<Errno> {
    let number = i32::try_from(line.number("errno")?).ok()?;
    Some(Errno(number.checked_neg()?))
}

fn evidence(complaint: Option<&Complaint>, verdict: Option<usize>, records: &[Record]) -> Vec<Evidence> {
    let mut rows: Vec<usize> =
        complaint.map_or(&[][..], |complaint| &complaint.rows).iter().copied().chain(verdict).collect();
    rows.sort_unstable();
    let records = rows.into_iter().filter_map(|row| records.get(row)).take(MOST_EVIDENCE);
    records.map(|record| Evidence { line: record.line, text: record.text.clone() }).collect()
}

/// The failure that another message reports. `None` for failed insertions: [`insert`](super::insert) reads them, and the end of the log
/// assigns them to failures.
fn of_message(message_line: &MessageLine, record: &Record, refused: &[BString]) -> Option<Failure> {
    let (finding, sure) = match message_line.message {
        Message::UnknownSymbol if message_line.number("errno") == Some(-22) => (Finding::CrcMismatch, Sure::Certain),
        Message::UnknownSymbol if !refused.is_empty() => (Finding::DependencyRefused, Sure::Likely),
        Message::UnknownSymbol => (Finding::SymbolUnknown, Sure::Certain),
        Message::Disagrees => (Finding::CrcMismatch, Sure::Certain),
        Message::Vermagic => (Finding::Vermagic, Sure::Certain),
        Message::KfuncMissing => (Finding::KfuncMissing, Sure::Certain),
        Message::BaseKfuncMissing => (Finding::BaseRefused, Sure::Possible),
        Message::KfuncPresent => (Finding::KfuncPresent, Sure::Certain),
        Message::StructModule => (Finding::StructModule, Sure::Certain),
        Message::InsertFailed => return None,
        Message::Truncated => (Finding::VmlinuxTruncated, Sure::Certain),
        // LIBBPF_ERRNO__FORMAT, in tools/lib/bpf/libbpf.h.
        Message::BaseUnreadable if message_line.number("errno") == Some(-4001) => {
            (Finding::VmlinuxTruncated, Sure::Likely)
        }
        Message::BaseUnreadable => (Finding::BaseUnreadable, Sure::Certain),
        Message::ReadWithoutBase => (Finding::ReadWithoutBase, Sure::Certain),
        Message::Skipped => (Finding::BtfSkipped, Sure::Certain),
        Message::NoRule => (Finding::VmlinuxNoRule, Sure::Certain),
        Message::HeaderOnly => (Finding::HeaderOnly, Sure::Likely),
        Message::EncoderFailed => (Finding::EncoderFailed, Sure::Certain),
        Message::Resolve => (Finding::ResolveFailed, Sure::Certain),
    };
    let about = ["symbol", "file"].iter().find_map(|name| message_line.text(name)).map(BString::from);
    let layout = message_line.text("symbol") == Some(b"module_layout");
    let finding = if layout && finding == Finding::CrcMismatch { Finding::StructModule } else { finding };
    Some(Failure {
        module: message_line.text("module").map(BString::from),
        about: about.into_iter().collect(),
        evidence: vec![Evidence { line: record.line, text: record.text.clone() }],
        last_line: record.line,
        ..Failure::new(finding, sure)
    })
}

/// Removes failures that only follow from another: unreadable bases if a vmlinux is cut short, and differing CRCs of a module that was
/// built with another `struct module`.
fn remove_consequences(failures: &mut Vec<Failure>) {
    let truncated = failures.iter().any(|failure| failure.finding == Finding::VmlinuxTruncated);
    let other_struct_module: Vec<_> = failures
        .iter()
        .filter(|failure| failure.finding == Finding::StructModule)
        .filter_map(|failure| failure.module.clone())
        .collect();
    failures.retain(|failure| match failure.finding {
        Finding::BaseUnreadable => !truncated,
        Finding::CrcMismatch => !failure.module.as_ref().is_some_and(|module| other_struct_module.contains(module)),
        _ => true,
    });
}

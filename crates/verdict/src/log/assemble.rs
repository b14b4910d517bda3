//! Lines put together: what was looked at, which check failed, the verdict. Lines of several modules may be interleaved, and some may
//! be missing.

use crate::form::{Form, Part};
use crate::line::Line;
use crate::log::record::Record;
use crate::log::stamp::Stamp;

/// What one check logged, as far as its lines are there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Complaint {
    /// What was looked at: a type, a member, a variable.
    pub subject: Option<Line>,
    details: bool,
    /// Which check failed.
    pub reason: Option<Line>,
    /// The places of its lines among the records.
    pub rows: Vec<usize>,
    /// A line came before the first one that is there.
    pub cut: bool,
    /// Lines of another complaint lie between these.
    pub interleaved: bool,
}

/// A verdict, a complaint, or both together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    pub complaint: Option<Complaint>,
    /// The place of the verdict among the records.
    pub verdict: Option<usize>,
}

impl Group {
    /// Where it begins among the records.
    pub fn first(&self) -> usize {
        let complaint = self.complaint.as_ref().and_then(|complaint| complaint.rows.first().copied());
        complaint.into_iter().chain(self.verdict).min().unwrap_or(0)
    }
}

/// Puts the records of one boot together.
pub(crate) fn assemble(records: &[Record]) -> Vec<Group> {
    let mut assembler = Assembler { records, open: vec![], done: vec![] };
    for (row, record) in records.iter().enumerate() {
        if let Some(line) = record.kernel() {
            assembler.line(row, record, line);
        }
    }
    let Assembler { open, mut done, .. } = assembler;
    done.extend(open.into_iter().map(|complaint| Group { complaint: Some(complaint), verdict: None }));
    // A separator or details alone say nothing.
    done.retain(|group| {
        let says = |complaint: &Complaint| complaint.reason.is_some() || complaint.subject.is_some();
        group.verdict.is_some() || group.complaint.as_ref().is_some_and(says)
    });
    done.sort_by_key(Group::first);
    done
}

/// How many complaints may wait for a verdict: more than a machine has processors that load modules at once.
const MOST_OPEN: usize = 64;

struct Assembler<'r> {
    records: &'r [Record],
    /// Complaints that no verdict has taken yet.
    open: Vec<Complaint>,
    done: Vec<Group>,
}

impl Assembler<'_> {
    fn line(&mut self, row: usize, record: &Record, line: &Line) {
        if self.open.len() > MOST_OPEN {
            let complaint = self.open.remove(0);
            self.done.push(Group { complaint: Some(complaint), verdict: None });
        }
        match line.form.part() {
            Part::Separator => self.separator(row, record),
            Part::Subject if is_head(line.form) => self.head(row, record, line),
            Part::Subject => self.details(row, record, line),
            Part::Reason if line.form == Form::TooManyTypes => {}
            Part::Reason if needs_subject(line.form) => self.reason(row, record, line),
            Part::Reason => {
                let reason = Some(line.clone());
                self.open.push(Complaint { reason, rows: vec![row], ..Complaint::default() });
            }
            Part::Result => self.verdict(row, record, line),
        }
    }

    /// Whether a line may belong to a complaint: one context printed both, shortly after each other.
    fn fits(&self, complaint: &Complaint, record: &Record) -> bool {
        let Some(last) = complaint.rows.last().and_then(|&row| self.records.get(row)) else { return false };
        let same_context = match (&last.caller, &record.caller) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        same_context && record.stamp.is_near(last.stamp)
    }

    /// The places of open complaints that a line may belong to.
    fn candidates(&self, record: &Record, wanted: impl Fn(&Complaint) -> bool) -> Vec<usize> {
        let open = self.open.iter().enumerate();
        open.filter(|(_, complaint)| wanted(complaint) && self.fits(complaint, record)).map(|(at, _)| at).collect()
    }

    fn add(&mut self, at: usize, row: usize, change: impl FnOnce(&mut Complaint)) {
        if let Some(complaint) = self.open.get_mut(at) {
            complaint.rows.push(row);
            change(complaint);
        }
    }

    fn separator(&mut self, row: usize, record: &Record) {
        // The separator before a reason belongs to a complaint without one, the separator behind it to one with.
        let waiting = self.candidates(record, |complaint| complaint.reason.is_none());
        let any = self.candidates(record, |_| true);
        match waiting.first().or(any.last()) {
            Some(&at) => self.add(at, row, |_| {}),
            None => self.open.push(Complaint { rows: vec![row], cut: true, ..Complaint::default() }),
        }
    }

    fn head(&mut self, row: usize, record: &Record, line: &Line) {
        // A stray separator says nothing once a complaint begins.
        self.open.retain(|complaint| complaint.reason.is_some() || complaint.subject.is_some() || complaint.details);
        let headless = self.candidates(record, |open| open.subject.is_none() && open.details && open.reason.is_none());
        if let Some(&at) = headless.last() {
            self.add(at, row, |complaint| (complaint.subject, complaint.cut) = (Some(line.clone()), false));
            return;
        }
        let waiting = self.candidates(record, |complaint| complaint.subject.is_some() && complaint.reason.is_none());
        for &at in &waiting {
            self.open.get_mut(at).into_iter().for_each(|complaint| complaint.interleaved = true);
        }
        let interleaved = !waiting.is_empty();
        let subject = Some(line.clone());
        self.open.push(Complaint { subject, rows: vec![row], interleaved, ..Complaint::default() });
    }

    fn details(&mut self, row: usize, record: &Record, line: &Line) {
        let kind_of = |complaint: &Complaint| {
            complaint.subject.as_ref().and_then(|subject| subject.text("kind")).map(|kind| kind.to_vec())
        };
        let fitting = self.candidates(record, |complaint| {
            !complaint.details && kind_of(complaint).is_some_and(|kind| details_fit(&kind, line.form))
        });
        let prototype =
            self.candidates(record, |complaint| kind_of(complaint).is_some_and(|kind| kind == b"FUNC_PROTO"));
        match fitting.first().or(prototype.last()) {
            Some(&at) => self.add(at, row, |complaint| complaint.details = true),
            None => self.open.push(Complaint { rows: vec![row], details: true, cut: true, ..Complaint::default() }),
        }
    }

    fn reason(&mut self, row: usize, record: &Record, line: &Line) {
        let set = |complaint: &mut Complaint| complaint.reason = Some(line.clone());
        let waiting = self.candidates(record, |complaint| complaint.subject.is_some() && complaint.reason.is_none());
        let headless = self.candidates(record, |complaint| complaint.reason.is_none());
        if let Some(&at) = waiting.first().or(headless.first()) {
            self.add(at, row, set);
            return;
        }
        // A verdict may have come before its reason, where lines are in the wrong order.
        let last = self.done.last().and_then(|group| group.complaint.as_ref());
        if last.is_some_and(|last| last.subject.is_some() && last.reason.is_none() && self.fits(last, record)) {
            if let Some(complaint) = self.done.last_mut().and_then(|group| group.complaint.as_mut()) {
                complaint.rows.push(row);
                set(complaint);
            }
            return;
        }
        let reason = Some(line.clone());
        self.open.push(Complaint { reason, rows: vec![row], cut: true, ..Complaint::default() });
    }

    /// A verdict takes the complaint that belongs to it.
    fn verdict(&mut self, row: usize, record: &Record, line: &Line) {
        let alone = Group { complaint: None, verdict: Some(row) };
        if line.form == Form::SysfsFailed {
            self.done.push(alone);
            return;
        }
        let errno = line.number("errno");
        let with_reason = self.candidates(record, |complaint| {
            complaint.reason.as_ref().is_some_and(|reason| errno.is_none_or(|errno| returns(reason.form) == errno))
        });
        let without = self.candidates(record, |complaint| complaint.reason.is_none());
        let interleaved = |at: &usize| self.open.get(*at).is_some_and(|complaint| complaint.interleaved);
        // The first to complain gets the first verdict; but where nothing says when, an older complaint has lost its own.
        let in_order = record.stamp != Stamp::None || with_reason.iter().any(interleaved);
        let taken = if in_order { with_reason.first() } else { with_reason.last() };
        let Some(&at) = taken.or(without.last()) else {
            self.done.push(alone);
            return;
        };
        let mut complaint = self.open.remove(at);
        complaint.interleaved |= with_reason.len() > 1 && in_order;
        self.done.push(Group { complaint: Some(complaint), verdict: Some(row) });
    }
}

/// Whether a complaint begins with this line.
const fn is_head(form: Form) -> bool {
    matches!(form, Form::Type | Form::TypeAlone | Form::Member | Form::BitfieldMember | Form::SectionVar)
}

/// Whether a reason comes behind what was looked at; others stand alone.
const fn needs_subject(form: Form) -> bool {
    !matches!(
        form,
        Form::HeaderLengthMissing
            | Form::HeaderCut
            | Form::HeaderUnsupported
            | Form::Magic
            | Form::Version
            | Form::Flags
            | Form::NoData
            | Form::SectionOffset
            | Form::SectionGap
            | Form::SectionOverlap
            | Form::SectionTooLong
            | Form::StringsNotLast
            | Form::StringSection
            | Form::HeadCut
            | Form::Info
            | Form::UnknownKind
            | Form::NameOffset
            | Form::EnumeratorName
            | Form::Chain
            | Form::TagOrder
            | Form::DistilledAnonymous
            | Form::DistilledKind
            | Form::DistilledVoid
            | Form::DistilledAmbiguous
            | Form::DistilledMissing
            | Form::StringNotMapped
    )
}

/// Whether these are the details of a type of this kind.
fn details_fit(kind: &[u8], form: Form) -> bool {
    match form {
        Form::IntDetails => kind == b"INT",
        Form::ArrayDetails => kind == b"ARRAY",
        Form::VarDetails => kind == b"VAR",
        Form::FloatDetails => kind == b"FLOAT",
        Form::FwdStruct | Form::FwdUnion => kind == b"FWD",
        Form::TagDetails => kind == b"DECL_TAG",
        Form::SizeDetails => [&b"STRUCT"[..], b"UNION", b"ENUM", b"ENUM64", b"DATASEC"].contains(&kind),
        Form::ReferenceDetails => {
            [&b"PTR"[..], b"TYPEDEF", b"VOLATILE", b"CONST", b"RESTRICT", b"TYPE_TAG", b"FUNC"].contains(&kind)
        }
        _ => kind == b"FUNC_PROTO",
    }
}

/// What validation returns when this check fails.
const fn returns(reason: Form) -> i64 {
    match reason {
        Form::Chain => -40,
        Form::HeaderUnsupported => -7,
        Form::Version | Form::Flags | Form::IntEncoding => -524,
        Form::StringNotMapped => -2,
        _ => -22,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each group its module, its subject's and reason's forms, and whether it is marked as cut or interleaved.
    fn groups(text: &str) -> Vec<String> {
        let records: Vec<Record> =
            (1..).zip(text.lines()).filter_map(|(nth, line)| Record::read(nth, line.as_bytes())).collect();
        let show = |group: &Group| {
            let complaint = group.complaint.clone().unwrap_or_default();
            let form = |line: Option<Line>| line.map_or("-", |line| line.form.name());
            let module = group.verdict.and_then(|row| records[row].kernel()?.text("module").map(ToString::to_string));
            let marks = [(complaint.cut, " cut"), (complaint.interleaved, " interleaved")];
            let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
            format!(
                "{} {} {}{marks}",
                module.as_deref().unwrap_or("?"),
                form(complaint.subject),
                form(complaint.reason)
            )
        };
        assemble(&records).iter().map(show).collect()
    }

    const ONE: &str = "[ 1.000001] BPF: [9] ENUM a \n[ 1.000002] BPF: size=4 vlen=1\n[ 1.000003] BPF:  \n[ 1.000004] BPF: Invalid name\n[ 1.000005] BPF: \n";

    #[test]
    fn a_verdict_takes_the_complaint_before_it() {
        let text = format!(
            "{ONE}[ 1.000006] failed to validate module [a] BTF: -22\n[ 1.2] failed to validate module [b] BTF: -22"
        );
        assert_eq!(groups(&text), ["a Type Name", "b - -"]);
    }

    #[test]
    fn a_verdict_takes_no_complaint_of_another_time_context_or_errno() {
        for verdict in ["[ 9.0] ", "[ 1.000006][ C1] "] {
            let complaint = ONE.replace("] BPF", if verdict.contains('C') { "][ T7] BPF" } else { "] BPF" });
            let text = format!("{complaint}{verdict}failed to validate module [a] BTF: -22");
            assert_eq!(groups(&text), ["? Type Name", "a - -"], "{verdict}");
        }
        assert_eq!(
            groups(&format!("{ONE}[ 1.000006] failed to validate module [a] BTF: -40")),
            ["? Type Name", "a - -"]
        );
    }

    #[test]
    fn lines_that_were_cut_off_are_noticed() {
        assert_eq!(groups("BPF:\nfailed to validate module [a] BTF: -22"), ["a - - cut"]);
        assert_eq!(
            groups("BPF: size=4 vlen=1\nBPF: Invalid name\nfailed to validate module [a] BTF: -22"),
            ["a - Name cut"]
        );
        assert_eq!(groups(ONE), ["? Type Name"]);
    }

    #[test]
    fn interleaved_lines_are_told_apart() {
        let text = "[ 1.000001] BPF: [9] ENUM a \n[ 1.000002] BPF: [8] FUNC b \n[ 1.000003] BPF: type_id=7\n[ 1.000004] BPF: size=4 vlen=1\n\
            [ 1.000005] BPF: Invalid name\n[ 1.000006] BPF: Invalid func linkage\n[ 1.000007] failed to validate module [a] BTF: -22\n\
            [ 1.000008] failed to validate module [b] BTF: -22";
        assert_eq!(groups(text), ["a Type Name interleaved", "b Type FuncLinkage interleaved"]);
    }

    #[test]
    fn a_verdict_before_its_reason_gets_it() {
        let text = "BPF: [9] ENUM a \nBPF: size=4 vlen=1\nfailed to validate module [a] BTF: -22\nBPF: Invalid name";
        assert_eq!(groups(text), ["a Type Name"]);
    }
}

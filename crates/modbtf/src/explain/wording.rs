//! Sentences: what was found, in one of them, and what each failure means.

use util::number::{grouped, of};
use verdict::log::{Boot, Failure, Report, Sure};
use verdict::{Cause, Errno, Finding, Form, Line, Rules};

/// How many modules a sentence names.
const NAMED: usize = 3;

/// What a finding says about the cause, in a few words.
pub(super) const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Mismatch => "mismatch: the module was built for another build of the kernel",
        Cause::Malformed => "malformed: the encoder's output is wrong by itself",
        Cause::RefusedBase => "the running kernel's own BTF",
        Cause::Consequence => "another failure",
        Cause::NotInLog => "not in the log",
        Cause::Elsewhere => "something other than the BTF of a module",
        Cause::Harmless => "nothing failed",
    }
}

/// How sure it is.
pub(super) const fn sure(sure: Sure) -> &'static str {
    match sure {
        Sure::Certain => "certain",
        Sure::Likely => "likely",
        Sure::Possible => "possible",
    }
}

/// The errno with its name.
pub(super) fn errno(errno: Option<Errno>) -> String {
    errno.map_or_else(|| "-".into(), |errno| errno.to_string())
}

/// The kernel of a boot.
pub(super) fn kernel(boot: &Boot) -> String {
    match (&boot.release, boot.old_format) {
        (Some(release), _) => release.clone(),
        (None, true) => "5.11 to 5.15".into(),
        (None, false) => "unknown".into(),
    }
}

/// The text of a line of the kernel's, without `BPF: `.
pub(super) fn text_of(line: &Line) -> String {
    let record = line.record(&Rules::new(verdict::KernelVersion::series(6, 12), false)).to_string();
    record.strip_prefix("BPF: ").unwrap_or(&record).trim().to_owned()
}

/// The module of a failure.
pub(super) fn module(failure: &Failure) -> String {
    match (&failure.module, failure.cause()) {
        (Some(module), _) => module.to_string(),
        (None, Cause::RefusedBase) => "(the kernel)".into(),
        (None, Cause::Elsewhere | Cause::Harmless) => "-".into(),
        (None, _) => "(not named)".into(),
    }
}

/// A sentence about the failures of one cause.
type Sentence = fn(&[&Failure]) -> String;

/// The one sentence that matters; a further one for each other cause.
pub(super) fn headline(report: &Report) -> String {
    let of_cause = |cause| -> Vec<&Failure> { report.failures().filter(|failure| failure.cause() == cause).collect() };
    if report.is_clean() {
        let lines = of(report.lines, "line");
        return match of_cause(Cause::Harmless).len() {
            0 => format!("No failure about BTF was found in {lines}."),
            _ => format!("Nothing failed in {lines}; modules were built without BTF, which is harmless."),
        };
    }
    let causes: [(Cause, Sentence); 4] = [
        (Cause::RefusedBase, of_base),
        (Cause::Mismatch, of_mismatch),
        (Cause::Malformed, of_encoder),
        (Cause::NotInLog, of_unknown),
    ];
    let found = causes
        .into_iter()
        .map(|(cause, sentence)| (of_cause(cause), sentence))
        .filter(|(failures, _)| !failures.is_empty());
    let sentences: Vec<String> = found.map(|(failures, sentence)| sentence(&failures)).collect();
    if !sentences.is_empty() {
        return sentences.join(" ");
    }
    let first = report.failures().find(|failure| failure.cause() == Cause::Elsewhere);
    let first = first.or_else(|| report.failures().next());
    let what = first.map_or("something failed", |failure| failure.finding.title());
    let who =
        first.and_then(|failure| failure.module.as_ref()).map_or_else(String::new, |module| format!(" ({module})"));
    format!("Not the BTF of a module: {what}{who}.")
}

fn of_base(failures: &[&Failure]) -> String {
    match names(failures).as_str() {
        "" => "The running kernel refused its own BTF; the modules are not to blame.".into(),
        victims => {
            format!(
                "The running kernel refused its own BTF, and therefore that of {victims}. The modules are not to blame."
            )
        }
    }
}

fn of_mismatch(failures: &[&Failure]) -> String {
    let probably = if failures.iter().all(|failure| failure.sure == Sure::Possible) { "probably " } else { "" };
    let made = format!("{probably}made for another build of the kernel than the one that runs");
    if failures.iter().any(|failure| failure.tolerated) {
        return format!("The kernel loaded modules without their BTF, which was {made}.");
    }
    match names(failures).as_str() {
        "" => format!("The kernel refused the BTF of a module that the log does not name: it was {made}."),
        modules => format!("The kernel refused the BTF of {modules}: it was {made}."),
    }
}

fn of_encoder(failures: &[&Failure]) -> String {
    let newer = failures.iter().all(|failure| failure.finding == Finding::NewerEncoder);
    let modules = match names(failures) {
        none if none.is_empty() => "a module, or of itself".into(),
        modules => modules,
    };
    match newer {
        true => format!("The kernel refused the BTF of {modules}: it is of a later format than this kernel knows."),
        false => format!(
            "The kernel refused the BTF of {modules}: it is malformed. Its encoder wrote it so; another build of the kernel does not help."
        ),
    }
}

fn of_unknown(failures: &[&Failure]) -> String {
    let modules = match names(failures) {
        none if none.is_empty() => "a module".into(),
        modules => modules,
    };
    match failures.iter().all(|failure| failure.finding == Finding::InsertFailed) {
        true => format!("The log does not say why {modules} could not be loaded: the kernel's own lines are missing."),
        false => format!("The kernel refused the BTF of {modules}; the log does not say why."),
    }
}

/// `module a`, `modules a, b and c`, `29 modules, among them a, b and c`.
fn names(failures: &[&Failure]) -> String {
    let mut names: Vec<String> = Vec::new();
    for module in failures.iter().filter_map(|failure| failure.module.as_ref()).map(ToString::to_string) {
        if !names.contains(&module) {
            names.push(module);
        }
    }
    let list = |names: &[String]| match names {
        [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
        names => names.concat(),
    };
    match names.as_slice() {
        [] => String::new(),
        [only] => format!("module {only}"),
        few if few.len() <= NAMED => format!("modules {}", list(few)),
        many => format!("{}, among them {}", of(many.len(), "module"), list(many.get(..NAMED).unwrap_or(many))),
    }
}

/// What a failure means, in one sentence, with its own values.
pub(super) fn meaning(failure: &Failure) -> String {
    let Some(check) = &failure.check else {
        return sentences(failure, if failure.finding == Finding::TypeMissing { 3 } else { 1 });
    };
    let subject = failure.subject.as_ref();
    match failure.finding {
        Finding::NameBeyondStrings => match check.number("string") {
            Some(offset) => format!(
                "A name is looked up at offset {}, and all names of the running kernel and of the module together end before it: the running \
                 kernel has fewer bytes of names than the one that the module was made for.",
                grouped(u64::try_from(offset).unwrap_or(0))
            ),
            None => first_sentence(failure),
        },
        Finding::NameInvalid | Finding::ForeignName => match subject {
            Some(line) => name_read(line, failure.finding),
            None => first_sentence(failure),
        },
        Finding::BaseRefused => format!("The kernel's check of its own BTF failed with “{}”.", text_of(check)),
        Finding::Malformed | Finding::NewerEncoder | Finding::RelocationFailed => {
            format!("The check failed with “{}”. {}", text_of(check), first_sentence(failure))
        }
        _ => first_sentence(failure),
    }
}

/// What was read in place of a name.
fn name_read(subject: &Line, finding: Finding) -> String {
    let name = subject.text("name").map(ToString::to_string).unwrap_or_default();
    let kind = subject.text("kind").map(ToString::to_string).unwrap_or_default();
    let what = match subject.number("id") {
        Some(id) => format!("{kind} with id {id}"),
        None => "a member of a struct".into(),
    };
    if kind.starts_with("ENUM") && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty() {
        return format!(
            "The name of an enumerator of {what} ({name}) is not an identifier: its offset now leads into the middle of another name."
        );
    }
    match (finding, name.as_str()) {
        (Finding::ForeignName, _) => format!("The name of {what} reads “{name}”, which this kernel does not accept."),
        (_, "") => format!("The name of {what} is empty: its offset now leads to the end of another name."),
        _ => format!("The name of {what} reads “{name}”, which is part of another name or none at all."),
    }
}

fn first_sentence(failure: &Failure) -> String {
    sentences(failure, 1)
}

/// The first sentences of what the finding means.
fn sentences(failure: &Failure, count: usize) -> String {
    failure.finding.explanation().split_inclusive(". ").take(count).collect::<String>().trim_end().to_owned()
}

/// What the time of the first refusal of a boot hints at.
pub(super) fn timing(boot: &Boot) -> Option<String> {
    let mismatches = boot.failures.iter().filter(|failure| failure.cause() == Cause::Mismatch);
    let times: Vec<u64> = mismatches.filter_map(|failure| failure.uptime).map(|micros| micros / 1_000_000).collect();
    let (first, last) = (times.iter().min()?, times.iter().max()?);
    match (*first, *last) {
        (600.., _) => Some(format!(
            "The first refusal came {} after the boot. If modules loaded before without complaint, the packages were upgraded under the \
             running kernel: reboot.",
            duration(*first)
        )),
        (_, 0..20) => Some(format!(
            "All refusals came within {} of the boot. If modules that are loaded later work, the initramfs is of another build: rebuild it.",
            of((*last).max(1), "second")
        )),
        _ => None,
    }
}

fn duration(seconds: u64) -> String {
    match seconds {
        172_800.. => of(seconds / 86_400, "day"),
        7_200.. => of(seconds / 3_600, "hour"),
        _ => of(seconds / 60, "minute"),
    }
}

/// What a check is called in a table.
pub(super) fn check(failure: &Failure) -> String {
    failure.check.as_ref().map_or_else(
        || "-".into(),
        |line| {
            let text = text_of(line);
            match line.form {
                Form::NameOffset | Form::EnumeratorName => "Invalid name_offset".into(),
                Form::MemberName => "Invalid member name_offset".into(),
                _ => text,
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(log: &str) -> Report {
        verdict::log::read_log(log.as_bytes()).unwrap()
    }

    #[test]
    fn headline_names_the_modules_and_the_cause() {
        let verdict =
            |module: &str| format!("BPF: [9] Invalid name_offset:7\nfailed to validate module [{module}] BTF: -22\n");
        let text =
            |modules: &[&str]| headline(&report(&modules.iter().map(|module| verdict(module)).collect::<String>()));
        assert!(text(&["a"]).starts_with("The kernel refused the BTF of module a: it was made for another build"));
        assert!(text(&["a", "b"]).contains("modules a and b:"));
        assert!(text(&["a", "b", "c", "d"]).contains("4 modules, among them a, b and c:"));
        assert_eq!(headline(&report("x\ny\n")), "No failure about BTF was found in 2 lines.");
        assert!(
            headline(&report("failed to get e_shstrndx from vmlinux"))
                .starts_with("Not the BTF of a module: the vmlinux is cut short")
        );
    }

    #[test]
    fn meaning_has_the_values_of_the_log() {
        let log = "BPF: [9] TYPEDEF 6_HOST \nBPF: type_id=1\nBPF:  \nBPF: Invalid name\nBPF: \nfailed to validate module [a] BTF: -22\n";
        let report = report(log);
        let failure = report.failures().next().unwrap();
        assert_eq!(
            meaning(failure),
            "The name of TYPEDEF with id 9 reads “6_HOST”, which is part of another name or none at all."
        );
        assert_eq!(errno(failure.errno), "-22 (EINVAL)");
    }

    #[test]
    fn timing_hints_at_a_reboot_or_the_initramfs() {
        let at = |time: &str| {
            let log =
                format!("[ {time}] BPF: [9] Invalid name_offset:7\n[ {time}] failed to validate module [a] BTF: -22\n");
            timing(&report(&log).boots[0]).unwrap_or_default()
        };
        assert!(at("159498.814903").contains("44 hours") && at("159498.814903").contains("reboot"));
        assert!(at("2.5").contains("initramfs"));
        assert_eq!(at("100.5"), "");
    }
}

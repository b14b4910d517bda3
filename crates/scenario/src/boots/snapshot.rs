//! The text of a boot's snapshot, rendered from a transcript and the measurements, and normalised.
//!
//! A scenario that loads a few named modules shows their whole log. A scenario that loads all modules of a kernel
//! shows a table of verdicts, a row for each module. A row's digest covers the module's whole normalised log. So a
//! line that is dropped, changed, swapped or moved to another module is noticed. The transcript has every line.
//!
//! Snapshots of kernels built from source, which have few modules, show every log. They stay valid across point
//! releases: they contain no versions, and sizes and counts of types only in relation to each other. Only the type to
//! which a complaint refers can still change, see [`portable`].

mod fidelity;
mod head;
mod subject;

use std::fmt::Write as _;

use guest_protocol::Record;
use sha2::{Digest as _, Sha256};

use super::measured::{Fidelity, Measured};
use super::transcript::{LoadStep, Transcript};
use crate::definition::{Definition, Modules};
use crate::load_counts::LoadCounts;
use crate::load_outcome::{LoadOutcome, errno_name, objection};
use crate::normalise::kernel_log::Normaliser;
use subject::without_subjects;
use util::number::grouped;

/// The normalised text of a run, as its snapshot has it.
#[must_use]
pub fn snapshot(definition: &Definition, transcript: &Transcript, measured: &Measured) -> String {
    render(definition, transcript, measured, normalised)
}

/// The same text without the lines that identify the type to which a complaint refers. This text can be compared with
/// a run on kernels built from another source.
///
/// The data at a shifted offset decides what a check sees, so after each point release a check may fail on another
/// type of the same module. The check itself, its errno, the module and the order do not change.
#[must_use]
pub fn portable(definition: &Definition, transcript: &Transcript, measured: &Measured) -> String {
    let lines = |transcript: &Transcript, records: &[Record]| without_subjects(normalised(transcript, records));
    render(definition, transcript, measured, lines)
}

/// Only the verdict on each module's BTF. This text can be compared with a run whose BTF was encoded in another order
/// of types and strings.
///
/// If the running base differs from a module's build base, that order decides whether a shifted id fails a check (and
/// which) or silently refers to a wrong type. Modules that need symbols of a refused module fail too. So only the
/// part that does not depend on the order is shown: whether the module keeps true BTF. If the two bases are equal,
/// everything is shown.
#[must_use]
pub fn verdicts(definition: &Definition, transcript: &Transcript, measured: &Measured) -> String {
    let mut text = format!("{}\n\n", definition.title);
    for (module, full, portable) in each_verdict(transcript, measured) {
        let verdict = if measured.same_base { full } else { portable.to_owned() };
        let _ = writeln!(text, "{module}: {verdict}");
    }
    text
}

/// The modules whose outcome differs between two runs in ways that the order of types and strings may explain.
pub(crate) fn otherwise<'a>(recorded: (&Transcript, &Measured), seen: (&'a Transcript, &Measured)) -> Vec<&'a str> {
    let recorded = each_verdict(recorded.0, recorded.1);
    let was = |module: &str| recorded.iter().find(|(known, ..)| *known == module).map(|(_, full, _)| full.as_str());
    let seen = each_verdict(seen.0, seen.1).into_iter();
    seen.filter(|(module, full, _)| was(module) != Some(full)).map(|(module, ..)| module).collect()
}

/// Each module with its outcome, in full and reduced to the part that does not depend on the order of types and
/// strings.
fn each_verdict<'a>(transcript: &'a Transcript, measured: &Measured) -> Vec<(&'a str, String, &'static str)> {
    let of = |step: LoadStep<'a>| {
        let (fate, fidelity) = (LoadOutcome::of(&step), measured.fidelity(&step));
        let (suffix, portable) = match (fate, fidelity) {
            (LoadOutcome::Kept | LoadOutcome::Relocated, Fidelity::True) => (", which is true", "keeps true BTF"),
            (LoadOutcome::Kept | LoadOutcome::Relocated, Fidelity::Wrong) => (", which is wrong", "has no true BTF"),
            (LoadOutcome::Kept | LoadOutcome::Relocated, Fidelity::Unknown) => {
                (", of which nothing is known", "has BTF of which nothing is known")
            }
            (LoadOutcome::Crc, _) => ("", "is refused by CRC"),
            (LoadOutcome::Bare, _) => ("", "has no BTF to lose"),
            (LoadOutcome::Dropped | LoadOutcome::Refused | LoadOutcome::Failed, _) => ("", "has no true BTF"),
        };
        (step.given.module.as_str(), verdict(&step) + suffix, portable)
    };
    transcript.steps().map(of).collect()
}

/// Renders the log lines of a step's records.
type LogRenderer = fn(&Transcript, &[Record]) -> Vec<String>;

fn render(definition: &Definition, transcript: &Transcript, measured: &Measured, lines: LogRenderer) -> String {
    let mut text = format!("{}\n\n", definition.title);
    head::head(&mut text, transcript, measured);
    let all = definition.boot().is_some_and(|boot| boot.load == Modules::All);
    match all && !transcript.is_built() {
        true => table(&mut text, transcript, lines),
        false => logs(&mut text, transcript, lines),
    }
    tail(&mut text, transcript, lines);
    fidelity::write_fidelity(&mut text, transcript, measured);
    let summary = LoadCounts::of(transcript, measured);
    let _ = writeln!(text, "\n{}.", capitalised(&summary.sentence()));
    let compatible = measured.built.as_ref().map_or(measured.abi.compatible(), |built| built.symvers.compatible());
    if !compatible {
        text.push_str("Not an ABI-compatible upgrade: what is seen here is no failure of BTF.\n");
    }
    text
}

/// A step's records, normalised in their own scope.
pub(crate) fn normalised(transcript: &Transcript, records: &[Record]) -> Vec<String> {
    let mut normaliser = Normaliser::of_kernels(transcript.is_built());
    records.iter().map(|record| format!("<{}> {}", record.level, normaliser.line(&record.text))).collect()
}

fn verdict(step: &LoadStep<'_>) -> String {
    let load = step.load;
    let mut verdict = LoadOutcome::of(step).words().to_owned();
    if load.errno != 0 {
        let _ = write!(verdict, ": {}", errno_name(load.errno));
    }
    if load.live != (load.errno == 0) {
        verdict.push_str(if load.live { ", yet live" } else { ", yet not live" });
    }
    if load.errno != 0 && load.btf.is_some() {
        verdict.push_str(", yet its BTF is there");
    }
    verdict
}

fn logs(text: &mut String, transcript: &Transcript, lines: LogRenderer) {
    for step in transcript.steps() {
        let _ = writeln!(text, "\n{}: {}", step.given.module, verdict(&step));
        for line in lines(transcript, step.records) {
            let _ = writeln!(text, "    {line}");
        }
    }
}

fn table(text: &mut String, transcript: &Transcript, lines: LogRenderer) {
    let steps: Vec<_> = transcript.steps().collect();
    text.push('\n');
    for fate in LoadOutcome::ALL {
        let count = steps.iter().filter(|step| LoadOutcome::of(step) == fate).count();
        if count > 0 {
            let _ = writeln!(text, "{:>6} {}", grouped(count), fate.words());
        }
    }
    let width = steps.iter().map(|step| step.given.module.len()).max().unwrap_or(0).max("module".len());
    let _ = writeln!(text, "\n{:width$}  {:8}  {:28}  what the kernel said", "module", "log", "verdict");
    for step in steps {
        let module = &step.given.module;
        let said =
            objection(module, step.records).map(|said| normalised_objection(transcript, &said)).unwrap_or_default();
        let row =
            format!("{module:width$}  {:8}  {:28}  {said}", digest(&lines(transcript, step.records)), verdict(&step));
        let _ = writeln!(text, "{}", row.trim_end());
    }
}

/// An objection, normalised in its own scope, so that a table's column does not depend on the rest of the log.
fn normalised_objection(transcript: &Transcript, said: &str) -> String {
    let line = Normaliser::of_kernels(transcript.is_built()).line(&format!("BPF: {said}"));
    line.strip_prefix("BPF: ").unwrap_or(&line).to_owned()
}

/// The first eight digits of the SHA-256 over normalised lines; `-` if there are none.
fn digest(lines: &[String]) -> String {
    if lines.is_empty() {
        return "-".into();
    }
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
    hex::encode(&hash.finalize()[..4])
}

fn tail(text: &mut String, transcript: &Transcript, lines: LogRenderer) {
    let records = transcript.tail();
    if !records.is_empty() {
        text.push_str("\nafter the last module:\n");
        for line in lines(transcript, records) {
            let _ = writeln!(text, "    {line}");
        }
    }
}

fn capitalised(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

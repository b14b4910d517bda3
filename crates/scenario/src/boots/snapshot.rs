//! The text of a snapshot: what a transcript and the measurements beside it come to, normalised.
//!
//! A scenario that loads a few named modules shows their whole log. One that loads all modules of a kernel shows a table
//! of verdicts, a row a module; a row's digest covers the module's whole normalised log, so a line that is dropped,
//! altered, swapped or moved to another module still shows, while the transcript holds every line.
//!
//! Snapshots of kernels that were built from source, which have few modules, show every log. They stay valid across point
//! releases: they contain no versions, and sizes and counts of types only in relation to each other. What can still change is
//! the type that a complaint is about, see [`portable`].

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

/// The normalised text of a run: what its snapshot holds.
#[must_use]
pub fn snapshot(definition: &Definition, transcript: &Transcript, measured: &Measured) -> String {
    render(definition, transcript, measured, normalised)
}

/// The same, without the lines that tell which type a complaint is about: what can be compared with a run on kernels that were
/// built from another source.
///
/// Where a shifted offset leads is decided by what stands there, so that with every point release a check can trip on another
/// type of the same module. Which check that is, with which errno, in which module and in which order, does not change.
#[must_use]
pub fn portable(definition: &Definition, transcript: &Transcript, measured: &Measured) -> String {
    let lines = |transcript: &Transcript, records: &[Record]| without_subjects(normalised(transcript, records));
    render(definition, transcript, measured, lines)
}

/// What became of each module's BTF, and no more: what can be compared with a run on kernels whose BTF an encoder made that writes
/// types and strings in an order of its own.
///
/// Where the running base is another than that which a module was made
/// with, it is a matter of that order whether a shifted id trips a check or leads to a wrong type in silence, and on which check; and
/// modules that need the symbols of a refused one fail too. So only what does not depend on that order is shown: whether
/// the module keeps BTF that is true. Where the two bases are the same, everything is shown.
#[must_use]
pub fn verdicts(definition: &Definition, transcript: &Transcript, measured: &Measured) -> String {
    let mut text = format!("{}\n\n", definition.title);
    for (module, full, portable) in each_verdict(transcript, measured) {
        let verdict = if measured.same_base { full } else { portable.to_owned() };
        let _ = writeln!(text, "{module}: {verdict}");
    }
    text
}

/// The modules of which two runs tell otherwise, though it may be a matter of the order of types and strings alone.
pub(crate) fn otherwise<'a>(recorded: (&Transcript, &Measured), seen: (&'a Transcript, &Measured)) -> Vec<&'a str> {
    let recorded = each_verdict(recorded.0, recorded.1);
    let was = |module: &str| recorded.iter().find(|(known, ..)| *known == module).map(|(_, full, _)| full.as_str());
    let seen = each_verdict(seen.0, seen.1).into_iter();
    seen.filter(|(module, full, _)| was(module) != Some(full)).map(|(module, ..)| module).collect()
}

/// Each module with what became of it, in full and as far as it does not depend on the order of types and strings.
fn each_verdict<'a>(transcript: &'a Transcript, measured: &Measured) -> Vec<(&'a str, String, &'static str)> {
    let of = |step: LoadStep<'a>| {
        let (fate, standing) = (LoadOutcome::of(&step), measured.fidelity(&step));
        let (suffix, portable) = match (fate, standing) {
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

/// Makes the lines of a log of a step's records.
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
    fidelity::truths(&mut text, transcript, measured);
    let summary = LoadCounts::of(transcript, measured);
    let _ = writeln!(text, "\n{}.", capitalised(&summary.sentence()));
    let compatible = measured.built.as_ref().map_or(measured.abi.compatible(), |built| built.symvers.compatible());
    if !compatible {
        text.push_str("Not an ABI-compatible upgrade: what is seen here is no failure of BTF.\n");
    }
    text
}

/// A step's records, normalised in a scope of their own.
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

/// An objection in a scope of its own, so that a table's column does not change with what else a log says.
fn normalised_objection(transcript: &Transcript, said: &str) -> String {
    let line = Normaliser::of_kernels(transcript.is_built()).line(&format!("BPF: {said}"));
    line.strip_prefix("BPF: ").unwrap_or(&line).to_owned()
}

/// The first eight digits of the SHA-256 over normalised lines; `-` for none.
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

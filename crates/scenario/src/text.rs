//! The text of a snapshot: what a transcript and the measurements beside it come to, normalised.
//!
//! A scenario that loads a few named modules shows their whole log. One that loads all modules of a kernel shows a table
//! of verdicts, a row a module; a row's digest covers the module's whole normalised log, so a line that is dropped,
//! altered, swapped or moved to another module still shows, while the transcript holds every line.
//!
//! Of kernels that were built from source, which have few modules, every log is shown. Such a snapshot outlives a point release
//! of the source: it tells no version, and sizes and counts of types only as they relate to each other; what is left that may
//! change is the type that a complaint is about, see [`portable`].

mod head;
mod subject;
mod truths;

use std::fmt::Write as _;

use guest_protocol::Record;
use sha2::{Digest as _, Sha256};

use crate::definition::{Definition, Modules};
use crate::fate::{Fate, errno_name, objection};
use crate::measured::{Measured, Standing};
use crate::normalise::Normaliser;
use crate::summary::{Summary, thousands};
use crate::transcript::{Step, Transcript};
use subject::without_subjects;

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

/// What became of each module, and no more: what can be compared with a run on kernels whose BTF another encoder made.
///
/// The encoder decides in which order types and strings lie, and that decides on which check and on which type a shifted id trips.
/// Whether a module keeps its BTF, loses it, or is refused must not depend on it; nor must it depend on it whether what was
/// accepted is true.
#[must_use]
pub fn verdicts(definition: &Definition, transcript: &Transcript, measured: &Measured) -> String {
    let mut text = format!("{}\n\n", definition.title);
    for step in transcript.steps() {
        let standing = match measured.standing(&step) {
            _ if !Fate::of(&step).accepted() => "",
            Standing::True => ", which is true",
            Standing::Wrong => ", which is wrong",
            Standing::Unknown => ", of which nothing is known",
        };
        let _ = writeln!(text, "{}: {}{standing}", step.given.module, verdict(&step));
    }
    text
}

/// Makes the lines of a log of a step's records.
type Lines = fn(&Transcript, &[Record]) -> Vec<String>;

fn render(definition: &Definition, transcript: &Transcript, measured: &Measured, lines: Lines) -> String {
    let mut text = format!("{}\n\n", definition.title);
    head::head(&mut text, transcript, measured);
    let all = definition.boot().is_some_and(|boot| boot.load == Modules::All);
    match all && !transcript.is_built() {
        true => table(&mut text, transcript, lines),
        false => logs(&mut text, transcript, lines),
    }
    tail(&mut text, transcript, lines);
    truths::truths(&mut text, transcript, measured);
    let summary = Summary::of(transcript, measured);
    let _ = writeln!(text, "\n{}.", capitalised(&summary.sentence()));
    let compatible = measured.built.as_ref().map_or(measured.abi.compatible(), |built| built.proof.compatible());
    if !compatible {
        text.push_str("Not an ABI-compatible upgrade: what is seen here is no failure of BTF.\n");
    }
    text
}

/// A step's records, normalised in a scope of their own.
pub(crate) fn normalised(transcript: &Transcript, records: &[Record]) -> Vec<String> {
    let mut normaliser = Normaliser::of(transcript);
    records.iter().map(|record| format!("<{}> {}", record.level, normaliser.line(&record.text))).collect()
}

fn verdict(step: &Step<'_>) -> String {
    let load = step.load;
    let mut verdict = Fate::of(step).words().to_owned();
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

fn logs(text: &mut String, transcript: &Transcript, lines: Lines) {
    for step in transcript.steps() {
        let _ = writeln!(text, "\n{}: {}", step.given.module, verdict(&step));
        for line in lines(transcript, step.records) {
            let _ = writeln!(text, "    {line}");
        }
    }
}

fn table(text: &mut String, transcript: &Transcript, lines: Lines) {
    let steps: Vec<_> = transcript.steps().collect();
    text.push('\n');
    for fate in Fate::ALL {
        let count = steps.iter().filter(|step| Fate::of(step) == fate).count();
        if count > 0 {
            let _ = writeln!(text, "{:>6} {}", thousands(count), fate.words());
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
    let line = Normaliser::of(transcript).line(&format!("BPF: {said}"));
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
    hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

fn tail(text: &mut String, transcript: &Transcript, lines: Lines) {
    let records = transcript.tail();
    if !records.is_empty() {
        text.push_str("\nafter the last module:\n");
        for line in lines(transcript, records) {
            let _ = writeln!(text, "    {line}");
        }
    }
}

/// A count and what is counted: `1 base`, `1,121 modules`.
fn counted(count: usize, what: &str) -> String {
    format!("{} {what}{}", thousands(count), if count == 1 { "" } else { "s" })
}

fn capitalised(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

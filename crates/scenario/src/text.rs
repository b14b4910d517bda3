//! The text of a snapshot: what a transcript and the measurements beside it come to, normalised.
//!
//! A scenario that loads a few named modules shows their whole log. One that loads all modules of a kernel shows a table
//! of verdicts, a row a module; a row's digest covers the module's whole normalised log, so a line that is dropped,
//! altered, swapped or moved to another module still shows, while the transcript holds every line.

use std::fmt::Write as _;

use guest_protocol::Record;
use sha2::{Digest as _, Sha256};

use crate::definition::{Definition, Modules};
use crate::fate::{Fate, errno_name, objection};
use crate::measured::{Measured, Truth};
use crate::normalise::Normaliser;
use crate::summary::{Summary, thousands};
use crate::transcript::{KernelId, Step, Transcript};

/// The normalised text of a run: what its snapshot holds.
#[must_use]
pub fn snapshot(definition: &Definition, transcript: &Transcript, measured: &Measured) -> String {
    let mut text = format!("{}\n\n", definition.title);
    head(&mut text, transcript, measured);
    match definition.load {
        Modules::Named(_) => logs(&mut text, transcript),
        Modules::All => table(&mut text, transcript),
    }
    tail(&mut text, transcript.tail());
    truths(&mut text, &measured.truth);
    let summary = Summary::of(transcript, measured);
    let _ = writeln!(text, "\n{}.", capitalised(&summary.sentence()));
    if !measured.abi.compatible() {
        text.push_str("Not an ABI-compatible upgrade: what is seen here is no failure of BTF.\n");
    }
    text
}

fn head(text: &mut String, transcript: &Transcript, measured: &Measured) {
    let kernel = |id: &KernelId| format!("{} ({})", id.release, id.version);
    let provenance = &transcript.header.provenance;
    let _ = writeln!(text, "running     {}", kernel(&provenance.running));
    let _ = writeln!(text, "modules of  {}", kernel(&provenance.modules_of));

    let (shown, boot) = transcript.boot();
    let base = match shown {
        Some(shown) if *shown == transcript.header.base => {
            format!("{} bytes, as in the image", thousands_u64(shown.size))
        }
        Some(shown) => format!("{} bytes, not what the image holds", thousands_u64(shown.size)),
        None => "absent".to_owned(),
    };
    let made_with = match (measured.same_base, provenance.running == provenance.modules_of) {
        (_, true) => "",
        (true, false) => "; the modules were made with the same",
        (false, false) => "; the modules were made with another",
    };
    let _ = writeln!(text, "base        {base}{made_with}");

    let abi = &measured.abi;
    let _ = writeln!(
        text,
        "ABI         {}: {} of {} modules import a symbol with another CRC",
        if abi.compatible() { "compatible" } else { "not compatible" },
        thousands(abi.differing),
        thousands(abi.modules),
    );
    if abi.without_versions > 0 {
        let _ = writeln!(text, "            {} carry no versions", counted(abi.without_versions, "module"));
    }
    if abi.compatible() && abi.undecidable > 0 {
        let _ = writeln!(text, "            of {} imported symbols the CRC is not known", thousands(abi.undecidable));
    }
    for differing in &abi.symbols {
        let _ = writeln!(text, "            {} ({})", differing.symbol, counted(differing.modules, "module"));
    }
    let further = abi.differing_symbols.saturating_sub(abi.symbols.len());
    if further > 0 {
        let _ = writeln!(text, "            and {} symbols more", thousands(further));
    }

    let trip = &measured.round_trip;
    let _ = writeln!(
        text,
        "parsed      {} and {}, written back {}",
        counted(trip.bases, "base"),
        counted(trip.modules, "module"),
        if trip.failed.is_empty() { "byte for byte" } else { "with differences:" },
    );
    for failed in &trip.failed {
        let _ = writeln!(text, "            {failed}");
    }

    let mut normaliser = Normaliser::new();
    for record in boot.iter().filter(|record| record.text.contains("BPF:") || record.text.contains("BTF")) {
        let _ = writeln!(text, "at boot     <{}> {}", record.level, normaliser.line(&record.text));
    }
}

/// A step's records, normalised in a scope of their own.
pub(crate) fn normalised(records: &[Record]) -> Vec<String> {
    let mut normaliser = Normaliser::new();
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

fn logs(text: &mut String, transcript: &Transcript) {
    for step in transcript.steps() {
        let _ = writeln!(text, "\n{}: {}", step.given.module, verdict(&step));
        for line in normalised(step.records) {
            let _ = writeln!(text, "    {line}");
        }
    }
}

fn table(text: &mut String, transcript: &Transcript) {
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
        let said = objection(module, step.records).map(|said| normalised_objection(&said)).unwrap_or_default();
        let row = format!("{module:width$}  {:8}  {:28}  {said}", digest(&normalised(step.records)), verdict(&step));
        let _ = writeln!(text, "{}", row.trim_end());
    }
}

/// An objection in a scope of its own, so that a table's column does not change with what else a log says.
fn normalised_objection(said: &str) -> String {
    let line = Normaliser::new().line(&format!("BPF: {said}"));
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

fn tail(text: &mut String, records: &[Record]) {
    if !records.is_empty() {
        text.push_str("\nafter the last module:\n");
        for line in normalised(records) {
            let _ = writeln!(text, "    {line}");
        }
    }
}

fn truths(text: &mut String, truths: &[Truth]) {
    if truths.is_empty() {
        return;
    }
    let wrong: Vec<_> = truths.iter().filter(|truth| !truth.holds()).collect();
    let _ = writeln!(
        text,
        "\naccepted: the BTF of {}; true in every type: {}; not: {}",
        counted(truths.len(), "module"),
        thousands(truths.len() - wrong.len()),
        thousands(wrong.len())
    );
    for truth in wrong {
        let _ = writeln!(
            text,
            "  {}: of {} types, {} have another name or kind, {} another layout, {} another closure",
            truth.module,
            thousands(truth.types),
            thousands(truth.other_name_or_kind),
            thousands(truth.other_layout),
            thousands(truth.other_closure)
        );
        for example in &truth.examples {
            let _ = writeln!(text, "      meant: {}", example.meant);
            let _ = writeln!(text, "      seen:  {}", example.seen);
        }
    }
}

/// A count and what is counted: `1 base`, `1,121 modules`.
fn counted(count: usize, what: &str) -> String {
    format!("{} {what}{}", thousands(count), if count == 1 { "" } else { "s" })
}

fn thousands_u64(count: u64) -> String {
    usize::try_from(count).map(thousands).unwrap_or_else(|_| count.to_string())
}

fn capitalised(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

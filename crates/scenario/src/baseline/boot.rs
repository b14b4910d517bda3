//! Whether a run is what was recorded.

use std::path::Path;
use std::time::Duration;

use similar::TextDiff;

use super::{Error, recorded_snapshot};
use crate::definition::Definition;
use crate::exit::Ending;
use crate::measured::{self, Measured};
use crate::text::{self, portable, snapshot, verdicts};
use crate::transcript::{self, EncoderId, KernelId, Provenance, Transcript};
use crate::workbench;

/// How many modules' logs a difference shows in full. The run's own transcript has them all.
const LOGS_SHOWN: usize = 20;

/// How long one difference is made smaller. Two long logs with nothing in common would take the square of their length.
const PATIENCE: Duration = Duration::from_secs(2);

/// What came of a comparison with what was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// How the scenario ends.
    pub ending: Ending,
    /// What a person should know about the comparison.
    pub note: Option<String>,
}

impl From<Ending> for Judged {
    fn from(ending: Ending) -> Self {
        Self { ending, note: None }
    }
}

/// In which order an encoder writes types and strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeOrder {
    /// In pahole's, as the encoder did whose BTF is recorded: every id and every offset is to come again.
    Paholes,
    /// In one of which nothing is known.
    Own,
}

/// Judges a boot against what was recorded. Kernels that were built from another source than those that were recorded, or with
/// other tools, are judged by their [`portable`] text; those whose BTF an encoder made that has an `order` of its own by their
/// [`verdicts`]; all others in full.
///
/// # Errors
///
/// What was recorded cannot be read.
pub fn judge(
    definition: &Definition,
    dir: &Path,
    (seen, measured): (&Transcript, &Measured),
    order: TypeOrder,
) -> Result<Judged, Error> {
    let encoder = other_encoder(seen);
    let ending = judge_text(dir, &snapshot(definition, seen, measured))?;
    let Ending::Differs { diff } = ending else {
        let note = encoder.map(|encoder| format!("{}: all as with pahole's", encoded_by(encoder)));
        return Ok(Judged { ending, note });
    };
    // What cannot be read says no more than the snapshot does.
    let Ok(before) = Transcript::read(&dir.join(transcript::FILE)) else { return Ok(Ending::Differs { diff }.into()) };
    if let (Some(encoder), TypeOrder::Own) = (encoder, order) {
        let recorded = Measured::read(&dir.join(measured::FILE))?;
        return Ok(by_verdicts(definition, encoder, (&before, &recorded), (seen, measured)));
    }
    let encoded = encoder.map(|encoder| format!("{}, in pahole's order of types", encoded_by(encoder)));
    if let Some(others) = of_another_build(&before, seen) {
        let recorded = portable(definition, &before, &Measured::read(&dir.join(measured::FILE))?);
        let judged = judged(&recorded, &portable(definition, seen, measured));
        let but =
            format!("{others}: compared but for the types that complaints are about, which change with every build");
        return Ok(Judged { ending: judged, note: joined([encoded, Some(but)]) });
    }
    let note = match encoded {
        // Another encoder makes another key, so that nothing is known of the recipe.
        Some(encoded) => Some(format!("{encoded}: compared in full")),
        None => of_another_recipe(&before, seen),
    };
    let diff = diff + &logs_that_differ(&before, seen);
    Ok(Judged { ending: Ending::Differs { diff }, note })
}

/// Judges by what became of each module's BTF, and names the modules of which the kernel said something else.
fn by_verdicts(
    definition: &Definition,
    encoder: &EncoderId,
    (before, recorded): (&Transcript, &Measured),
    (seen, measured): (&Transcript, &Measured),
) -> Judged {
    let ending = judged(&verdicts(definition, before, recorded), &verdicts(definition, seen, measured));
    let mut note = format!("{}: compared by what became of each module's BTF", encoded_by(encoder));
    match text::otherwise((before, recorded), (seen, measured)).as_slice() {
        [] => note.push_str(", which is the same in full"),
        modules => {
            let modules = modules.join(", ");
            note.push_str(&format!("; on which check a shifted id trips, or on none, differs for {modules}"));
        }
    }
    Judged { ending, note: Some(note) }
}

fn encoded_by(encoder: &EncoderId) -> String {
    format!("the BTF was encoded by {}", encoder.name)
}

/// What there is to say, in one line.
fn joined<const N: usize>(notes: [Option<String>; N]) -> Option<String> {
    let notes: Vec<_> = notes.into_iter().flatten().collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// Judges a build against what was recorded. In which order types lie no build's snapshot says, but it says which bytes a
/// module's file has around its `.BTF`: of another encoder that is left out, see [`workbench::of_any_encoder`].
///
/// # Errors
///
/// A snapshot that cannot be read.
pub fn judge_build(definition: &Definition, dir: &Path, seen: &workbench::Transcript) -> Result<Judged, Error> {
    let ending = judge_text(dir, &workbench::snapshot(definition, seen))?;
    let provenance = &seen.header.provenance;
    let encoded = provenance.encoder.as_ref().map(encoded_by);
    if !matches!(ending, Ending::Differs { .. }) {
        return Ok(Judged { ending, note: encoded.map(|encoded| format!("{encoded}: all as with pahole's")) });
    }
    // What cannot be read says no more than the snapshot does.
    let Ok(before) = workbench::Transcript::read(&dir.join(workbench::FILE)) else { return Ok(ending.into()) };
    let others = of_other_parts(&before.header.provenance, provenance);
    let Some(encoded) = encoded else {
        return Ok(Judged { ending, note: others.map(|others| format!("{others}: compared in full")) });
    };
    let [recorded, seen] = [&before, seen].map(|it| workbench::of_any_encoder(definition, it));
    let encoded = format!("{encoded}: compared but for the bytes around .BTF, which are the encoder's");
    Ok(Judged { ending: judged(&recorded, &seen), note: joined([Some(encoded), others]) })
}

/// Judges the text of a run, whatever it was, against the snapshot in a folder.
///
/// # Errors
///
/// A snapshot that cannot be read.
pub fn judge_text(dir: &Path, text: &str) -> Result<Ending, Error> {
    Ok(match recorded_snapshot(dir)? {
        None => Ending::Differs { diff: "nothing is recorded yet: accept what was seen with --bless".into() },
        Some(recorded) => judged(&recorded, text),
    })
}

fn judged(recorded: &str, text: &str) -> Ending {
    match recorded.trim_end() == text.trim_end() {
        true => Ending::Pass,
        false => Ending::Differs { diff: unified(recorded, text, "recorded", "seen") },
    }
}

/// What encoded the BTF of the kernels that were built, if it is not pahole, whose alone is recorded.
fn other_encoder(seen: &Transcript) -> Option<&EncoderId> {
    seen.header.provenance.modules_of.encoder.as_ref().filter(|_| seen.is_built())
}

/// What is to be said if kernels were built from another source than those that were recorded, or with other tools.
fn of_another_build(before: &Transcript, seen: &Transcript) -> Option<String> {
    if !before.is_built() || !seen.is_built() {
        return None;
    }
    let (before, seen) = (&before.header.provenance, &seen.header.provenance);
    let kernels = [
        ("the running kernel", &before.running, &seen.running),
        ("the modules' kernel", &before.modules_of, &seen.modules_of),
    ];
    let others: Vec<_> = kernels
        .into_iter()
        .filter_map(|(which, before, seen)| {
            let (recorded, seen) = other_parts(&parts(before), &parts(seen))?;
            Some(format!("{which} was recorded of {recorded}; this is {seen}"))
        })
        .collect();
    (!others.is_empty()).then(|| others.join("; "))
}

/// What a built kernel was made of: its source by name and by hash, and the tools that decide its BTF.
fn parts(kernel: &KernelId) -> Vec<String> {
    let tools = kernel.build.iter().flat_map(|build| [build.compiler.clone(), build.pahole.clone()]);
    [format!("{} {}", kernel.package, kernel.version), format!("sha256 {}", kernel.sha256)]
        .into_iter()
        .chain(tools)
        .collect()
}

/// Those parts that are not the same, recorded and seen.
fn other_parts(before: &[String], seen: &[String]) -> Option<(String, String)> {
    let only = |these: &[String], those: &[String]| {
        let parts: Vec<_> = these.iter().filter(|part| !those.contains(part)).map(String::as_str).collect();
        if parts.is_empty() { "fewer parts".to_owned() } else { parts.join(", ") }
    };
    (before != seen).then(|| (only(before, seen), only(seen, before)))
}

/// What is to be said if the kernels that were recorded were built by another recipe, of the same source with the same tools.
fn of_another_recipe(before: &Transcript, seen: &Transcript) -> Option<String> {
    let keys = |it: &Transcript| {
        let Provenance { running, modules_of, .. } = &it.header.provenance;
        [running, modules_of].map(|kernel| kernel.build.as_ref().map(|build| build.key.clone()))
    };
    (before.is_built() && seen.is_built() && keys(before) != keys(seen)).then(|| {
        "recorded of kernels that were built by another recipe, of the same source with the same tools: compared in full"
            .to_owned()
    })
}

/// The same of a build.
fn of_other_parts(before: &workbench::Provenance, seen: &workbench::Provenance) -> Option<String> {
    let parts = |it: &workbench::Provenance| -> Vec<String> {
        let source = [format!("{} {}", it.line, it.version), format!("sha256 {}", it.sha256)];
        source.into_iter().chain(it.toolchain.iter().map(|(package, version)| format!("{package} {version}"))).collect()
    };
    let (recorded, seen) = other_parts(&parts(before), &parts(seen))?;
    Some(format!("recorded of {recorded}; this is {seen}"))
}

fn unified(before: &str, after: &str, from: &str, to: &str) -> String {
    TextDiff::configure()
        .timeout(PATIENCE)
        .diff_lines(before.trim_end(), after.trim_end())
        .unified_diff()
        .context_radius(2)
        .missing_newline_hint(false)
        .header(from, to)
        .to_string()
}

/// A table's digest says that a log differs; this says how.
fn logs_that_differ(before: &Transcript, after: &Transcript) -> String {
    let mut out = String::new();
    let mut further = 0;
    for step in after.steps() {
        let module = &step.given.module;
        let Some(earlier) = before.steps().find(|it| it.given.module == *module) else { continue };
        let was = text::normalised(before, earlier.records).join("\n");
        let is = text::normalised(after, step.records).join("\n");
        if was == is {
            continue;
        }
        if further < LOGS_SHOWN {
            let name = |which: &str| format!("{which} log of {module}");
            out.push_str(&unified(&was, &is, &name("recorded"), &name("seen")));
        }
        further += 1;
    }
    if further > LOGS_SHOWN {
        out.push_str(&format!("the logs of {} further modules differ as well\n", further - LOGS_SHOWN));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_a_diff_with_both_sides_named() {
        let diff = unified("a\nb\nc\n", "a\nx\nc\n", "recorded", "seen");
        assert_eq!(diff, "--- recorded\n+++ seen\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
    }
}

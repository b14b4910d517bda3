//! Whether a boot is what was recorded.

use std::path::Path;

use super::files::Error;
use super::text::{BaselineComparison, compare_text, compare_texts, encoded_by, joined, other_parts, unified};
use crate::boots::measured::Measured;
use crate::boots::snapshot::{self, portable, snapshot, verdicts};
use crate::boots::transcript::{BootProvenance, KernelId, Transcript};
use crate::definition::Definition;
use crate::exit::Ending;
use crate::transcript::EncoderId;

/// How many modules' logs a difference shows in full. The run's own transcript has them all.
const LOGS_SHOWN: usize = 20;

/// In which order an encoder writes types and strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeOrder {
    /// In pahole's, as the encoder did whose BTF is recorded: every id and every offset is to come again.
    Paholes,
    /// In one of which nothing is known.
    Own,
}

/// Judges a boot against what was recorded. Kernels that were built from another source than those that were recorded, or with
/// other tools, are compared by their [`portable`] text; those whose BTF an encoder made that has an `order` of its own by their
/// [`verdicts`]; all others in full.
///
/// # Errors
///
/// What was recorded cannot be read.
pub fn compare_boot(
    definition: &Definition,
    dir: &Path,
    (seen, measured): (&Transcript, &Measured),
    order: TypeOrder,
) -> Result<BaselineComparison, Error> {
    let encoder = other_encoder(seen);
    let ending = compare_text(dir, &snapshot(definition, seen, measured))?;
    let Ending::Differs { diff } = ending else {
        let note = encoder.map(|encoder| format!("{}: all as with pahole's", encoded_by(encoder)));
        return Ok(BaselineComparison { ending, note });
    };
    // What cannot be read says no more than the snapshot does.
    let Ok(before) = Transcript::read(dir) else { return Ok(Ending::Differs { diff }.into()) };
    if let (Some(encoder), TypeOrder::Own) = (encoder, order) {
        let recorded = Measured::read(dir)?;
        return Ok(by_verdicts(definition, encoder, (&before, &recorded), (seen, measured)));
    }
    let encoded = encoder.map(|encoder| format!("{}, in pahole's order of types", encoded_by(encoder)));
    if let Some(others) = of_another_build(&before, seen) {
        let recorded = portable(definition, &before, &Measured::read(dir)?);
        let comparison = compare_texts(&recorded, &portable(definition, seen, measured));
        let but =
            format!("{others}: compared but for the types that complaints are about, which change with every build");
        return Ok(BaselineComparison { ending: comparison, note: joined([encoded, Some(but)]) });
    }
    let note = match encoded {
        // Another encoder makes another key, so that nothing is known of the recipe.
        Some(encoded) => Some(format!("{encoded}: compared in full")),
        None => of_another_recipe(&before, seen),
    };
    let diff = diff + &logs_that_differ(&before, seen);
    Ok(BaselineComparison { ending: Ending::Differs { diff }, note })
}

/// Compares what became of each module's BTF, and names the modules for which the kernel logged something else.
fn by_verdicts(
    definition: &Definition,
    encoder: &EncoderId,
    (before, recorded): (&Transcript, &Measured),
    (seen, measured): (&Transcript, &Measured),
) -> BaselineComparison {
    let ending = compare_texts(&verdicts(definition, before, recorded), &verdicts(definition, seen, measured));
    let mut note = format!("{}: compared by what became of each module's BTF", encoded_by(encoder));
    match snapshot::otherwise((before, recorded), (seen, measured)).as_slice() {
        [] => note.push_str(", which is the same in full"),
        modules => {
            let modules = modules.join(", ");
            note.push_str(&format!("; on which check a shifted id trips, or on none, differs for {modules}"));
        }
    }
    BaselineComparison { ending, note: Some(note) }
}

/// What encoded the BTF of the kernels that were built, if it is not pahole, whose alone is recorded.
fn other_encoder(seen: &Transcript) -> Option<&EncoderId> {
    seen.header.provenance.modules_of.encoder.as_ref().filter(|_| seen.is_built())
}

/// A note if the recorded kernels were built from another source, or with other tools.
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

/// A note if the recorded kernels were built by another recipe from the same source with the same tools.
fn of_another_recipe(before: &Transcript, seen: &Transcript) -> Option<String> {
    let keys = |it: &Transcript| {
        let BootProvenance { running, modules_of, .. } = &it.header.provenance;
        [running, modules_of].map(|kernel| kernel.build.as_ref().map(|build| build.key.clone()))
    };
    (before.is_built() && seen.is_built() && keys(before) != keys(seen)).then(|| {
        "recorded of kernels that were built by another recipe, of the same source with the same tools: compared in full"
            .to_owned()
    })
}

/// A table's digest says that a log differs; this says how.
fn logs_that_differ(before: &Transcript, after: &Transcript) -> String {
    let mut out = String::new();
    let mut further = 0;
    for step in after.steps() {
        let module = &step.given.module;
        let Some(earlier) = before.steps().find(|it| it.given.module == *module) else { continue };
        let was = snapshot::normalised(before, earlier.records).join("\n");
        let is = snapshot::normalised(after, step.records).join("\n");
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

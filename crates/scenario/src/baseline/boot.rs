//! Comparing a boot with its record.

use std::path::Path;

use super::files::Error;
use super::text::{BaselineComparison, compare_text, compare_texts, encoded_by, joined, other_parts, unified};
use crate::boots::measured::Measured;
use crate::boots::snapshot::{self, portable, snapshot, verdicts};
use crate::boots::transcript::{BootProvenance, KernelId, Transcript};
use crate::definition::Definition;
use crate::exit::Ending;
use crate::transcript::EncoderId;

/// The number of modules whose logs are shown in full in a difference. The run's own transcript has all of them.
const LOGS_SHOWN: usize = 20;

/// The order in which an encoder writes types and strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeOrder {
    /// pahole's order, which the record also has: every id and every offset must be reproduced.
    Paholes,
    /// An unknown order.
    Own,
}

/// Compares a boot with its record. If the kernels were built from another source or with other tools than the
/// recorded ones, only the [`portable`] text is compared. If their BTF comes from an encoder with its own `order`,
/// only the [`verdicts`] are. Otherwise the whole text is.
///
/// # Errors
///
/// The record cannot be read.
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
    // An unreadable transcript adds nothing to the snapshot's difference.
    let Ok(before) = Transcript::read(dir) else { return Ok(Ending::Differs { diff }.into()) };
    if let (Some(encoder), TypeOrder::Own) = (encoder, order) {
        let recorded = Measured::read(dir)?;
        return Ok(by_verdicts(definition, encoder, (&before, &recorded), (seen, measured)));
    }
    let encoded = encoder.map(|encoder| format!("{}, in pahole's order of types", encoded_by(encoder)));
    if let Some(others) = of_another_build(&before, seen) {
        let recorded = portable(definition, &before, &Measured::read(dir)?);
        let comparison = compare_texts(&recorded, &portable(definition, seen, measured));
        let but = format!("{others}: compared without the types in complaints, which change with every build");
        return Ok(BaselineComparison { ending: comparison, note: joined([encoded, Some(but)]) });
    }
    let note = match encoded {
        // Another encoder gives another key, so the recipes cannot be compared.
        Some(encoded) => Some(format!("{encoded}: compared in full")),
        None => of_another_recipe(&before, seen),
    };
    let diff = diff + &logs_that_differ(&before, seen);
    Ok(BaselineComparison { ending: Ending::Differs { diff }, note })
}

/// Compares the outcome for each module's BTF, and lists the modules whose kernel log differs.
fn by_verdicts(
    definition: &Definition,
    encoder: &EncoderId,
    (before, recorded): (&Transcript, &Measured),
    (seen, measured): (&Transcript, &Measured),
) -> BaselineComparison {
    let ending = compare_texts(&verdicts(definition, before, recorded), &verdicts(definition, seen, measured));
    let mut note = format!("{}: only the outcome for each module's BTF is compared", encoded_by(encoder));
    match snapshot::otherwise((before, recorded), (seen, measured)).as_slice() {
        [] => note.push_str(", which is the same in full"),
        modules => {
            let modules = modules.join(", ");
            note.push_str(&format!("; the check that a shifted id fails, if any, differs for {modules}"));
        }
    }
    BaselineComparison { ending, note: Some(note) }
}

/// The encoder of the built kernels, if it is not pahole. The record was made with pahole.
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
            Some(format!("{which} was recorded with {recorded}; this is {seen}"))
        })
        .collect();
    (!others.is_empty()).then(|| others.join("; "))
}

/// The parts from which a kernel was built: the source by name and by hash, and the tools that decide its BTF.
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
        "recorded with kernels that were built by another recipe from the same source with the same tools: compared in full"
            .to_owned()
    })
}

/// Shows how logs differ. A table's digest shows only that they do.
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

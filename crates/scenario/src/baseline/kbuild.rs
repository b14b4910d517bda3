//! Comparing a build with its record.

use std::path::Path;

use super::files::Error;
use super::text::{BaselineComparison, compare_text, compare_texts, encoded_by, joined, other_parts};
use crate::definition::Definition;
use crate::exit::Ending;
use crate::kbuilds::{self, BuildProvenance, Transcript};

/// Compares a build with its record. A build's snapshot does not depend on the order of types, but it covers the
/// bytes of a module's file around its `.BTF`. For another encoder these are ignored, see
/// [`kbuilds::of_any_encoder`].
///
/// # Errors
///
/// The snapshot cannot be read.
pub fn compare_build(definition: &Definition, dir: &Path, seen: &Transcript) -> Result<BaselineComparison, Error> {
    let ending = compare_text(dir, &kbuilds::snapshot(definition, seen))?;
    let provenance = &seen.header.provenance;
    let encoded = provenance.encoder.as_ref().map(encoded_by);
    if !matches!(ending, Ending::Differs { .. }) {
        return Ok(BaselineComparison {
            ending,
            note: encoded.map(|encoded| format!("{encoded}: all as with pahole's")),
        });
    }
    // An unreadable transcript adds nothing to the snapshot's difference.
    let Ok(before) = Transcript::read(dir) else { return Ok(ending.into()) };
    let others = of_other_parts(&before.header.provenance, provenance);
    let Some(encoded) = encoded else {
        return Ok(BaselineComparison { ending, note: others.map(|others| format!("{others}: compared in full")) });
    };
    let [recorded, seen] = [&before, seen].map(|it| kbuilds::of_any_encoder(definition, it));
    let encoded = format!("{encoded}: compared without the bytes around .BTF, which depend on the encoder");
    Ok(BaselineComparison { ending: compare_texts(&recorded, &seen), note: joined([Some(encoded), others]) })
}

/// A note if the recorded build used another source or other tools.
fn of_other_parts(before: &BuildProvenance, seen: &BuildProvenance) -> Option<String> {
    let parts = |it: &BuildProvenance| -> Vec<String> {
        let source = [format!("{} {}", it.series, it.version), format!("sha256 {}", it.sha256)];
        source.into_iter().chain(it.toolchain.iter().map(|(package, version)| format!("{package} {version}"))).collect()
    };
    let (recorded, seen) = other_parts(&parts(before), &parts(seen))?;
    Some(format!("recorded with {recorded}; this is {seen}"))
}

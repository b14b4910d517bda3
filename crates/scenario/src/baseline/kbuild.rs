//! Whether a build is what was recorded.

use std::path::Path;

use super::files::Error;
use super::text::{BaselineComparison, compare_text, compare_texts, encoded_by, joined, other_parts};
use crate::definition::Definition;
use crate::exit::Ending;
use crate::kbuilds::{self, BuildProvenance, Transcript};

/// Judges a build against what was recorded. In which order types lie no build's snapshot says, but it says which bytes a
/// module's file has around its `.BTF`: of another encoder that is left out, see [`kbuilds::of_any_encoder`].
///
/// # Errors
///
/// A snapshot that cannot be read.
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
    // What cannot be read says no more than the snapshot does.
    let Ok(before) = Transcript::read(dir) else { return Ok(ending.into()) };
    let others = of_other_parts(&before.header.provenance, provenance);
    let Some(encoded) = encoded else {
        return Ok(BaselineComparison { ending, note: others.map(|others| format!("{others}: compared in full")) });
    };
    let [recorded, seen] = [&before, seen].map(|it| kbuilds::of_any_encoder(definition, it));
    let encoded = format!("{encoded}: compared but for the bytes around .BTF, which are the encoder's");
    Ok(BaselineComparison { ending: compare_texts(&recorded, &seen), note: joined([Some(encoded), others]) })
}

/// The same of a build.
fn of_other_parts(before: &BuildProvenance, seen: &BuildProvenance) -> Option<String> {
    let parts = |it: &BuildProvenance| -> Vec<String> {
        let source = [format!("{} {}", it.series, it.version), format!("sha256 {}", it.sha256)];
        source.into_iter().chain(it.toolchain.iter().map(|(package, version)| format!("{package} {version}"))).collect()
    };
    let (recorded, seen) = other_parts(&parts(before), &parts(seen))?;
    Some(format!("recorded of {recorded}; this is {seen}"))
}

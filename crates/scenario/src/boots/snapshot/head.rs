//! The beginning of a snapshot: the kernels, their bases, their ABI, and the kernel's log about BTF during the boot.

use std::cmp::Ordering;
use std::fmt::Write as _;

use crate::boots::measured::{AbiMeasurement, BaseSize, BuiltKernels, Measured};
use crate::boots::transcript::{KernelId, Transcript};
use crate::normalise::kernel_log::Normaliser;
use util::number::{grouped, of};

pub(super) fn head(text: &mut String, transcript: &Transcript, measured: &Measured) {
    let provenance = &transcript.header.provenance;
    let _ = writeln!(text, "running     {}", kernel(&provenance.running));
    let _ = writeln!(text, "modules of  {}", kernel(&provenance.modules_of));
    let _ = writeln!(text, "base        {}", base(transcript, measured));
    abi(text, measured);
    round_trip(text, measured);

    let (_, boot) = transcript.boot();
    let mut normaliser = Normaliser::of_kernels(transcript.is_built());
    for record in boot.iter().filter(|record| record.text.contains("BPF:") || record.text.contains("BTF")) {
        let _ = writeln!(text, "at boot     <{}> {}", record.level, normaliser.line(&record.text));
    }
}

/// A kernel by its release and its package's version, or, if it was built, by the parts that no point release
/// changes.
fn kernel(id: &KernelId) -> String {
    match &id.build {
        None => match &id.encoder {
            None => format!("{} ({})", id.release, id.version),
            Some(encoder) => format!("{} ({}), BTF by {}", id.release, id.version, encoder.name),
        },
        Some(build) => format!("{}, {}", build.series, build.kernel),
    }
}

/// Whether the kernel shows the base of its image, and how that base relates to the modules' build base.
fn base(transcript: &Transcript, measured: &Measured) -> String {
    let (shown, _) = transcript.boot();
    let size = |size: u64| match measured.built {
        None => format!("{} bytes, ", grouped(size)),
        Some(_) => String::new(),
    };
    let base = match shown {
        Some(shown) if *shown == transcript.header.base => format!("{}as in the image", size(shown.size)),
        Some(shown) => format!("{}not what the image holds", size(shown.size)),
        None => "absent".to_owned(),
    };
    let provenance = &transcript.header.provenance;
    match (measured.same_base, provenance.running == provenance.modules_of, &measured.built) {
        (_, true, _) => base,
        (true, false, _) => format!("{base}; the modules were made with the same"),
        (false, false, None) => format!("{base}; the modules were made with another"),
        (false, false, Some(built)) => format!("{base}; the modules were made with another: {}", relation(built)),
    }
}

/// How the modules' build base relates to the running base.
fn relation(built: &BuiltKernels) -> String {
    let BuiltKernels { running_base: BaseSize { types, strings }, modules_base: other, .. } = built;
    let word = |order, words: [&'static str; 3]| match order {
        Ordering::Less => words[0],
        Ordering::Equal => words[1],
        Ordering::Greater => words[2],
    };
    let types = word(other.types.cmp(types), ["fewer", "equally many", "more"]);
    let strings = word(other.strings.cmp(strings), ["shorter", "equally long", "longer"]);
    format!("{types} types, {strings} strings")
}

fn abi(text: &mut String, measured: &Measured) {
    let abi = &measured.abi;
    match &measured.built {
        None => {
            let word = if abi.compatible() { "compatible" } else { "not compatible" };
            let _ = writeln!(text, "ABI         {word}: {}", imports(abi));
        }
        Some(built) => {
            let _ = writeln!(text, "ABI         {}", built.symvers);
            if !abi.compatible() {
                let _ = writeln!(text, "            {}", imports(abi));
            }
        }
    }
    if abi.without_versions > 0 {
        let _ = writeln!(text, "            {} carry no versions", of(abi.without_versions, "module"));
    }
    if abi.compatible() && abi.undecidable > 0 {
        let _ = writeln!(text, "            of {} imported symbols the CRC is not known", grouped(abi.undecidable));
    }
    for differing in &abi.symbols {
        let _ = writeln!(text, "            {} ({})", differing.symbol, of(differing.modules, "module"));
    }
    let further = abi.differing_symbols.saturating_sub(abi.symbols.len());
    if further > 0 {
        let _ = writeln!(text, "            and {} symbols more", grouped(further));
    }
}

fn imports(abi: &AbiMeasurement) -> String {
    format!("{} of {} modules import a symbol with another CRC", grouped(abi.differing), grouped(abi.modules))
}

fn round_trip(text: &mut String, measured: &Measured) {
    let trip = &measured.round_trip;
    let _ = writeln!(
        text,
        "parsed      {} and {}, written back {}",
        of(trip.bases, "base"),
        of(trip.modules, "module"),
        if trip.failed.is_empty() { "byte for byte" } else { "with differences:" },
    );
    for failed in &trip.failed {
        let _ = writeln!(text, "            {failed}");
    }
}

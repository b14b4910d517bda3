//! The snapshot's section about the fidelity of accepted BTF.

use std::fmt::Write as _;

use crate::boots::measured::{Fidelity, Measured, RelocatedModule, TypeFidelity};
use crate::boots::transcript::Transcript;
use crate::load_outcome::LoadOutcome;
use util::number::{grouped, of};

/// Writes the section: counts, wrong types module by module, and relocated modules.
pub(super) fn write_fidelity(text: &mut String, transcript: &Transcript, measured: &Measured) {
    let Measured { fidelity, relocated, built, .. } = measured;
    let accepted: Vec<_> = transcript.steps().filter(|step| LoadOutcome::of(step).accepted()).collect();
    if accepted.is_empty() && fidelity.is_empty() && relocated.is_empty() {
        return;
    }
    let with = |verdict| accepted.iter().filter(move |step| measured.fidelity(step) == verdict);
    let _ = write!(
        text,
        "\naccepted: the BTF of {}; true in every type: {}; not: {}",
        of(accepted.len(), "module"),
        grouped(with(Fidelity::True).count()),
        grouped(with(Fidelity::Wrong).count())
    );
    let unknown: Vec<_> = with(Fidelity::Unknown).map(|step| step.given.module.as_str()).collect();
    if !unknown.is_empty() {
        let _ = write!(text, "; not known: {}", unknown.join(", "));
    }
    text.push('\n');
    for module in fidelity.iter().filter(|module| !module.holds()) {
        match built {
            None => write_counts(text, module),
            Some(_) => {
                let _ = writeln!(text, "  {}: types with {}", module.module, senses(module));
            }
        }
    }
    for (as_expected, words) in [(true, ""), (false, "not ")] {
        let which = relocated.iter().filter(|it| is_as_expected(it, transcript) == as_expected);
        let names: Vec<_> = which.map(|it| it.module.as_str()).collect();
        if !names.is_empty() {
            let _ = writeln!(text, "  relocated, and {words}byte for byte as by btf::relocate: {}", names.join(", "));
        }
    }
    for RelocatedModule { module, unknown, .. } in relocated {
        if let Some(why) = unknown {
            let _ = writeln!(text, "  {module}: {why}");
        }
    }
}

/// Whether the kernel's relocation of a module equals our own.
fn is_as_expected(relocated: &RelocatedModule, transcript: &Transcript) -> bool {
    let shown =
        transcript.steps().find(|step| step.given.module == relocated.module).and_then(|step| step.load.btf.as_ref());
    shown.is_some() && shown == relocated.expected.as_ref()
}

/// Writes how many types of a module are wrong in which way, and examples.
fn write_counts(text: &mut String, module: &TypeFidelity) {
    let _ = writeln!(
        text,
        "  {}: of {} types, {} have another name or kind, {} another layout, {} another closure",
        module.module,
        grouped(module.types),
        grouped(module.other_name_or_kind),
        grouped(module.other_layout),
        grouped(module.other_closure)
    );
    for example in &module.examples {
        let _ = writeln!(text, "      meant: {}", example.meant);
        let _ = writeln!(text, "      seen:  {}", example.seen);
    }
}

/// The ways in which a module's types are wrong. Their number and examples change with every build.
fn senses(module: &TypeFidelity) -> String {
    let senses = [
        (module.other_name_or_kind, "another name or kind"),
        (module.other_layout, "another layout"),
        (module.other_closure, "another closure"),
    ];
    senses.into_iter().filter(|(count, _)| *count > 0).map(|(_, sense)| sense).collect::<Vec<_>>().join(", ")
}

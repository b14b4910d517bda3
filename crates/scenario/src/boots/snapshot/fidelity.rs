//! The snapshot's section about the fidelity of accepted BTF.

use std::fmt::Write as _;

use crate::boots::measured::{Fidelity, Measured, RelocatedModule, TypeFidelity};
use crate::boots::transcript::Transcript;
use crate::load_outcome::LoadOutcome;
use util::number::{grouped, of};

pub(super) fn truths(text: &mut String, transcript: &Transcript, measured: &Measured) {
    let Measured { fidelity: truths, relocated, built, .. } = measured;
    let accepted: Vec<_> = transcript.steps().filter(|step| LoadOutcome::of(step).accepted()).collect();
    if accepted.is_empty() && truths.is_empty() && relocated.is_empty() {
        return;
    }
    let with = |standing| accepted.iter().filter(move |step| measured.fidelity(step) == standing);
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
    for truth in truths.iter().filter(|truth| !truth.holds()) {
        match built {
            None => in_numbers(text, truth),
            Some(_) => {
                let _ = writeln!(text, "  {}: types with {}", truth.module, senses(truth));
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

fn in_numbers(text: &mut String, truth: &TypeFidelity) {
    let _ = writeln!(
        text,
        "  {}: of {} types, {} have another name or kind, {} another layout, {} another closure",
        truth.module,
        grouped(truth.types),
        grouped(truth.other_name_or_kind),
        grouped(truth.other_layout),
        grouped(truth.other_closure)
    );
    for example in &truth.examples {
        let _ = writeln!(text, "      meant: {}", example.meant);
        let _ = writeln!(text, "      seen:  {}", example.seen);
    }
}

/// The ways in which a module's types are wrong. Their number and examples change with every build.
fn senses(truth: &TypeFidelity) -> String {
    let senses = [
        (truth.other_name_or_kind, "another name or kind"),
        (truth.other_layout, "another layout"),
        (truth.other_closure, "another closure"),
    ];
    senses.into_iter().filter(|(count, _)| *count > 0).map(|(_, sense)| sense).collect::<Vec<_>>().join(", ")
}

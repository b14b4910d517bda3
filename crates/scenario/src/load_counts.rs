//! The counts of a run, and the sentence that summarises them.

use nix::errno::Errno;
use serde::Serialize;
use util::number::grouped;

use crate::boots::measured::{Fidelity, Measured};
use crate::boots::transcript::{LoadStep, Transcript};
use crate::load_outcome::LoadOutcome;

/// The modules of a run, counted by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LoadCounts {
    /// Modules that the plan loads.
    pub modules: usize,
    /// Loaded, and every type of their BTF has its original meaning.
    pub keep_true: usize,
    /// Loaded, but their BTF was dropped, or refused because of their BTF.
    pub lose: usize,
    /// Loaded with BTF whose meaning has changed, which the kernel did not report.
    pub wrong: usize,
    /// Loaded with BTF whose fidelity is unknown.
    pub unknown: usize,
    /// Loaded; they have no BTF.
    pub bare: usize,
    /// Refused because of their BTF (also counted in `lose`).
    pub refused: usize,
    /// Refused because of a CRC (also counted in `not_loaded`).
    pub crc: usize,
    /// Not loaded because they depend on a module that was refused because of its BTF.
    pub for_want: usize,
    /// Not loaded for reasons other than BTF.
    pub not_loaded: usize,
}

impl LoadCounts {
    /// Counts the outcomes.
    #[must_use]
    pub fn of(transcript: &Transcript, measured: &Measured) -> Self {
        let mut summary = Self::default();
        let mut wanting = 0;
        for step in transcript.steps() {
            summary.modules += 1;
            match LoadOutcome::of(&step) {
                LoadOutcome::Kept | LoadOutcome::Relocated => match measured.fidelity(&step) {
                    Fidelity::True => summary.keep_true += 1,
                    Fidelity::Wrong => summary.wrong += 1,
                    Fidelity::Unknown => summary.unknown += 1,
                },
                LoadOutcome::Dropped => summary.lose += 1,
                LoadOutcome::Refused => {
                    summary.lose += 1;
                    summary.refused += 1;
                }
                LoadOutcome::Bare => summary.bare += 1,
                LoadOutcome::Crc => {
                    summary.not_loaded += 1;
                    summary.crc += 1;
                }
                LoadOutcome::Failed if lacks_symbol(&step) => wanting += 1,
                LoadOutcome::Failed => summary.not_loaded += 1,
            }
        }
        // The log does not show which module exports a symbol. But a module is loaded after its dependencies. So if
        // none of them failed for another reason, and the kernel itself has all symbols, the first dependency was
        // refused because of its BTF.
        let kernel_has_all = measured.built.as_ref().is_some_and(|built| built.symvers.compatible());
        match summary.refused > 0 && summary.not_loaded == 0 && kernel_has_all {
            true => summary.for_want = wanting,
            false => summary.not_loaded += wanting,
        }
        summary
    }

    /// The sentence: *of N modules, A keep true BTF, B lose it, C are given wrong types without a word, D do not load
    /// for other reasons*; before the last part, if applicable, *E do not load for want of one that was refused*.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { keep_true, lose, wrong, for_want, not_loaded, .. } = *self;
        let verb = |count, one: &'static str, many: &'static str| if count == 1 { one } else { many };
        let want = match for_want {
            0 => String::new(),
            _ => format!(
                ", {} {} not load for want of one that was refused",
                grouped(for_want),
                verb(for_want, "does", "do")
            ),
        };
        let mut sentence = format!(
            "of {} module{}, {} {} true BTF, {} {} it, {} {} given wrong types without a word{want}, {} {} not load for other \
             reasons",
            grouped(self.modules),
            verb(self.modules, "", "s"),
            grouped(keep_true),
            verb(keep_true, "keeps", "keep"),
            grouped(lose),
            verb(lose, "loses", "lose"),
            grouped(wrong),
            verb(wrong, "is", "are"),
            grouped(not_loaded),
            verb(not_loaded, "does", "do"),
        );
        if self.unknown > 0 {
            let (count, verb) = (grouped(self.unknown), verb(self.unknown, "is", "are"));
            sentence.push_str(&format!(", {count} {verb} given types that are not known to be true"));
        }
        if self.bare > 0 {
            sentence.push_str(&format!(", {} {} none", grouped(self.bare), verb(self.bare, "has", "have")));
        }
        sentence
    }
}

/// Whether the kernel logged that it lacks a symbol that a module imports.
///
/// Source: `kernel/module/main.c`, `simplify_symbols`: `%s: Unknown symbol %s (err %d)`, with `-ENOENT`.
fn lacks_symbol(step: &LoadStep<'_>) -> bool {
    let opening = format!("{}: Unknown symbol ", step.given.module);
    step.load.errno == Errno::ENOENT as i32
        && step
            .records
            .iter()
            .any(|record| record.text.starts_with(&opening) && record.text.trim_end().ends_with("(err -2)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_counts_and_agrees() {
        let summary =
            LoadCounts { modules: 1121, keep_true: 0, lose: 1035, wrong: 23, not_loaded: 63, ..LoadCounts::default() };
        assert_eq!(
            summary.sentence(),
            "of 1,121 modules, 0 keep true BTF, 1,035 lose it, 23 are given wrong types without a word, 63 do not load for \
             other reasons"
        );
        let summary = LoadCounts { modules: 1, lose: 1, ..LoadCounts::default() };
        assert_eq!(
            summary.sentence(),
            "of 1 module, 0 keep true BTF, 1 loses it, 0 are given wrong types without a word, 0 do not load for other \
             reasons"
        );
    }

    #[test]
    fn sentence_mentions_modules_that_miss_a_refused_one() {
        let summary = LoadCounts { modules: 2, lose: 1, refused: 1, for_want: 1, ..LoadCounts::default() };
        assert_eq!(
            summary.sentence(),
            "of 2 modules, 0 keep true BTF, 1 loses it, 0 are given wrong types without a word, 1 does not load for want of one \
             that was refused, 0 do not load for other reasons"
        );
    }
}

//! The one sentence of a run, and the counts behind it.

use nix::errno::Errno;
use serde::Serialize;
use util::number::grouped;

use crate::boots::measured::{Fidelity, Measured};
use crate::boots::transcript::{LoadStep, Transcript};
use crate::load_outcome::LoadOutcome;

/// Of the modules that a run loaded, how many met which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LoadCounts {
    /// How many modules the guest was told to load.
    pub modules: usize,
    /// Loaded, and every type of their BTF means what it meant.
    pub keep_true: usize,
    /// Loaded, but their BTF was dropped, or refused because of their BTF.
    pub lose: usize,
    /// Loaded with BTF that means something else now, without a word from the kernel.
    pub wrong: usize,
    /// Loaded with BTF of which it is not known what it means.
    pub unknown: usize,
    /// Loaded; had no BTF to lose.
    pub bare: usize,
    /// Refused because of their BTF (these are counted in `lose` as well).
    pub refused: usize,
    /// Refused by CRC (these are counted in `not_loaded` as well).
    pub crc: usize,
    /// Did not load for want of a module that was refused because of its BTF.
    pub for_want: usize,
    /// Did not load for reasons other than BTF.
    pub not_loaded: usize,
}

impl LoadCounts {
    /// Counts.
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
        // Who exports a symbol no log says. But a module comes after those that it needs; so where none of them failed for
        // another reason, and the kernel itself lacks no symbol, the first that is wanted was refused for its BTF.
        let kernel_has_all = measured.built.as_ref().is_some_and(|built| built.symvers.compatible());
        match summary.refused > 0 && summary.not_loaded == 0 && kernel_has_all {
            true => summary.for_want = wanting,
            false => summary.not_loaded += wanting,
        }
        summary
    }

    /// The sentence: *of N modules, A keep true BTF, B lose it, C are given wrong types without a word, D do not load for
    /// other reasons*; before the last, where there are any, *E do not load for want of one that was refused*.
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

/// Whether the kernel said that it does not have a symbol which a module imports.
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
    fn what_is_wanting_is_told_where_there_is_any() {
        let summary = LoadCounts { modules: 2, lose: 1, refused: 1, for_want: 1, ..LoadCounts::default() };
        assert_eq!(
            summary.sentence(),
            "of 2 modules, 0 keep true BTF, 1 loses it, 0 are given wrong types without a word, 1 does not load for want of one \
             that was refused, 0 do not load for other reasons"
        );
    }
}

//! Which of pahole's threads took which unit.

use btf::View;
use encode::{EncodeError, Encoded, Encoder};
use kmod::ElfFile;

use super::Rule;

pub(crate) const RULE: Rule = Rule {
    name: "threads",
    predicts: "the order of the functions in the shipped BTF shows which thread took which unit; encoded like that no type is \
               another, but for what other rules predict: each thread has the first definition of a function that it met, and \
               the threads' types meet one after the other",
    cause: "pahole up to 1.28 with -j: pahole.c, pahole_stealer gives each thread an encoder of its own, which writes a \
            function once (btf_encoder.c, btf_encoder__encode_cu), and pahole_threads_collect joins them; units go to \
            whichever thread is free, so the next run of pahole writes something else",
};

/// Encodes a file as the threads took its units that the shipped BTF shows.
pub(crate) fn encode(encoder: Encoder<'_>, elf: &ElfFile, shipped: View<'_>) -> Result<Encoded, EncodeError> {
    let schedule = encoder.schedule(elf, shipped)?;
    encoder.with_schedule(schedule).encode_elf(elf)
}

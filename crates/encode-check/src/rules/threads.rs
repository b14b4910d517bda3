//! The rule for what depends on which of pahole's threads took which CU.

mod trace;

use std::collections::HashMap;

use btf::{Kind, View};
use encode::{CuOrder, EncodeError, Encoded, Encoder};
use kmod::ElfFile;

use super::rule::Rule;
use trace::ThreadTrace;

pub(crate) const RULE: Rule = Rule {
    name: "threads",
    predicts: "the order of the functions in the shipped BTF shows which thread took which unit; encoded like that no type is \
               another, but for what other rules predict: each thread has the first definition of a function that it met, and \
               the threads' types meet one after the other",
    cause: "pahole up to 1.28 with -j: pahole.c, pahole_stealer gives each thread an encoder of its own, which writes a \
            function once (btf_encoder.c, btf_encoder__encode_cu), and pahole_threads_collect joins them; units go to \
            whichever thread is free, so the next run of pahole writes something else",
};

/// Encodes a file with its CUs in the order in which the threads took them, inferred from the shipped BTF.
pub(crate) fn encode(encoder: Encoder<'_>, elf: &ElfFile, shipped: View<'_>) -> Result<Encoded, EncodeError> {
    let order = infer(&encoder.function_definitions(elf)?, shipped);
    encoder.with_cu_order(order).encode_elf(elf)
}

/// Which thread took which CU when `pahole -j`, up to 1.28, made `shipped` from CUs with these functions. What the shipped BTF
/// does not show is guessed, so what is encoded with the result has to be compared.
fn infer(definitions: &[Vec<Vec<u8>>], shipped: View<'_>) -> CuOrder {
    let mut numbers: HashMap<&[u8], u32> = HashMap::new();
    let mut number = |name| {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        *numbers.entry(name).or_insert(next)
    };
    let mut trace = ThreadTrace::default();
    for names in definitions {
        trace.definitions.push(names.iter().map(|name| number(name)).collect());
    }
    let functions = shipped.own_types().filter(|(_, ty)| ty.kind() == Kind::Func);
    trace.written.extend(functions.map(|(_, ty)| number(shipped.name(&ty).unwrap_or_default())));
    trace.infer()
}

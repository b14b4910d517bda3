//! Which functions are written, and the tags on what is.

use btf::Kind;

use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::declarations::SavedFunction;
use crate::dedup::emit_order::{EmitCu, EmitOrder, EmitPhase};
use crate::encoded::{self, head, make_info};
use crate::error::EncodeError;
use crate::functions::consistent::Consistency;
use crate::functions::kfuncs::{self, Kfuncs};
use crate::hash::IdMap;
use crate::ids::{CanonicalId, NameId, id32};
use crate::options::{Functions, Options};
use crate::report::Report;
use crate::strings::interner::StringInterner;

/// The first linkage: static. All functions have it.
const STATIC: u32 = 0;
/// The component of a tag on the whole of a declaration: -1.
const WHOLE: u32 = u32::MAX;

/// What the choice of functions depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FunctionSelection<'s> {
    pub(crate) options: &'s Options,
    pub(crate) kfuncs: &'s Kfuncs<'s>,
    /// The thread of each CU that was merged: each thread chooses for itself. Empty if there is one thread.
    pub(crate) threads: &'s [u32],
}

/// Functions being written.
struct FunctionWriter<'w, 'b> {
    types: &'w mut CanonicalTypes<'b>,
    selection: &'w FunctionSelection<'w>,
    names: &'w StringInterner<'b>,
}

/// Adds the functions that are to be written.
pub(crate) fn functions<'b>(
    types: &mut CanonicalTypes<'b>,
    selection: &FunctionSelection<'_>,
    names: &StringInterner<'b>,
    report: &mut Report,
) -> Result<IdMap<u32, CanonicalId>, EncodeError> {
    let mut ids = IdMap::default();
    let functions = std::mem::take(&mut types.functions);
    let params = std::mem::take(&mut types.params);
    let chosen = choose(types, selection, &functions, &params)?;
    let mut writer = FunctionWriter { types, selection, names };
    let mut order: Vec<(usize, &SavedFunction)> = Vec::new();
    order.extend(functions.iter().enumerate().filter(|&(place, _)| chosen.get(place) == Some(&true)));
    let at_the_end = selection.options.functions == Functions::Consistent;
    if at_the_end {
        order.sort_by_cached_key(|(_, function)| names.with(function.name, <[u8]>::to_vec));
    }
    for (rank, (place, function)) in order.into_iter().enumerate() {
        let place = id32(place);
        let known = writer.types.own_len();
        let cu = if at_the_end { EmitCu::END } else { function.cu.into() };
        let id =
            writer.function(function, function.params(&params)?, EmitOrder::new(cu, EmitPhase::Functions, rank))?;
        ids.insert(place, id);
        let is_new = writer.types.place(id).is_some_and(|place| place >= known as usize);
        report.functions += u32::from(is_new);
    }
    if at_the_end {
        (types.functions, types.params) = (functions, params);
    }
    Ok(ids)
}

impl FunctionWriter<'_, '_> {
    fn function(
        &mut self,
        function: &SavedFunction,
        params: &[(NameId, Option<CanonicalId>)],
        order: EmitOrder,
    ) -> Result<CanonicalId, EncodeError> {
        let flags = self.names.with(function.name, |name| self.selection.kfuncs.flags(name));
        let arena = kfuncs::Arena::of(flags.filter(|_| self.selection.options.attributes).unwrap_or(0));
        let returns = self.types.remapped(function.returns)?;
        let returns = if arena.returns { self.in_arena(returns, order)? } else { returns };
        let mut words = vec![0, make_info(Kind::FuncProto, function.param_count, false), CanonicalId::word(returns)];
        for (index, &(name, ty)) in params.iter().enumerate() {
            let ty = self.types.remapped(ty)?;
            let is_arena = arena.params.get(index).is_some_and(|&is_arena| is_arena);
            let ty = if is_arena { self.in_arena(ty, order)? } else { ty };
            words.extend([name.raw(), CanonicalId::word(ty)]);
        }
        let prototype = self.types.intern(&words, order)?;
        let id = self.types.intern(&head(Kind::Func, function.name, STATIC, false, prototype.raw()), order)?;
        for tag in flags.into_iter().flat_map(kfuncs::tags_of) {
            let [name, info, word] = head(Kind::DeclTag, self.names.intern(tag)?, 0, false, id.raw());
            self.types.intern(&[name, info, word, WHOLE], order)?;
        }
        Ok(id)
    }

    /// A pointer into BPF's arena, made of a pointer (`btf__tag_bpf_arena_ptr` in `btf_encoder.c`).
    fn in_arena(&mut self, pointer: Option<CanonicalId>, order: EmitOrder) -> Result<Option<CanonicalId>, EncodeError> {
        let words = pointer.map_or(&[][..], |pointer| self.types.get(pointer));
        if encoded::kind(words) != Kind::Ptr {
            return Ok(pointer);
        }
        let target = encoded::word(words);
        let attribute = self.names.intern(kfuncs::ARENA)?;
        let tag = self.types.intern(&head(Kind::TypeTag, attribute, 0, true, target), order)?;
        self.types.intern(&head(Kind::Ptr, NameId::EMPTY, 0, false, tag.raw()), order).map(Some)
    }
}

/// Which functions are written: of each name the first one of each thread, or none where they have to agree and do not.
fn choose(
    types: &CanonicalTypes<'_>,
    selection: &FunctionSelection<'_>,
    functions: &[SavedFunction],
    params: &[(NameId, Option<CanonicalId>)],
) -> Result<Vec<bool>, EncodeError> {
    let mut chosen = vec![false; functions.len()];
    let mut firsts: IdMap<NameId, usize> = IdMap::default();
    let mut thread = None;
    let mut consistency = Consistency::new(types, params);
    for (place, function) in functions.iter().enumerate() {
        let next = selection.threads.get(function.cu.place());
        if next != thread {
            firsts.clear();
            thread = next;
        }
        let first = *firsts.entry(function.name).or_insert(place);
        let is_consistent = match functions.get(first) {
            Some(other) if selection.options.functions == Functions::Consistent => {
                !function.unexpected_reg && consistency.functions(other, function)?
            }
            _ => true,
        };
        let was_chosen = first == place || chosen.get(first) == Some(&true);
        if let Some(first) = chosen.get_mut(first) {
            *first = was_chosen && is_consistent;
        }
    }
    Ok(chosen)
}

//! Which functions are written, and the tags on what is.

use btf::Kind;

use crate::agree;
use crate::dedup::{Origin, Part, Pool, SavedFunction, SavedTagged};
use crate::kfuncs::{self, Kfuncs};
use crate::names::{Names, NumberMap};
use crate::record::{self, make_info};
use crate::report::Report;
use crate::unit::head;
use crate::{EncodeError, Functions, Options};

/// The first linkage: static. All functions have it.
const STATIC: u32 = 0;
/// The component of a tag on the whole of a declaration: -1.
const WHOLE: u32 = u32::MAX;

/// What the choice of functions depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selection<'s> {
    pub(crate) options: &'s Options,
    pub(crate) kfuncs: &'s Kfuncs<'s>,
    /// The thread of each unit that was met: each thread chooses for itself. Empty if there is one.
    pub(crate) threads: &'s [u32],
}

/// Functions being written.
struct Writing<'w, 'b> {
    pool: &'w mut Pool<'b>,
    selection: &'w Selection<'w>,
    names: &'w Names<'b>,
}

/// Adds the functions that are to be written.
pub(crate) fn functions<'b>(
    pool: &mut Pool<'b>,
    selection: &Selection<'_>,
    names: &Names<'b>,
    report: &mut Report,
) -> Result<NumberMap<u32>, EncodeError> {
    let mut ids = NumberMap::default();
    let functions = std::mem::take(&mut pool.functions);
    let params = std::mem::take(&mut pool.params);
    let chosen = choose(pool, selection, &functions, &params);
    let mut writing = Writing { pool, selection, names };
    let mut order: Vec<(usize, &SavedFunction)> = Vec::new();
    order.extend(functions.iter().enumerate().filter(|&(place, _)| chosen.get(place) == Some(&true)));
    let at_the_end = selection.options.functions == Functions::Consistent;
    if at_the_end {
        order.sort_by_cached_key(|(_, function)| names.with(function.name, <[u8]>::to_vec));
    }
    for (rank, (place, function)) in order.into_iter().enumerate() {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        let known = writing.pool.own_len();
        let unit = if at_the_end { Origin::END } else { function.unit };
        let id = writing.function(function, function.params(&params), Origin::new(unit, Part::Functions, rank))?;
        ids.insert(place, id);
        let is_new = writing.pool.place(id).is_some_and(|place| place >= known as usize);
        report.functions = report.functions.saturating_add(u32::from(is_new));
    }
    if at_the_end {
        (pool.functions, pool.params) = (functions, params);
    }
    Ok(ids)
}

impl Writing<'_, '_> {
    fn function(
        &mut self,
        function: &SavedFunction,
        params: &[(u32, u32)],
        origin: Origin,
    ) -> Result<u32, EncodeError> {
        let flags = self.names.with(function.name, |name| self.selection.kfuncs.flags(name));
        let arena = kfuncs::Arena::of(flags.filter(|_| self.selection.options.attributes).unwrap_or(0));
        let returns = self.pool.settled(function.returns)?;
        let returns = if arena.returns { self.in_arena(returns, origin)? } else { returns };
        let mut words = vec![0, make_info(Kind::FuncProto, function.param_count, false), returns];
        for (index, &(name, ty)) in params.iter().enumerate() {
            let ty = self.pool.settled(ty)?;
            let is_arena = arena.params.get(index).is_some_and(|&is_arena| is_arena);
            words.extend([name, if is_arena { self.in_arena(ty, origin)? } else { ty }]);
        }
        let prototype = self.pool.intern(&words, origin)?;
        let id = self.pool.intern(&head(Kind::Func, function.name, STATIC, false, prototype), origin)?;
        for tag in flags.into_iter().flat_map(kfuncs::tags_of) {
            let [name, info, word] = head(Kind::DeclTag, self.names.number(tag)?, 0, false, id);
            self.pool.intern(&[name, info, word, WHOLE], origin)?;
        }
        Ok(id)
    }

    /// A pointer into BPF's arena, made of a pointer (`btf__tag_bpf_arena_ptr` in `btf_encoder.c`).
    fn in_arena(&mut self, pointer: u32, origin: Origin) -> Result<u32, EncodeError> {
        let words = self.pool.get(pointer);
        if record::kind(words) != Kind::Ptr {
            return Ok(pointer);
        }
        let target = record::word(words);
        let attribute = self.names.number(kfuncs::ARENA)?;
        let tag = self.pool.intern(&head(Kind::TypeTag, attribute, 0, true, target), origin)?;
        self.pool.intern(&head(Kind::Ptr, 0, 0, false, tag), origin)
    }
}

/// Which functions are written: of each name the first one of each thread, or none where they have to agree and do not.
fn choose(pool: &Pool<'_>, selection: &Selection<'_>, functions: &[SavedFunction], params: &[(u32, u32)]) -> Vec<bool> {
    let mut chosen = vec![false; functions.len()];
    let mut firsts: NumberMap<usize> = NumberMap::default();
    let mut thread = None;
    for (place, function) in functions.iter().enumerate() {
        let next = selection.threads.get(function.unit as usize);
        if next != thread {
            firsts.clear();
            thread = next;
        }
        let first = *firsts.entry(function.name).or_insert(place);
        let others_agree = match functions.get(first) {
            Some(other) if selection.options.functions == Functions::Consistent => {
                !function.is_irregular && agree::functions(pool, params, other, function)
            }
            _ => true,
        };
        let was_chosen = first == place || chosen.get(first) == Some(&true);
        if let Some(first) = chosen.get_mut(first) {
            *first = was_chosen && others_agree;
        }
    }
    chosen
}

/// Adds the declaration tags of what is written.
pub(crate) fn tags(
    pool: &mut Pool<'_>,
    functions: &NumberMap<u32>,
    variables: &NumberMap<u32>,
) -> Result<(), EncodeError> {
    let tags = std::mem::take(&mut pool.tags);
    for (place, tag) in tags.iter().enumerate() {
        let on = match tag.on {
            SavedTagged::Type(id) => Some(pool.resolved(id)),
            SavedTagged::Function(place) => functions.get(&place).copied(),
            SavedTagged::Variable(place) => variables.get(&place).copied(),
        };
        let Some(on) = on.filter(|&on| on != 0) else { continue };
        let [name, info, word] = head(Kind::DeclTag, tag.value, 0, false, on);
        let origin = match tag.on {
            SavedTagged::Type(_) => Origin::new(tag.unit, Part::TypeTags, place),
            SavedTagged::Function(_) => Origin::new(Origin::END, Part::Functions, usize::MAX),
            SavedTagged::Variable(_) => Origin::new(tag.unit, Part::Variables, place),
        };
        pool.intern(&[name, info, word, tag.component.cast_unsigned()], origin)?;
    }
    Ok(())
}

//! The types, functions and variables of one unit, as a compact graph.

use btf::Kind;

use crate::record::{self, Slot, Walk, make_info, mix};

/// The bit that tells a reference to a type of the unit from the id of a canonical type.
pub(crate) const LOCAL: u32 = 1 << 31;

/// What an array's index refers to until the unit meets the others: all arrays have one type of index.
pub(crate) const INDEX: u32 = u32::MAX;

/// What was read from one unit (or from several that refer to each other).
///
/// While it is read, references are offsets of DIEs in `.debug_info`; [`Unit::resolve`] makes them `LOCAL | index`.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    pub(crate) words: Vec<u32>,
    /// Where each type begins and ends in `words`.
    pub(crate) spans: Vec<(u32, u32)>,
    /// The DIE of each type, ascending.
    offsets: Vec<u32>,
    /// DIEs that mean another type: `(DIE, the other's DIE)`, ascending. `void` is 0.
    pub(crate) aliases: Vec<(u32, u32)>,
    /// For structs and unions what equal ones have in common: see [`Unit::sign`].
    pub(crate) signatures: Vec<u64>,
    pub(crate) functions: Vec<Function>,
    pub(crate) params: Vec<Param>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) tags: Vec<DeclTag>,
    /// The first base type called `int`.
    pub(crate) int: Option<u32>,
    /// Whether there are arrays.
    pub(crate) has_arrays: bool,
    /// References to what is no type, which were taken for `void`.
    pub(crate) dangling: u32,
    memo: Vec<u64>,
    buckets: Vec<u32>,
}

/// A function.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Function {
    /// Its DIE.
    pub(crate) offset: u32,
    /// Its name, 0 if it has none.
    pub(crate) name: u32,
    /// What it returns.
    pub(crate) returns: u32,
    /// The DIE that it is an instance of, or 0.
    pub(crate) origin: u32,
    /// Whether `origin` is an abstract instance, not a declaration that is completed.
    pub(crate) is_instance: bool,
    /// Its parameters: from this one in [`Unit::params`] on.
    pub(crate) first_param: u32,
    pub(crate) param_count: u32,
    /// Whether it ends with `...`.
    pub(crate) is_variadic: bool,
    pub(crate) is_declaration: bool,
    pub(crate) is_external: bool,
    /// Whether it takes a parameter elsewhere than in the register that it should be in.
    pub(crate) is_irregular: bool,
}

/// A parameter of a function.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Param {
    /// Its DIE.
    pub(crate) offset: u32,
    /// Its name, 0 if it has none.
    pub(crate) name: u32,
    /// Its type.
    pub(crate) ty: u32,
    /// The DIE that it is an instance of, or 0.
    pub(crate) origin: u32,
    /// Whether it lies in another register than it should.
    pub(crate) is_elsewhere: bool,
}

/// A variable with an address.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Variable {
    /// Its DIE.
    pub(crate) offset: u32,
    /// Its name, 0 if it has none.
    pub(crate) name: u32,
    /// Its type.
    pub(crate) ty: u32,
    /// The DIE of the declaration that it completes, or 0.
    pub(crate) specification: u32,
    pub(crate) is_external: bool,
    /// Whether it has no address and only says what a later one completes.
    pub(crate) is_declaration: bool,
    /// Whether it is declared in no function.
    pub(crate) is_top_level: bool,
    pub(crate) is_artificial: bool,
    /// The section that it lies in, where the file is not linked.
    pub(crate) section: Option<u32>,
    /// Its address, or its offset in the section.
    pub(crate) address: u64,
}

/// What a declaration tag belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tagged {
    /// A type of the unit, by its index.
    Type(u32),
    /// A function, by its index.
    Function(u32),
    /// A variable, by its index.
    Variable(u32),
}

/// A declaration tag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeclTag {
    pub(crate) on: Tagged,
    /// The member or parameter, counted from 0; -1 for the whole.
    pub(crate) component: i32,
    /// What it says.
    pub(crate) value: u32,
}

/// How many bytes of `.debug_info` one bucket of the index covers, as a power of two.
const BUCKET_BITS: u32 = 3;
/// How deep types without names are followed for a signature.
const MAX_DEPTH: u32 = 64;

impl Unit {
    pub(crate) fn clear(&mut self) {
        let Self {
            words, spans, offsets, aliases, signatures, functions, params, variables, tags, memo, buckets, ..
        } = self;
        words.clear();
        spans.clear();
        offsets.clear();
        aliases.clear();
        signatures.clear();
        functions.clear();
        params.clear();
        variables.clear();
        tags.clear();
        memo.clear();
        buckets.clear();
        (self.int, self.has_arrays, self.dangling) = (None, false, 0);
    }

    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.spans.len()).unwrap_or(u32::MAX)
    }

    /// Takes a place for the type of a DIE. What it consists of follows with [`Unit::fill`].
    pub(crate) fn reserve(&mut self, offset: u32) -> u32 {
        let index = self.len();
        self.spans.push((0, 0));
        self.offsets.push(offset);
        index
    }

    /// Says what a type consists of: its head, and elements.
    pub(crate) fn fill(&mut self, index: u32, head: &[u32], elements: &[u32]) {
        let start = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        self.words.extend_from_slice(head);
        self.words.extend_from_slice(elements);
        let end = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        if let Some(span) = self.spans.get_mut(index as usize) {
            *span = (start, end);
        }
    }

    pub(crate) fn add(&mut self, offset: u32, head: &[u32]) -> u32 {
        let index = self.reserve(offset);
        self.fill(index, head, &[]);
        index
    }

    /// The words of the type with this index.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> &[u32] {
        let (start, end) = self.spans.get(index as usize).copied().unwrap_or_default();
        self.words.get(start as usize..end as usize).unwrap_or_default()
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> &mut [u32] {
        let (start, end) = self.spans.get(index as usize).copied().unwrap_or_default();
        self.words.get_mut(start as usize..end as usize).unwrap_or_default()
    }

    /// Turns references from offsets of DIEs into indices.
    pub(crate) fn resolve(&mut self) {
        let mut words = std::mem::take(&mut self.words);
        let mut lookup = Lookup::new(&self.offsets, &self.aliases, std::mem::take(&mut self.buckets));
        for &(start, end) in &self.spans {
            let words = words.get_mut(start as usize..end as usize).unwrap_or_default();
            record::map_references(words, |offset| lookup.reference(offset));
        }
        for function in &mut self.functions {
            function.returns = lookup.reference(function.returns);
        }
        for param in &mut self.params {
            param.ty = lookup.reference(param.ty);
        }
        for variable in &mut self.variables {
            variable.ty = lookup.reference(variable.ty);
        }
        self.dangling = lookup.dangling;
        self.buckets = lookup.buckets;
        self.words = words;
    }

    /// Works out the signature of each struct and union: a hash of what [`crate::dedup`] demands of equal ones in
    /// themselves and in what they refer to, as far as the next types with a name.
    pub(crate) fn sign(&mut self) {
        let mut memo = std::mem::take(&mut self.memo);
        memo.clear();
        memo.resize(self.spans.len(), 0);
        let mut signatures = std::mem::take(&mut self.signatures);
        signatures.clear();
        for index in 0..self.len() {
            let words = self.get(index);
            signatures.push(if record::kind(words).is_composite() {
                signature(words, |id| designation(&|id| self.local(id), &mut memo, id & !LOCAL, id == 0, 0))
            } else {
                0
            });
        }
        self.signatures = signatures;
        self.memo = memo;
    }

    fn local(&self, index: u32) -> &[u32] {
        self.get(index)
    }
}

/// The hash of a type with what its references designate.
pub(crate) fn signature(words: &[u32], mut designate: impl FnMut(u32) -> u64) -> u64 {
    record::hash(words, |slot, id| if slot == Slot::Index { 0 } else { designate(id) })
}

/// What a reference shows of the type it leads to: the kind and name of one that has a name, else its contents, and so on.
/// A forward declaration shows the same as what it declares, since the two may turn out to be one.
#[inline]
pub(crate) fn designation<'g>(
    graph: &impl Fn(u32) -> &'g [u32],
    memo: &mut [u64],
    index: u32,
    is_void: bool,
    depth: u32,
) -> u64 {
    if is_void || depth > MAX_DEPTH {
        return CUT;
    }
    match memo.get(index as usize) {
        Some(0) => designation_of(graph, memo, index, depth),
        Some(&known) => known,
        None => CUT,
    }
}

/// What is shown of `void`, and of a type that is followed no further.
const CUT: u64 = 1;

fn designation_of<'g>(graph: &impl Fn(u32) -> &'g [u32], memo: &mut [u64], index: u32, depth: u32) -> u64 {
    if let Some(slot) = memo.get_mut(index as usize) {
        *slot = CUT;
    }
    let words = graph(index);
    let name = record::name(words);
    let kind = record::kind(words);
    let class = match kind {
        Kind::Fwd if record::info(words) >> 31 == 1 => Kind::Union,
        Kind::Fwd => Kind::Struct,
        Kind::Enum64 => Kind::Enum,
        kind => kind,
    };
    let hash = if name != 0 && !matches!(kind, Kind::TypeTag | Kind::Func | Kind::Var | Kind::DeclTag) {
        mix(u64::from(class.number()), u64::from(name))
    } else {
        signature(words, |id| designation(graph, memo, id & !LOCAL, id == 0, depth.wrapping_add(1)))
    };
    let hash = hash.max(2);
    if let Some(slot) = memo.get_mut(index as usize) {
        *slot = hash;
    }
    hash
}

/// Finds types by their DIE.
struct Lookup<'u> {
    offsets: &'u [u32],
    aliases: &'u [(u32, u32)],
    /// The first type at or behind the start of each bucket of offsets.
    buckets: Vec<u32>,
    first: u32,
    dangling: u32,
}

impl<'u> Lookup<'u> {
    fn new(offsets: &'u [u32], aliases: &'u [(u32, u32)], mut buckets: Vec<u32>) -> Self {
        let first = offsets.first().copied().unwrap_or(0);
        buckets.clear();
        for (index, &offset) in offsets.iter().enumerate() {
            let bucket = (offset.wrapping_sub(first) >> BUCKET_BITS) as usize;
            if bucket >= buckets.len() {
                buckets.resize(bucket.saturating_add(1), u32::try_from(index).unwrap_or(u32::MAX));
            }
        }
        Self { offsets, aliases, buckets, first, dangling: 0 }
    }

    #[inline]
    fn find(&self, offset: u32) -> Option<u32> {
        let bucket = (offset.checked_sub(self.first)? >> BUCKET_BITS) as usize;
        let mut index = *self.buckets.get(bucket)? as usize;
        loop {
            let found = *self.offsets.get(index)?;
            if found >= offset {
                return (found == offset).then_some(u32::try_from(index).unwrap_or(u32::MAX));
            }
            index = index.wrapping_add(1);
        }
    }

    #[inline]
    fn reference(&mut self, offset: u32) -> u32 {
        if offset == 0 || offset == INDEX {
            return offset;
        }
        match self.find(offset) {
            Some(index) => LOCAL | index,
            None => self.through_aliases(offset),
        }
    }

    #[cold]
    fn through_aliases(&mut self, mut offset: u32) -> u32 {
        // A chain of aliases has no more links than there are aliases.
        for _ in 0..self.aliases.len().min(64) {
            let Ok(place) = self.aliases.binary_search_by_key(&offset, |&(alias, _)| alias) else { break };
            offset = self.aliases.get(place).map_or(0, |&(_, target)| target);
            if offset == 0 {
                return 0;
            }
            if let Some(index) = self.find(offset) {
                return LOCAL | index;
            }
        }
        self.dangling = self.dangling.saturating_add(1);
        0
    }
}

/// The head of a type with a size or a reference and nothing more before its elements.
pub(crate) const fn head(kind: Kind, name: u32, vlen: u32, kflag: bool, word: u32) -> [u32; 3] {
    [name, make_info(kind, vlen, kflag), word]
}

/// How many words an element of this kind has.
pub(crate) fn element_words(kind: Kind) -> usize {
    let walk = Walk::with_info(make_info(kind, 0, false));
    walk.len(1).saturating_sub(walk.len(0))
}

impl Unit {
    /// The type of the DIE at an offset.
    pub(crate) fn at_offset(&self, offset: u32) -> Option<u32> {
        self.offsets.binary_search(&offset).ok().and_then(|index| u32::try_from(index).ok())
    }
}

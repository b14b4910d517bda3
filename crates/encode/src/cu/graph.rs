//! The types, functions and variables of one CU, as a compact graph.

use crate::cu::die::{DieOffset, DieReference};
use crate::cu::lookup::Lookup;
use crate::cu::reference::{LocalId, MAX_TYPES, Reference};
use crate::cu::signature::{TypeGraph, composite_signature};
use crate::encoded;
use crate::error::{Breach, EncodeError, internal};
use crate::ids::{NameId, id32};

/// What was read from one CU (or from several that refer to each other).
///
/// While it is read, references are [`DieReference`]s; [`Cu::resolve`] makes them [`Reference`]s.
#[derive(Debug, Default)]
pub(crate) struct Cu {
    pub(crate) words: Vec<u32>,
    /// Where each type begins and ends in `words`.
    pub(crate) spans: Vec<(u32, u32)>,
    /// The DIE of each type, ascending.
    offsets: Vec<DieOffset>,
    /// DIEs that mean another type or `void`, ascending, each with what it means.
    pub(crate) aliases: Vec<(DieOffset, DieReference)>,
    /// For structs and unions what equal ones have in common: see [`Cu::sign`].
    pub(crate) signatures: Vec<u64>,
    pub(crate) functions: Vec<Function>,
    pub(crate) params: Vec<Param>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) tags: Vec<DeclTag>,
    /// The first base type called `int`.
    pub(crate) int: Option<LocalId>,
    /// Whether there are arrays.
    pub(crate) has_arrays: bool,
    /// Internal errors of what cannot return any.
    pub(crate) breach: Breach,
    /// References to what is no type, which were taken for `void`.
    pub(crate) dangling: u32,
    memo: Vec<u64>,
    buckets: Vec<u32>,
}

/// What a function, parameter or variable refers to: the DIE of a type while the CU is read, and that type afterwards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TypeSlot(u32);

impl TypeSlot {
    /// Whether it refers to nothing, which is `void`.
    #[inline]
    pub(crate) const fn is_void(self) -> bool {
        self.0 == 0
    }

    /// What it refers to in a CU that was resolved.
    #[inline]
    pub(crate) const fn resolved(self) -> Reference {
        Reference::from_word(self.0)
    }

    fn resolve(&mut self, lookup: &mut Lookup<'_>) {
        self.0 = lookup.reference(DieReference::from_word(self.0)).word();
    }
}

impl From<DieReference> for TypeSlot {
    #[inline]
    fn from(reference: DieReference) -> Self {
        Self(reference.word())
    }
}

/// A function.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Function {
    /// Its DIE.
    pub(crate) offset: DieOffset,
    /// Its name, empty if it has none.
    pub(crate) name: NameId,
    /// What it returns.
    pub(crate) returns: TypeSlot,
    /// The DIE that it is an instance of.
    pub(crate) origin: DieReference,
    /// Whether `origin` is an abstract instance, not a declaration that is completed.
    pub(crate) is_instance: bool,
    /// Its parameters: from this one in [`Cu::params`] on.
    pub(crate) first_param: u32,
    pub(crate) param_count: u32,
    /// Whether it ends with `...`.
    pub(crate) is_variadic: bool,
    pub(crate) is_declaration: bool,
    pub(crate) is_external: bool,
    /// Whether it takes a parameter elsewhere than in the register that it should be in.
    pub(crate) unexpected_reg: bool,
}

/// A parameter of a function.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Param {
    /// Its DIE.
    pub(crate) offset: DieOffset,
    /// Its name, empty if it has none.
    pub(crate) name: NameId,
    /// Its type.
    pub(crate) ty: TypeSlot,
    /// The DIE that it is an instance of.
    pub(crate) origin: DieReference,
    /// Whether it lies in another register than it should.
    pub(crate) unexpected_reg: bool,
}

/// A variable with an address.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Variable {
    /// Its DIE.
    pub(crate) offset: DieOffset,
    /// Its name, empty if it has none.
    pub(crate) name: NameId,
    /// Its type.
    pub(crate) ty: TypeSlot,
    /// The DIE of the declaration that it completes.
    pub(crate) specification: DieReference,
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
    /// A type of the CU.
    Type(LocalId),
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
    pub(crate) value: NameId,
}

impl Cu {
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
        id32(self.spans.len())
    }

    /// All types.
    pub(crate) fn ids(&self) -> impl Iterator<Item = LocalId> + use<> {
        (0..self.len()).map(LocalId::from_raw)
    }

    /// Takes a place for the type of a DIE. What it consists of follows with [`Cu::fill`].
    pub(crate) fn reserve(&mut self, offset: DieOffset) -> LocalId {
        let id = LocalId::from_raw(self.len());
        self.spans.push((0, 0));
        self.offsets.push(offset);
        id
    }

    /// Says what a type consists of: its head, and elements.
    pub(crate) fn fill(&mut self, id: LocalId, head: &[u32], elements: &[u32]) {
        // That these fit is seen once all are there: see `resolve`.
        let start = self.words.len() as u32;
        self.words.extend_from_slice(head);
        self.words.extend_from_slice(elements);
        let end = self.words.len() as u32;
        match self.spans.get_mut(id.place()) {
            Some(span) => *span = (start, end),
            None => self.breach.note("a type that is filled was not reserved"),
        }
    }

    pub(crate) fn add(&mut self, offset: DieOffset, head: &[u32]) -> LocalId {
        let id = self.reserve(offset);
        self.fill(id, head, &[]);
        id
    }

    /// The words of a type.
    #[inline]
    pub(crate) fn get(&self, id: LocalId) -> &[u32] {
        let span = self.spans.get(id.place());
        match span.and_then(|&(start, end)| self.words.get(start as usize..end as usize)) {
            Some(words) => words,
            None => self.no_words(),
        }
    }

    pub(crate) fn get_mut(&mut self, id: LocalId) -> &mut [u32] {
        let span = self.spans.get(id.place());
        match span.and_then(|&(start, end)| self.words.get_mut(start as usize..end as usize)) {
            Some(words) => words,
            None => {
                self.breach.note("a type of a CU has no words");
                &mut []
            }
        }
    }

    #[cold]
    fn no_words(&self) -> &[u32] {
        self.breach.note("a type of a CU has no words");
        &[]
    }

    /// The parameters of a function.
    pub(crate) fn params_of(&self, function: &Function) -> Option<&[Param]> {
        let start = function.first_param as usize;
        self.params.get(start..start + function.param_count as usize)
    }

    /// Turns references to DIEs into references to types.
    pub(crate) fn resolve(&mut self) -> Result<(), EncodeError> {
        if u32::try_from(self.words.len()).is_err() || self.spans.len() >= MAX_TYPES as usize {
            return Err(EncodeError::TooLarge { what: "types in one CU" });
        }
        let mut words = std::mem::take(&mut self.words);
        let mut lookup = Lookup::new(&self.offsets, &self.aliases, std::mem::take(&mut self.buckets));
        for &(start, end) in &self.spans {
            match words.get_mut(start as usize..end as usize) {
                Some(words) => {
                    encoded::map_references(words, |word| lookup.reference(DieReference::from_word(word)).word())
                }
                None => return Err(internal("a type of a CU has no words")),
            }
        }
        for function in &mut self.functions {
            function.returns.resolve(&mut lookup);
        }
        for param in &mut self.params {
            param.ty.resolve(&mut lookup);
        }
        for variable in &mut self.variables {
            variable.ty.resolve(&mut lookup);
        }
        self.dangling = lookup.dangling;
        self.buckets = lookup.buckets;
        self.words = words;
        Ok(())
    }

    /// Works out the signature of each struct and union: a hash of what [`crate::dedup`] demands of equal ones in
    /// themselves and in what they refer to, as far as the next types with a name.
    pub(crate) fn sign(&mut self) {
        let mut memo = std::mem::take(&mut self.memo);
        memo.clear();
        memo.resize(self.spans.len(), 0);
        let mut signatures = std::mem::take(&mut self.signatures);
        signatures.clear();
        for id in self.ids() {
            let words = self.get(id);
            signatures.push(if encoded::kind(words).is_composite() {
                composite_signature(&*self, &mut memo, words)
            } else {
                0
            });
        }
        self.signatures = signatures;
        self.memo = memo;
    }

    /// The type of the DIE at an offset.
    pub(crate) fn at_offset(&self, offset: DieOffset) -> Option<LocalId> {
        self.offsets.binary_search(&offset).ok().map(|place| LocalId::from_raw(id32(place)))
    }
}

impl TypeGraph for Cu {
    #[inline]
    fn place(&self, word: u32) -> Option<u32> {
        Reference::from_word(word).local().map(LocalId::raw)
    }

    #[inline]
    fn words(&self, place: u32) -> &[u32] {
        self.get(LocalId::from_raw(place))
    }
}

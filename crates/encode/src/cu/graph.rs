//! The types, functions and variables of one CU, as a compact graph.

use crate::cu::lookup::Lookup;
use crate::cu::reference::{LOCAL, LocalId};
use crate::cu::signature::{designation, signature};
use crate::encoded;
use crate::error::{Breach, EncodeError, internal};
use crate::ids::{NameId, id32};

/// What was read from one CU (or from several that refer to each other).
///
/// While it is read, references are offsets of DIEs in `.debug_info`; [`Cu::resolve`] makes them `LOCAL | index`.
#[derive(Debug, Default)]
pub(crate) struct Cu {
    pub(crate) words: Vec<u32>,
    /// Where each type begins and ends in `words`.
    pub(crate) spans: Vec<(u32, u32)>,
    /// The DIE of each type, ascending.
    offsets: Vec<u32>,
    /// DIEs that mean another type: `(DIE, the other's DIE)`, ascending. `void` is 0.
    pub(crate) aliases: Vec<(u32, u32)>,
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

/// A function.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Function {
    /// Its DIE.
    pub(crate) offset: u32,
    /// Its name, empty if it has none.
    pub(crate) name: NameId,
    /// What it returns.
    pub(crate) returns: u32,
    /// The DIE that it is an instance of, or 0.
    pub(crate) origin: u32,
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
    pub(crate) offset: u32,
    /// Its name, empty if it has none.
    pub(crate) name: NameId,
    /// Its type.
    pub(crate) ty: u32,
    /// The DIE that it is an instance of, or 0.
    pub(crate) origin: u32,
    /// Whether it lies in another register than it should.
    pub(crate) unexpected_reg: bool,
}

/// A variable with an address.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Variable {
    /// Its DIE.
    pub(crate) offset: u32,
    /// Its name, empty if it has none.
    pub(crate) name: NameId,
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

/// Types of a CU stay below what marks them, and below [`crate::cu::reference::INDEX`].
const MAX_TYPES: usize = (LOCAL - 0x100) as usize;

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
    pub(crate) fn reserve(&mut self, offset: u32) -> LocalId {
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

    pub(crate) fn add(&mut self, offset: u32, head: &[u32]) -> LocalId {
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

    /// Turns references from offsets of DIEs into indices.
    pub(crate) fn resolve(&mut self) -> Result<(), EncodeError> {
        if u32::try_from(self.words.len()).is_err() || self.spans.len() >= MAX_TYPES {
            return Err(EncodeError::TooLarge { what: "types in one CU" });
        }
        let mut words = std::mem::take(&mut self.words);
        let mut lookup = Lookup::new(&self.offsets, &self.aliases, std::mem::take(&mut self.buckets));
        for &(start, end) in &self.spans {
            match words.get_mut(start as usize..end as usize) {
                Some(words) => encoded::map_references(words, |offset| lookup.reference(offset)),
                None => return Err(internal("a type of a CU has no words")),
            }
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
                signature(words, |id| {
                    designation(&|id| self.get(LocalId::from_raw(id)), &mut memo, id & !LOCAL, id == 0, 0)
                })
            } else {
                0
            });
        }
        self.signatures = signatures;
        self.memo = memo;
    }

    /// The type of the DIE at an offset.
    pub(crate) fn at_offset(&self, offset: u32) -> Option<LocalId> {
        self.offsets.binary_search(&offset).ok().and_then(|index| u32::try_from(index).ok()).map(LocalId::from_raw)
    }
}

//! The canonical types.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::num::NonZeroU32;

use crate::base::PreparedBase;
use crate::cu::reference::{LocalId, MAX_TYPES, Reference, Target};
use crate::dedup::declarations::{SavedFunction, SavedTag, SavedVariable};
use crate::dedup::emit_order::EmitOrder;
use crate::dedup::replaced::Replaced;
use crate::encoded::key;
use crate::enum_index::EnumIndex;
use crate::error::{Breach, EncodeError, internal};
use crate::hash::{IdHasher, IdMap};
use crate::ids::{CanonicalId, CuNumber, NameId, id32};
use crate::type_index::TypeIndex;

/// The canonical types: those of the base, and the ones found so far, whose ids follow.
#[derive(Debug)]
pub(crate) struct CanonicalTypes<'b> {
    pub(crate) base: Option<&'b PreparedBase>,
    /// The first type that is not the base's.
    pub(crate) first: CanonicalId,
    words: Vec<u32>,
    /// Where the words of each type are.
    spans: Vec<Span>,
    /// What each type turned out to be: itself, or for a forward declaration what it declares. That is a canonical type, except
    /// while a CU is merged, when it may be a type of the CU.
    pub(crate) map: Vec<Reference>,
    /// The same for forward declarations of the base.
    pub(crate) base_map: IdMap<CanonicalId, Reference>,
    /// What types of the base were replaced by, at the end.
    pub(super) remapped: IdMap<CanonicalId, CanonicalId>,
    /// What of the base may be replaced at the end.
    pub(super) replaced: Replaced,
    /// Copies of structs of the base, by CU and struct. A CU has one if its struct became canonical before the forward declaration
    /// was resolved that made it equal to the base's.
    pub(super) copies: HashMap<(CuNumber, CanonicalId), CanonicalId, BuildHasherDefault<IdHasher>>,
    /// Where each type comes from.
    pub(crate) orders: Vec<EmitOrder>,
    pub(crate) index: TypeIndex,
    /// The enums that are not the base's.
    pub(super) enums: EnumIndex,
    /// What arrays are indexed by.
    pub(crate) index_type: Option<CanonicalId>,
    /// Internal errors of what cannot return any.
    pub(crate) breach: Breach,
    /// How many CUs were merged.
    pub(crate) cus: u32,
    /// How many references closed a cycle of types without a struct or union.
    pub(crate) cycles: u32,
    /// Whether there are symbols of functions; where there are none, only functions are taken that other files can name.
    pub(crate) has_function_symbols: bool,
    /// The size of a pointer, in bytes.
    pub(crate) address_size: u8,
    pub(crate) functions: Vec<SavedFunction>,
    /// The parameters of functions: name and type.
    pub(crate) params: Vec<(NameId, Option<CanonicalId>)>,
    pub(crate) variables: Vec<SavedVariable>,
    pub(crate) tags: Vec<SavedTag>,
}

/// Where the words of a canonical type are.
#[derive(Debug, Clone, Copy)]
enum Span {
    /// It is not complete yet: they are those of this type of its CU.
    InCu(LocalId),
    /// From one place in [`CanonicalTypes::words`] up to another.
    Own { start: u32, end: u32 },
}

impl<'b> CanonicalTypes<'b> {
    pub(crate) fn new(base: Option<&'b PreparedBase>) -> Self {
        // A base has fewer types than bytes, so that this never saturates.
        let first = CanonicalId::new(NonZeroU32::MIN.saturating_add(base.map_or(0, PreparedBase::len)));
        Self {
            base,
            first,
            words: Vec::new(),
            spans: Vec::new(),
            map: Vec::new(),
            base_map: IdMap::default(),
            remapped: IdMap::default(),
            replaced: Replaced::default(),
            copies: HashMap::default(),
            orders: Vec::new(),
            index: TypeIndex::new(first, 0),
            enums: EnumIndex::default(),
            index_type: None,
            breach: Breach::default(),
            cus: 0,
            cycles: 0,
            has_function_symbols: false,
            address_size: 8,
            functions: Vec::new(),
            params: Vec::new(),
            variables: Vec::new(),
            tags: Vec::new(),
        }
    }

    /// How many types there are besides the base's.
    pub(crate) fn own_len(&self) -> u32 {
        id32(self.spans.len())
    }

    /// How many words all types have that are not the base's.
    pub(crate) const fn words_len(&self) -> usize {
        self.words.len()
    }

    /// The place of a type among those that are not the base's.
    #[inline]
    pub(crate) fn place(&self, id: CanonicalId) -> Option<usize> {
        id.raw().checked_sub(self.first.raw()).map(|place| place as usize)
    }

    /// The CU that brought a canonical type; nothing for one of the base.
    pub(super) fn cu_of(&self, id: CanonicalId) -> Option<CuNumber> {
        self.place(id).and_then(|place| self.orders.get(place)).and_then(|order| order.cu.number())
    }

    /// The id of the type at this place.
    #[inline]
    pub(crate) fn id_at(&self, place: usize) -> CanonicalId {
        // `reserve` keeps all ids below MAX_TYPES.
        CanonicalId::new(self.first.get().saturating_add(id32(place)))
    }

    /// The words of a type that is not the base's: `Err` with the type of the CU if it is not complete yet.
    #[inline]
    pub(crate) fn own(&self, place: usize) -> Result<&[u32], LocalId> {
        match self.spans.get(place) {
            Some(&Span::InCu(local)) => Err(local),
            Some(&Span::Own { start, end }) => match self.words.get(start as usize..end as usize) {
                Some(words) => Ok(words),
                None => Ok(self.no_words()),
            },
            None => Ok(self.no_words()),
        }
    }

    #[cold]
    fn no_words(&self) -> &[u32] {
        self.breach.note("a canonical type has no words");
        &[]
    }

    /// The words of a type that is complete, as all are once all CUs are merged.
    pub(crate) fn complete_words(&self, place: usize) -> Result<&[u32], EncodeError> {
        self.own(place).map_err(|_| internal("a canonical type was not completed"))
    }

    pub(crate) fn own_mut(&mut self, place: usize) -> Result<&mut [u32], EncodeError> {
        let words = match self.spans.get(place) {
            Some(&Span::Own { start, end }) => self.words.get_mut(start as usize..end as usize),
            Some(Span::InCu(_)) | None => None,
        };
        words.ok_or_else(|| internal("a canonical type has no words"))
    }

    /// The words of a type; none for one that is not complete yet, to which no other is equal.
    #[inline]
    pub(crate) fn get(&self, id: CanonicalId) -> &[u32] {
        match self.place(id) {
            Some(place) => self.own(place).unwrap_or(&[]),
            None => self.base.map_or(&[], |base| base.get(id)),
        }
    }

    fn reserve(&mut self, span: Span, order: EmitOrder) -> Result<CanonicalId, EncodeError> {
        let id = self.first.get().checked_add(self.own_len()).filter(|id| id.get() < MAX_TYPES);
        let id = id.map(CanonicalId::new).ok_or(EncodeError::TooLarge { what: "types" })?;
        self.spans.push(span);
        self.map.push(id.into());
        self.orders.push(order);
        Ok(id)
    }

    /// Makes a type of the CU canonical whose references are not.
    pub(crate) fn add_pending(
        &mut self,
        hash: u64,
        local: LocalId,
        order: EmitOrder,
    ) -> Result<CanonicalId, EncodeError> {
        let id = self.reserve(Span::InCu(local), order)?;
        self.index.add(hash, id);
        Ok(id)
    }

    /// Sets the words of a canonical type.
    pub(crate) fn complete(&mut self, place: usize, words: &[u32]) -> Result<(), EncodeError> {
        let start = self.words.len();
        self.words.extend_from_slice(words);
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(self.words.len())) else {
            return Err(EncodeError::TooLarge { what: "types" });
        };
        *self.spans.get_mut(place).ok_or_else(|| internal("a type that is completed was not reserved"))? =
            Span::Own { start, end };
        Ok(())
    }

    /// Adds a type that is not to be found by its hash.
    pub(crate) fn add_unindexed(&mut self, words: &[u32], order: EmitOrder) -> Result<CanonicalId, EncodeError> {
        let id = self.reserve(Span::Own { start: 0, end: 0 }, order)?;
        let place = self.place(id).ok_or_else(|| internal("a new type has the id of one of the base"))?;
        self.complete(place, words)?;
        Ok(id)
    }

    /// Adds a canonical type.
    pub(crate) fn add(&mut self, hash: u64, words: &[u32], order: EmitOrder) -> Result<CanonicalId, EncodeError> {
        let id = self.add_unindexed(words, order)?;
        self.index.add(hash, id);
        Ok(id)
    }

    /// The canonical type with this hash, of the base or of the others, that something holds for.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut holds: impl FnMut(CanonicalId) -> bool) -> Option<CanonicalId> {
        let base = self.base.and_then(|base| base.index.find(hash, &mut holds));
        base.or_else(|| self.index.find(hash, holds))
    }

    /// The canonical type with exactly these words, which is added if there is none.
    pub(crate) fn intern(&mut self, words: &[u32], order: EmitOrder) -> Result<CanonicalId, EncodeError> {
        let hash = key(words);
        match self.find(hash, |id| self.get(id) == words) {
            Some(id) => {
                if let Some(known) = self.place(id).and_then(|place| self.orders.get_mut(place)) {
                    *known = order.min(*known);
                }
                Ok(id)
            }
            None => self.add(hash, words, order),
        }
    }

    /// What a canonical type turned out to be, once all CUs are merged.
    #[inline]
    pub(crate) fn resolved(&self, id: CanonicalId) -> CanonicalId {
        match self.resolved_reference(id).target() {
            Target::Canonical(resolved) => resolved,
            Target::Void | Target::Local(_) | Target::ArrayIndex => self.no_type(id),
        }
    }

    #[cold]
    fn no_type(&self, id: CanonicalId) -> CanonicalId {
        self.breach.note("a canonical type turned out to be none");
        id
    }

    /// What a canonical type is known to be while a CU is merged: a canonical type or one of the CU.
    #[inline]
    pub(super) fn resolved_reference(&self, mut id: CanonicalId) -> Reference {
        loop {
            let own = Reference::from(id);
            let next = match self.place(id) {
                Some(place) => self.map.get(place).copied().unwrap_or(own),
                None if self.base_map.is_empty() => return own,
                None => self.base_map.get(&id).copied().unwrap_or(own),
            };
            match next.target() {
                _ if next == own => return own,
                Target::Canonical(next) => id = next,
                Target::Void | Target::Local(_) | Target::ArrayIndex => return next,
            }
        }
    }

    /// Notes what a forward declaration declares.
    pub(super) fn set_resolved(&mut self, forward: CanonicalId, ty: Reference) {
        match self.place(forward) {
            Some(place) => match self.map.get_mut(place) {
                Some(slot) => *slot = ty,
                None => self.breach.note("a canonical type that is resolved does not exist"),
            },
            None => {
                self.base_map.insert(forward, ty);
            }
        }
    }
}

//! What is decided once all CUs are merged: what forward declarations declare.

use btf::Kind;

use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::emit_order::{EmitCu, EmitOrder, EmitPhase};
use crate::dedup::replaced::MAX_CHAIN;
use crate::encoded::{self, is_reference_kind, key};
use crate::error::EncodeError;
use crate::hash::IdMap;
use crate::ids::{CanonicalId, NameId};
use crate::type_index::TypeIndex;

impl CanonicalTypes<'_> {
    /// Resolves each forward declaration to the struct or union of its name, if there is only one.
    pub(crate) fn resolve_forwards(&mut self) {
        let mut named: IdMap<NameId, Option<CanonicalId>> = IdMap::default();
        for (place, &known) in self.map.iter().enumerate() {
            let id = self.id_at(place);
            let words = self.get(id);
            if encoded::kind(words).is_composite() && !encoded::name(words).is_empty() && known == id.into() {
                named.entry(encoded::name(words)).and_modify(|only| *only = None).or_insert(Some(id));
            }
        }
        for place in 0..self.map.len() {
            let id = self.id_at(place);
            let words = self.get(id);
            if encoded::kind(words) != Kind::Fwd || self.resolved(id) != id {
                continue;
            }
            let declares = if encoded::info(words) >> 31 == 1 { Kind::Union } else { Kind::Struct };
            let name = encoded::name(words);
            let only = match (self.base.and_then(|base| base.composites.get(&name)), named.get(&name)) {
                (Some(&only), None) | (None, Some(&only)) => only,
                _ => None,
            };
            let only = only.filter(|&id| encoded::kind(self.get(id)) == declares);
            if let (Some(only), Some(slot)) = (only, self.map.get_mut(place)) {
                *slot = only.into();
            }
        }
    }

    /// Replaces forward declarations by what they declare. Types whose references become the same by that become one type.
    pub(crate) fn remap(&mut self) -> Result<(), EncodeError> {
        let is_done = self.base_map.is_empty()
            && self.map.iter().enumerate().all(|(place, &known)| known == self.id_at(place).into());
        if is_done {
            return Ok(());
        }
        self.index = TypeIndex::new(self.first, self.map.len());
        debug_assert!((0..self.map.len()).all(|place| self.refers_back(place)));
        let mut words = Vec::new();
        for place in 0..self.map.len() {
            words.clear();
            words.extend_from_slice(self.complete_words(place)?);
            self.remap_type(place, &mut words)?;
        }
        self.remap_replaced()
    }

    /// Gives types that replace types of the base the place in the order at which those were found first.
    fn remap_replaced(&mut self) -> Result<(), EncodeError> {
        for (id, order) in std::mem::take(&mut self.replaced.found) {
            let replacement = self.remapped_type(id)?;
            if let Some(known) = self.place(replacement).and_then(|place| self.orders.get_mut(place)) {
                *known = order.min(*known);
            }
        }
        Ok(())
    }

    /// Whether a type comes behind all types that it refers to, except structs and the like, which can be remapped in any order.
    /// That is so for every type as long as none is remapped, since a type becomes canonical after what it refers to. It is why
    /// one pass remaps all types.
    fn refers_back(&self, place: usize) -> bool {
        let is_reference = |place| self.own(place).is_ok_and(|words| is_reference_kind(encoded::kind(words)));
        let is_before = |word| {
            let other = CanonicalId::from_word(word).and_then(|id| self.place(id));
            other.is_none_or(|other| other < place || !is_reference(other))
        };
        let words = self.get(self.id_at(place));
        !is_reference(place) || encoded::fields(words).all(|(role, word)| !role.is_reference() || is_before(word))
    }

    /// What a reference from a type that is not the base's leads to in the end. Where a forward declaration of the base declares a
    /// new struct, a pointer of the base to it is replaced by a pointer to the struct.
    pub(crate) fn remapped(&mut self, id: Option<CanonicalId>) -> Result<Option<CanonicalId>, EncodeError> {
        id.map(|id| self.remapped_type(id)).transpose()
    }

    #[inline]
    fn remapped_type(&mut self, id: CanonicalId) -> Result<CanonicalId, EncodeError> {
        self.remapped_within(id, MAX_CHAIN)
    }

    #[inline]
    fn remapped_within(&mut self, id: CanonicalId, chain: u32) -> Result<CanonicalId, EncodeError> {
        let id = self.resolved(id);
        if self.base_map.is_empty() || self.place(id).is_some() { Ok(id) } else { self.replacement(id, chain) }
    }

    /// What a type of the base is replaced by, or itself.
    #[inline(never)]
    fn replacement(&mut self, id: CanonicalId, chain: u32) -> Result<CanonicalId, EncodeError> {
        let words = self.get(id);
        let Some(chain) = chain.checked_sub(1).filter(|_| is_reference_kind(encoded::kind(words))) else {
            return Ok(id);
        };
        if let Some(&known) = self.remapped.get(&id) {
            return Ok(known);
        }
        let mut remapped = words.to_vec();
        self.remapped.insert(id, id);
        let mut result = Ok(());
        encoded::map_references(&mut remapped, |word| {
            let Some(target) = CanonicalId::from_word(word) else { return word };
            match self.remapped_within(target, chain) {
                Ok(target) => target.raw(),
                Err(error) => {
                    result = Err(error);
                    word
                }
            }
        });
        result?;
        if remapped != self.get(id) {
            let replacement =
                self.intern(&remapped, EmitOrder { cu: EmitCu::END, phase: EmitPhase::Types, place: id.raw() })?;
            self.remapped.insert(id, replacement);
            return Ok(replacement);
        }
        Ok(id)
    }

    /// Remaps the type at a place, of which `words` is a copy.
    fn remap_type(&mut self, place: usize, words: &mut [u32]) -> Result<(), EncodeError> {
        let mut result = Ok(());
        encoded::map_references(words, |word| match self.remapped(CanonicalId::from_word(word)) {
            Ok(id) => CanonicalId::word(id),
            Err(error) => {
                result = Err(error);
                word
            }
        });
        result?;
        self.own_mut(place)?.copy_from_slice(words);
        let kind = encoded::kind(words);
        if !is_reference_kind(kind) {
            return Ok(());
        }
        let hash = key(words);
        let id = self.id_at(place);
        match self.find(hash, |id| self.get(id) == words) {
            Some(found) if found != id => {
                if let Some(slot) = self.map.get_mut(place) {
                    *slot = found.into();
                }
            }
            Some(_) => {}
            None => self.index.add(hash, id),
        }
        Ok(())
    }
}

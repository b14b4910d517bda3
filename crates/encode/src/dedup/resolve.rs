//! What is left to decide when all CUs are there.

use btf::Kind;

use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::emit_order::{EmitOrder, EmitPhase};
use crate::dedup::replaced::MAX_CHAIN;
use crate::encoded::{self, is_reference_kind, key};
use crate::error::EncodeError;
use crate::hash::IdMap;
use crate::ids::NameId;
use crate::type_index::TypeIndex;

impl CanonicalTypes<'_> {
    /// Takes each forward declaration for the struct or union of its name, if there is only one.
    pub(crate) fn resolve_forwards(&mut self) {
        let mut named: IdMap<NameId, Option<u32>> = IdMap::default();
        for (id, &known) in (self.first..).zip(&self.map) {
            let words = self.get(id);
            if encoded::kind(words).is_composite() && !encoded::name(words).is_empty() && known == id {
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
                *slot = only;
            }
        }
    }

    /// Puts what forward declarations turned out to be in their place. Types whose references become the same by that become
    /// one.
    pub(crate) fn remap(&mut self) -> Result<(), EncodeError> {
        let is_done = self.base_map.is_empty() && (self.first..).zip(&self.map).all(|(id, &known)| id == known);
        if is_done {
            return Ok(());
        }
        self.index = TypeIndex::new(self.first, self.map.len());
        debug_assert!((0..self.map.len()).all(|place| self.refers_back(place)));
        for place in 0..self.map.len() {
            self.remap_type(place)?;
        }
        self.remap_replaced()
    }

    /// Puts what replaces types of the base where these were met first.
    fn remap_replaced(&mut self) -> Result<(), EncodeError> {
        for (id, order) in std::mem::take(&mut self.replaced.found) {
            let replacement = self.remapped(id)?;
            if let Some(known) = self.place(replacement).and_then(|place| self.orders.get_mut(place)) {
                *known = order.min(*known);
            }
        }
        Ok(())
    }

    /// Whether a type comes behind all that it refers to, but for what has to be remapped in no order. That holds of every type
    /// as long as none is remapped, since references are canonical before a type becomes so; and it is why one pass remaps all.
    fn refers_back(&self, place: usize) -> bool {
        let is_reference = |place| self.own(place).is_ok_and(|words| is_reference_kind(encoded::kind(words)));
        let is_before = |id| self.place(id).is_none_or(|other| other < place || !is_reference(other));
        let words = self.get(self.id_at(place));
        !is_reference(place) || encoded::fields(words).all(|(role, id)| !role.is_reference() || is_before(id))
    }

    /// What a reference from a type that is not the base's leads to in the end. A pointer of the base to a forward declaration
    /// that stands for a new struct cannot be used any more: it is replaced by one to the struct.
    pub(crate) fn remapped(&mut self, id: u32) -> Result<u32, EncodeError> {
        self.remapped_within(id, MAX_CHAIN)
    }

    fn remapped_within(&mut self, id: u32, chain: u32) -> Result<u32, EncodeError> {
        let id = self.resolved(id);
        if id == 0 || self.base_map.is_empty() || self.place(id).is_some() {
            return Ok(id);
        }
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
        encoded::map_references(&mut remapped, |target| match self.remapped_within(target, chain) {
            Ok(target) => target,
            Err(error) => {
                result = Err(error);
                target
            }
        });
        result?;
        if remapped != self.get(id) {
            let replacement =
                self.intern(&remapped, EmitOrder { cu: EmitOrder::END, phase: EmitPhase::Types, place: id })?;
            self.remapped.insert(id, replacement);
            return Ok(replacement);
        }
        Ok(id)
    }

    fn remap_type(&mut self, place: usize) -> Result<(), EncodeError> {
        let mut words = self.complete_words(place)?.to_vec();
        let mut result = Ok(());
        encoded::map_references(&mut words, |id| {
            self.remapped(id).unwrap_or_else(|error| {
                result = Err(error);
                id
            })
        });
        result?;
        self.own_mut(place)?.copy_from_slice(&words);
        let kind = encoded::kind(&words);
        if !is_reference_kind(kind) {
            return Ok(());
        }
        let hash = key(&words);
        let id = self.id_at(place);
        match self.find(hash, |id| self.get(id) == words) {
            Some(found) if found != id => {
                if let Some(slot) = self.map.get_mut(place) {
                    *slot = found;
                }
            }
            Some(_) => {}
            None => self.index.add(hash, id),
        }
        Ok(())
    }
}

//! What is left to decide when all units are there.

use btf::Kind;

use super::Index;
use super::pool::{Origin, Part, Pool, key};
use crate::EncodeError;
use crate::names::NumberMap;
use crate::record;

/// Whether equal types of this kind have equal words.
pub(super) const fn is_reference_kind(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Ptr
            | Kind::Array
            | Kind::Typedef
            | Kind::Volatile
            | Kind::Const
            | Kind::Restrict
            | Kind::Func
            | Kind::FuncProto
            | Kind::TypeTag
    )
}

impl Pool<'_> {
    /// Takes each forward declaration for the struct or union of its name, if there is only one.
    pub(crate) fn resolve_forwards(&mut self) {
        let mut named: NumberMap<Option<u32>> = NumberMap::default();
        for (id, &known) in (self.first..).zip(&self.map) {
            let words = self.get(id);
            if record::kind(words).is_composite() && record::name(words) != 0 && known == id {
                named.entry(record::name(words)).and_modify(|only| *only = None).or_insert(Some(id));
            }
        }
        for place in 0..self.map.len() {
            let words = self.own(place).unwrap_or_default();
            let id = self.first.saturating_add(u32::try_from(place).unwrap_or(u32::MAX));
            if record::kind(words) != Kind::Fwd || self.resolved(id) != id {
                continue;
            }
            let declares = if record::info(words) >> 31 == 1 { Kind::Union } else { Kind::Struct };
            let name = record::name(words);
            let only = match (self.base.and_then(|base| base.composites.get(&name)), named.get(&name)) {
                (Some(&only), None) | (None, Some(&only)) => only,
                _ => None,
            };
            let only = only.filter(|&id| record::kind(self.get(id)) == declares);
            if let (Some(only), Some(slot)) = (only, self.map.get_mut(place)) {
                *slot = only;
            }
        }
    }

    /// Puts what forward declarations turned out to be in their place. Types whose references become the same by that become
    /// one.
    pub(crate) fn settle(&mut self) -> Result<(), EncodeError> {
        let is_settled = self.base_map.is_empty() && (self.first..).zip(&self.map).all(|(id, &known)| id == known);
        if is_settled {
            return Ok(());
        }
        self.index = Index::new(self.first, self.map.len());
        debug_assert!((0..self.map.len()).all(|place| self.refers_back(place)));
        for place in 0..self.map.len() {
            self.settle_type(place)?;
        }
        self.settle_replaced()
    }

    /// Puts what replaces types of the base where these were met first.
    fn settle_replaced(&mut self) -> Result<(), EncodeError> {
        for (id, origin) in std::mem::take(&mut self.replaced.met) {
            let replacement = self.settled(id)?;
            if let Some(known) = self.place(replacement).and_then(|place| self.origins.get_mut(place)) {
                *known = origin.min(*known);
            }
        }
        Ok(())
    }

    /// Whether a type comes behind all that it refers to, but for what has to be settled in no order. That holds of every type
    /// as long as none is settled, since references are canonical before a type becomes so; and it is why one pass settles all.
    fn refers_back(&self, place: usize) -> bool {
        let is_reference = |place| self.own(place).is_ok_and(|words| is_reference_kind(record::kind(words)));
        let is_before = |id| self.place(id).is_none_or(|other| other < place || !is_reference(other));
        let words = self.own(place).unwrap_or_default();
        !is_reference(place) || record::fields(words).all(|(slot, id)| !slot.is_reference() || is_before(id))
    }

    /// What a reference from a type that is not the base's leads to in the end. A pointer of the base to a forward declaration
    /// that stands for a new struct cannot be used any more: it is replaced by one to the struct.
    pub(crate) fn settled(&mut self, id: u32) -> Result<u32, EncodeError> {
        self.settled_within(id, MAX_CHAIN)
    }

    fn settled_within(&mut self, id: u32, chain: u32) -> Result<u32, EncodeError> {
        let id = self.resolved(id);
        if id == 0 || self.base_map.is_empty() || self.place(id).is_some() {
            return Ok(id);
        }
        let words = self.get(id);
        let Some(chain) = chain.checked_sub(1).filter(|_| is_reference_kind(record::kind(words))) else {
            return Ok(id);
        };
        if let Some(&known) = self.settled.get(&id) {
            return Ok(known);
        }
        let mut settled = words.to_vec();
        self.settled.insert(id, id);
        let mut result = Ok(());
        record::map_references(&mut settled, |target| match self.settled_within(target, chain) {
            Ok(target) => target,
            Err(error) => {
                result = Err(error);
                target
            }
        });
        result?;
        if settled != self.get(id) {
            let replacement = self.intern(&settled, Origin { unit: Origin::END, part: Part::Types, place: id })?;
            self.settled.insert(id, replacement);
            return Ok(replacement);
        }
        Ok(id)
    }

    fn settle_type(&mut self, place: usize) -> Result<(), EncodeError> {
        let mut words = self.own(place).unwrap_or_default().to_vec();
        let mut result = Ok(());
        record::map_references(&mut words, |id| {
            self.settled(id).unwrap_or_else(|error| {
                result = Err(error);
                id
            })
        });
        result?;
        self.own_mut(place).copy_from_slice(&words);
        let kind = record::kind(&words);
        if !is_reference_kind(kind) {
            return Ok(());
        }
        let hash = key(&words);
        let id = self.first.saturating_add(u32::try_from(place).unwrap_or(u32::MAX));
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

/// How long chains of pointers, qualifiers and prototypes of a base may be.
pub(super) const MAX_CHAIN: u32 = 200;

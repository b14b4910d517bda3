//! Merges a CU into the canonical types.

use btf::{IntData, Kind};

use crate::cu::graph::Cu;
use crate::cu::reference::{LocalId, Reference, Target};
use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::emit_order::{EmitOrder, EmitPhase};
use crate::dedup::unit::{Scratch, UnitDedup};
use crate::encoded::{self, head, key};
use crate::enum_index::is_forward;
use crate::error::{EncodeError, internal};
use crate::ids::{CanonicalId, NameId};

/// What a reference is known to lead to.
enum Known {
    /// The canonical type, or `void`.
    Canonical(Option<CanonicalId>),
    /// Only the type of the CU.
    Local(LocalId),
    /// A type of the CU, and the types that it refers to are being made canonical.
    InProgress,
}

impl CanonicalTypes<'_> {
    /// Merges a CU: its types, functions, variables and tags. `int` is the number of that name.
    pub(crate) fn merge_cu(&mut self, cu: &Cu, int: NameId, scratch: &mut Scratch) -> Result<(), EncodeError> {
        scratch.reset(cu.len() as usize);
        self.cus += 1;
        let mut dedup = UnitDedup { types: self, cu, scratch };
        dedup.plain_types()?;
        dedup.find_index_type(int)?;
        let fresh = dedup.composites()?;
        dedup.references()?;
        dedup.complete(fresh)?;
        dedup.note_replaceable();
        dedup.save()?;
        dedup.cu.breach.check()?;
        self.breach.check()
    }
}

impl UnitDedup<'_, '_> {
    pub(super) fn order(&self, local: LocalId) -> EmitOrder {
        EmitOrder { cu: self.cu_number().into(), phase: EmitPhase::Types, place: local.raw() }
    }

    fn set(&mut self, local: LocalId, id: CanonicalId) {
        if let Some(slot) = self.scratch.map.get_mut(local.place()) {
            *slot = Some(id);
        }
    }

    /// What a type of the CU turned out to be, if that is known.
    #[inline]
    fn canonical_of(&self, local: LocalId) -> Option<CanonicalId> {
        self.scratch.map.get(local.place()).copied().flatten()
    }

    /// Types that refer to nothing.
    fn plain_types(&mut self) -> Result<(), EncodeError> {
        for local in self.cu.ids() {
            let words = self.cu.get(local);
            let id = match encoded::kind(words) {
                Kind::Int | Kind::Float | Kind::Fwd => self.types.intern(words, self.order(local))?,
                Kind::Enum | Kind::Enum64 => self.enumeration(local, words)?,
                _ => continue,
            };
            self.set(local, id);
        }
        Ok(())
    }

    /// An enum without values is a forward declaration of any other enum of its name.
    fn enumeration(&mut self, local: LocalId, words: &[u32]) -> Result<CanonicalId, EncodeError> {
        let hash = key(words);
        let name = encoded::name(words);
        let known = if name.is_empty() {
            self.types.find(hash, |id| self.words(id.into()) == words)
        } else if is_forward(words) {
            self.types.find(hash, |id| {
                let canonical = self.words(id.into());
                encoded::kind(canonical).is_enum() && encoded::name(canonical) == name
            })
        } else {
            let base = self.types.base.and_then(|base| base.enums.find(words, |id| base.get(id)));
            base.or_else(|| self.types.enums.find(words, |id| self.types.get(id)))
        };
        if let Some(id) = known {
            return Ok(id);
        }
        let id = self.types.add(hash, words, self.order(local))?;
        if !name.is_empty() {
            self.types.enums.add(words, id);
        }
        if !name.is_empty() && !is_forward(words) {
            let base = self.types.base.map_or(&[][..], |base| base.enums.forwards(name));
            for forward in [base, self.types.enums.forwards(name)].concat() {
                self.types.set_resolved(forward, id.into());
            }
        }
        Ok(id)
    }

    /// All arrays are indexed by the first type called `int`, or by one that is made for them.
    fn find_index_type(&mut self, int: NameId) -> Result<(), EncodeError> {
        if self.types.index_type.is_some() {
            return Ok(());
        }
        let named = self.cu.int.and_then(|local| self.canonical_of(local));
        self.types.index_type = match named {
            Some(id) => Some(id),
            None if self.cu.has_arrays => {
                let [name, info, size] = head(Kind::Int, int, 0, false, 4);
                let words = [name, info, size, IntData::new(IntData::SIGNED, 0, 32).0];
                Some(self.types.intern(&words, self.order(LocalId::from_raw(self.cu.len())))?)
            }
            None => None,
        };
        Ok(())
    }

    /// Structs and unions. Those that are new become canonical, still with references into the CU: their places.
    fn composites(&mut self) -> Result<Vec<usize>, EncodeError> {
        let mut fresh = Vec::new();
        for local in self.cu.ids() {
            let words = self.cu.get(local);
            if !encoded::kind(words).is_composite() || self.canonical_of(local).is_some() {
                continue;
            }
            let hash = self.cu.signatures.get(local.place()).copied();
            let hash = hash.ok_or_else(|| internal("a struct or union has no signature"))?;
            if let Some(id) = self.equiv_composite(local, words, hash) {
                self.set(local, id);
                continue;
            }
            let id = self.types.add_pending(hash, local, self.order(local))?;
            fresh.extend(self.types.place(id));
            self.set(local, id);
        }
        Ok(fresh)
    }

    /// The canonical struct or union that equals one of the CU. Where there are several, because forward declarations make
    /// them equal to this one but not to each other, the latest is taken, as by libbpf.
    fn equiv_composite(&mut self, local: LocalId, words: &[u32], hash: u64) -> Option<CanonicalId> {
        let mut candidate = self.types.index.first(hash);
        while let Some(id) = candidate {
            if self.is_equiv_composite(local, words, id) {
                return Some(id);
            }
            candidate = self.types.index.after(id);
        }
        let base = self.types.base?;
        candidate = base.index.first(hash);
        while let Some(id) = candidate {
            if self.is_equiv_composite(local, words, id) {
                return Some(id);
            }
            candidate = base.index.after(id);
        }
        None
    }

    fn is_equiv_composite(&mut self, local: LocalId, words: &[u32], candidate: CanonicalId) -> bool {
        encoded::compare(words, self.words(candidate.into()), |_, _| true) && self.is_equiv(local, candidate)
    }

    /// Types that are equal if their words are, once their references are canonical.
    ///
    /// No language has types that refer to each other in a cycle without a struct or union. The reference that closes such a cycle
    /// becomes `void` and is counted. libbpf fails there (`btf_dedup_ref_type` in `tools/lib/bpf/btf.c` returns `-ELOOP`), so
    /// pahole encodes nothing of the file.
    fn references(&mut self) -> Result<(), EncodeError> {
        let mut stack = Vec::new();
        let mut words = Vec::new();
        for local in self.cu.ids() {
            stack.push(local);
            while let Some(&top) = stack.last() {
                if self.canonical_of(top).is_some() {
                    stack.pop();
                    continue;
                }
                if let Some(slot) = self.scratch.in_progress.get_mut(top.place()) {
                    *slot = true;
                }
                words.clear();
                words.extend_from_slice(self.cu.get(top));
                let (waiting, mut cycles) = (stack.len(), 0u32);
                encoded::map_references(&mut words, |word| match self.known_reference(Reference::from_word(word)) {
                    Known::Canonical(id) => CanonicalId::word(id),
                    Known::Local(local) => {
                        stack.push(local);
                        word
                    }
                    Known::InProgress => {
                        cycles += 1;
                        0
                    }
                });
                if stack.len() == waiting {
                    self.types.cycles += cycles;
                    let id = self.types.intern(&words, self.order(top))?;
                    self.set(top, id);
                    stack.pop();
                }
            }
        }
        Ok(())
    }

    /// What a reference leads to.
    fn known_reference(&self, reference: Reference) -> Known {
        match self.known(reference).target() {
            Target::Local(local) if self.scratch.in_progress.get(local.place()) == Some(&true) => Known::InProgress,
            Target::Local(local) => Known::Local(local),
            Target::Canonical(id) => Known::Canonical(Some(id)),
            Target::Void | Target::ArrayIndex => Known::Canonical(None),
        }
    }

    /// Gives new structs and unions their canonical references.
    fn complete(&mut self, fresh: Vec<usize>) -> Result<(), EncodeError> {
        let mut words = Vec::new();
        for place in fresh {
            let Err(local) = self.types.own(place) else {
                return Err(internal("a new struct or union is complete already"));
            };
            words.clear();
            words.extend_from_slice(self.cu.get(local));
            encoded::map_references(&mut words, |word| CanonicalId::word(self.canonical(Reference::from_word(word))));
            self.types.complete(place, &words)?;
        }
        for forward in std::mem::take(&mut self.scratch.resolved) {
            let id = self.canonical(forward.into()).ok_or_else(|| internal("a forward declaration stands for void"))?;
            self.types.set_resolved(forward, id.into());
        }
        Ok(())
    }

    /// Notes which types of the base the CU has.
    fn note_replaceable(&mut self) {
        let Some(base) = self.types.base else { return };
        for local in self.cu.ids() {
            let Some(id) = self.canonical_of(local) else { continue };
            if self.types.place(id).is_none() {
                let order = self.order(local);
                self.types.replaced.note(base, id, order);
            }
        }
    }
}

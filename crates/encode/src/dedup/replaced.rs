//! Pointers, qualifiers and prototypes of a base that lead to a forward declaration: where a CU had them first.
//!
//! If the forward declaration turns out to declare a struct of the module, types of the module replace them. libbpf keeps the first
//! of equal types (`btf_dedup_ref_types` in its `btf.c`, after all forward declarations are resolved). So the replacements are
//! emitted where the first CU has them, whether or not that CU has the struct and whether or not anything refers to them.

use btf::Kind;

use crate::base::PreparedBase;
use crate::dedup::emit_order::EmitOrder;
use crate::encoded::{self, is_reference_kind};
use crate::ids::CanonicalId;

/// The types of a base that were found, and those among them that may be replaced.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    /// What is known of each type, by id: [`SEEN`], [`DECIDED`], [`LEADS`].
    states: Vec<u8>,
    /// Those that lead to a declaration, each with where it was found first.
    pub(super) found: Vec<(CanonicalId, EmitOrder)>,
}

/// How long chains of pointers, qualifiers and prototypes of a base may be.
pub(super) const MAX_CHAIN: u32 = 200;

/// A CU has it.
const SEEN: u8 = 1;
/// It is known whether it leads to a declaration.
const DECIDED: u8 = 2;
/// It does.
const LEADS: u8 = 4;

impl Replaced {
    /// Notes that a CU has a type of the base. Only the first time counts, since CUs are merged in order.
    #[inline]
    pub(super) fn note(&mut self, base: &PreparedBase, id: CanonicalId, order: EmitOrder) {
        if self.states.is_empty() {
            self.states = vec![0; base.len() as usize + 1];
        }
        match self.states.get_mut(id.raw() as usize) {
            Some(state) if *state & SEEN == 0 => *state |= SEEN,
            _ => return,
        }
        if is_reference_kind(encoded::kind(base.get(id))) && self.leads(base, id, MAX_CHAIN) {
            self.found.push((id, order));
        }
    }

    /// Whether a type leads to a forward declaration, through pointers, qualifiers and the like only.
    fn leads(&mut self, base: &PreparedBase, id: CanonicalId, chain: u32) -> bool {
        let Some(state) = self.states.get_mut(id.raw() as usize) else { return false };
        if *state & DECIDED != 0 || chain == 0 {
            return *state & LEADS != 0;
        }
        *state |= DECIDED;
        let words = base.get(id);
        let kind = encoded::kind(words);
        let leads = kind == Kind::Fwd
            || (is_reference_kind(kind)
                && encoded::fields(words)
                    .filter(|(role, _)| role.is_reference())
                    .filter_map(|(_, target)| CanonicalId::from_word(target))
                    .any(|target| self.leads(base, target, chain - 1)));
        if let Some(state) = self.states.get_mut(id.raw() as usize).filter(|_| leads) {
            *state |= LEADS;
        }
        leads
    }
}

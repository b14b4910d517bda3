//! Pointers and the like of a base that lead to a declaration: where they were met first.
//!
//! If the declaration stands for a struct of the module in the end, types of the module replace them. libbpf keeps of equal types
//! the first (`btf_dedup_ref_types` in its `btf.c`, once all declarations are resolved), so they stand where the first unit has
//! them, whatever that unit knows of the struct, and whether or not anything refers to them.

use btf::Kind;

use super::finish::{MAX_CHAIN, is_reference_kind};
use super::pool::Origin;
use crate::base::PreparedBase;
use crate::record;

/// The types of a base that were met, and those among them that may be replaced.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    /// What is known of each type, by id: [`MET`], [`DECIDED`], [`LEADS`].
    states: Vec<u8>,
    /// The ids of those that lead to a declaration, each with where it was met first.
    pub(super) met: Vec<(u32, Origin)>,
}

/// A unit has it.
const MET: u8 = 1;
/// It is known whether it leads to a declaration.
const DECIDED: u8 = 2;
/// It does.
const LEADS: u8 = 4;

impl Replaced {
    /// Takes down that a unit has a type of the base. Units come in their order, so the first counts.
    #[inline]
    pub(super) fn meet(&mut self, base: &PreparedBase, id: u32, origin: Origin) {
        if self.states.is_empty() {
            self.states = vec![0; (base.len() as usize).saturating_add(1)];
        }
        match self.states.get_mut(id as usize) {
            Some(state) if *state & MET == 0 => *state |= MET,
            _ => return,
        }
        if is_reference_kind(record::kind(base.get(id))) && self.leads(base, id, MAX_CHAIN) {
            self.met.push((id, origin));
        }
    }

    /// Whether a type leads to a declaration, through types without a body alone.
    fn leads(&mut self, base: &PreparedBase, id: u32, chain: u32) -> bool {
        let Some(state) = self.states.get_mut(id as usize) else { return false };
        if *state & DECIDED != 0 || chain == 0 {
            return *state & LEADS != 0;
        }
        *state |= DECIDED;
        let words = base.get(id);
        let kind = record::kind(words);
        let leads = kind == Kind::Fwd
            || (is_reference_kind(kind)
                && record::fields(words)
                    .filter(|(slot, _)| slot.is_reference())
                    .any(|(_, target)| self.leads(base, target, chain.saturating_sub(1))));
        if let Some(state) = self.states.get_mut(id as usize).filter(|_| leads) {
            *state |= LEADS;
        }
        leads
    }
}

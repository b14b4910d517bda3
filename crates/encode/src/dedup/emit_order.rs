//! The order in which types are emitted.

use std::cmp::Ordering;

use crate::ids::id32;

/// Where a type stands among all: types in the order in which pahole adds them.
///
/// That is CU by CU the types, the tags on them, functions and variables; and when all CUs are there what is decided
/// about last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EmitOrder {
    /// The CU, from 0 in the order in which they were met; [`EmitOrder::END`] behind all.
    pub(crate) cu: u32,
    pub(crate) phase: EmitPhase,
    /// The place in that phase.
    pub(crate) place: u32,
}

/// The phases of a CU, in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EmitPhase {
    Types,
    TypeTags,
    Functions,
    Variables,
    DataSections,
}

impl EmitOrder {
    /// The CU behind all CUs.
    pub(crate) const END: u32 = u32::MAX;

    /// Behind all functions: the tags on functions.
    pub(crate) const BEHIND_FUNCTIONS: Self = Self { cu: Self::END, phase: EmitPhase::Functions, place: u32::MAX };

    pub(crate) fn new(cu: u32, phase: EmitPhase, place: usize) -> Self {
        Self { cu, phase, place: id32(place) }
    }

    /// All of it as one number, by which it is compared: all types are sorted by it.
    #[inline]
    pub(crate) const fn key(&self) -> u128 {
        ((self.cu as u128) << 64) | ((self.phase as u128) << 32) | self.place as u128
    }
}

impl Ord for EmitOrder {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for EmitOrder {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cu_counts_most_then_the_phase_then_the_place() {
        let ascending = [
            EmitOrder::new(0, EmitPhase::Types, 0),
            EmitOrder::new(0, EmitPhase::Types, u32::MAX as usize),
            EmitOrder::new(0, EmitPhase::TypeTags, 0),
            EmitOrder::new(0, EmitPhase::Functions, 7),
            EmitOrder::new(0, EmitPhase::Variables, 3),
            EmitOrder::new(0, EmitPhase::DataSections, u32::MAX as usize),
            EmitOrder::new(1, EmitPhase::Types, 0),
            EmitOrder::BEHIND_FUNCTIONS,
        ];
        assert!(ascending.is_sorted_by(|left, right| left < right));
    }
}

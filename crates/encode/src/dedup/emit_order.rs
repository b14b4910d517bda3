//! The order in which types are emitted.

use std::cmp::Ordering;

use crate::ids::{CuNumber, id32};

/// Where a type stands among all that are emitted, which is the order in which pahole adds them: CU by CU the types, the tags on
/// them, functions and variables; and behind all CUs what is decided last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EmitOrder {
    pub(crate) cu: EmitCu,
    pub(crate) phase: EmitPhase,
    /// The place in that phase.
    pub(crate) place: u32,
}

/// The CU that a type comes from, or the place behind all CUs, packed into one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EmitCu(u32);

impl EmitCu {
    /// Behind all CUs.
    pub(crate) const END: Self = Self(u32::MAX);

    /// The CU, if it is one. There are fewer of them than bytes of `.debug_info`, whose length has 32 bits.
    #[inline]
    pub(crate) const fn number(self) -> Option<CuNumber> {
        if self.0 == u32::MAX { None } else { Some(CuNumber::from_raw(self.0)) }
    }
}

impl From<CuNumber> for EmitCu {
    #[inline]
    fn from(cu: CuNumber) -> Self {
        Self(cu.raw())
    }
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
    /// Behind all functions: the tags on functions.
    pub(crate) const BEHIND_FUNCTIONS: Self = Self { cu: EmitCu::END, phase: EmitPhase::Functions, place: u32::MAX };

    pub(crate) fn new(cu: impl Into<EmitCu>, phase: EmitPhase, place: usize) -> Self {
        Self { cu: cu.into(), phase, place: id32(place) }
    }

    /// All of it as one number, by which it is compared: all types are sorted by it.
    #[inline]
    pub(crate) const fn key(&self) -> u128 {
        ((self.cu.0 as u128) << 64) | ((self.phase as u128) << 32) | self.place as u128
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
        let [first, second] = [0, 1].map(CuNumber::from_raw);
        let ascending = [
            EmitOrder::new(first, EmitPhase::Types, 0),
            EmitOrder::new(first, EmitPhase::Types, u32::MAX as usize),
            EmitOrder::new(first, EmitPhase::TypeTags, 0),
            EmitOrder::new(first, EmitPhase::Functions, 7),
            EmitOrder::new(first, EmitPhase::Variables, 3),
            EmitOrder::new(first, EmitPhase::DataSections, u32::MAX as usize),
            EmitOrder::new(second, EmitPhase::Types, 0),
            EmitOrder::BEHIND_FUNCTIONS,
        ];
        assert!(ascending.is_sorted_by(|left, right| left < right));
        assert_eq!(ascending.map(|order| order.cu.number()).last(), Some(&None));
    }
}

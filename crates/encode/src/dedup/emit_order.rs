//! The order in which types are emitted.

use crate::ids::id32;

/// Where a type stands among all: types in the order in which pahole adds them.
///
/// That is CU by CU the types, the tags on them, functions and variables; and when all CUs are there what is decided
/// about last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
}

//! The canonical side of a pair of types in [`super::equiv`].

use crate::cu::reference::{Reference, SPARE};

/// How a canonical type was reached.
///
/// libbpf walks over the types of CUs as they were read, which refer to forward declarations of their own. Here they refer to
/// the canonical ones, some of which are the base's. So whether a forward declaration can be changed depends on the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The last types on the way are the base's, which cannot be changed.
    Base,
    /// Through a type of a CU.
    Cu,
}

/// A canonical type and how it was reached, packed into one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Reached(u32);

impl Reached {
    pub(super) const VOID: Self = Self::new(Reference::VOID, Way::Cu);

    #[inline]
    pub(super) const fn new(reference: Reference, way: Way) -> Self {
        let way = match way {
            Way::Base => SPARE,
            Way::Cu => 0,
        };
        Self(reference.word() | way)
    }

    #[inline]
    pub(super) const fn reference(self) -> Reference {
        Reference::from_word(self.0 & !SPARE)
    }

    #[inline]
    pub(super) const fn way(self) -> Way {
        if self.0 & SPARE == 0 { Way::Cu } else { Way::Base }
    }
}

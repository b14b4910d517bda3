//! What references lead to while a CU is merged, packed into one word.

use crate::ids::CanonicalId;

/// Set in a reference to a type of the CU and to the type of an array's index.
const LOCAL: u32 = 1 << 31;

/// A bit that no reference has set, for those who keep something else beside one.
pub(crate) const SPARE: u32 = 1 << 30;

/// All places of types of a CU, and ids of canonical types, are smaller.
pub(crate) const MAX_TYPES: u32 = SPARE - 1;

/// A reference, of a type of the CU or of a canonical one that is not complete yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reference(u32);

/// What a [`Reference`] leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Void,
    /// A canonical type.
    Canonical(CanonicalId),
    /// A type of the CU.
    Local(LocalId),
    /// The type of the index of every array, which is known only once the CU is merged.
    ArrayIndex,
}

impl Reference {
    pub(crate) const VOID: Self = Self(0);
    pub(crate) const ARRAY_INDEX: Self = Self(LOCAL | MAX_TYPES);

    /// The reference in an encoded type.
    #[inline]
    pub(crate) const fn from_word(word: u32) -> Self {
        Self(word)
    }

    /// The reference as it stands in an encoded type.
    #[inline]
    pub(crate) const fn word(self) -> u32 {
        self.0
    }

    #[inline]
    pub(crate) fn canonical(id: Option<CanonicalId>) -> Self {
        Self(CanonicalId::word(id))
    }

    #[inline]
    pub(crate) const fn is_void(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(crate) const fn target(self) -> Target {
        if self.0 & LOCAL == 0 {
            match CanonicalId::from_word(self.0) {
                Some(id) => Target::Canonical(id),
                None => Target::Void,
            }
        } else if self.0 == Self::ARRAY_INDEX.0 {
            Target::ArrayIndex
        } else {
            Target::Local(LocalId(self.0 & !LOCAL))
        }
    }

    /// The type of the CU that it leads to, if it leads to one.
    #[inline]
    pub(crate) const fn local(self) -> Option<LocalId> {
        match self.target() {
            Target::Local(local) => Some(local),
            Target::Void | Target::Canonical(_) | Target::ArrayIndex => None,
        }
    }
}

impl From<CanonicalId> for Reference {
    #[inline]
    fn from(id: CanonicalId) -> Self {
        Self(id.raw())
    }
}

impl From<LocalId> for Reference {
    #[inline]
    fn from(local: LocalId) -> Self {
        Self(LOCAL | local.0)
    }
}

/// A type of the CU, by its place among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LocalId(u32);

impl LocalId {
    #[inline]
    pub(crate) const fn from_raw(place: u32) -> Self {
        Self(place)
    }

    #[inline]
    pub(crate) const fn raw(self) -> u32 {
        self.0
    }

    /// Its place among the types of the CU.
    #[inline]
    pub(crate) const fn place(self) -> usize {
        self.0 as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_to_what_they_were_made_of() {
        let id = CanonicalId::from_word(MAX_TYPES - 1).expect("not void");
        let local = LocalId::from_raw(MAX_TYPES - 1);
        assert_eq!(Reference::from(id).target(), Target::Canonical(id));
        assert_eq!(Reference::from(local).target(), Target::Local(local));
        assert_eq!(Reference::canonical(None).target(), Target::Void);
        assert_eq!(Reference::ARRAY_INDEX.target(), Target::ArrayIndex);
        for reference in [id.into(), local.into(), Reference::VOID, Reference::ARRAY_INDEX] {
            assert_eq!(Reference::from_word(reference.word()), reference);
            assert_eq!(reference.word() & SPARE, 0);
        }
    }
}

//! The strength of a comparison.

use super::facet::Facet;

/// How much of two types must be equal. Each strength includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// Kind and name are equal, the names of the members, values or parameters are equal, and each pair of references
    /// has the same designation: the same kind and name. Types without a name (pointers, qualifiers, arrays,
    /// prototypes, anonymous structs) have the same designation if their members or parameters have the same names
    /// and their own references have the same designations, up to the next types with a name. So `struct a *` and
    /// `struct b *` differ. `int [4]` and `int [8]` do not, and neither do two `struct a *` whose `struct a` have
    /// different members. A forward declaration differs from the struct that it declares.
    NameAndKind,
    /// In addition, all numbers are equal (sizes, vlen, kflag, offsets of members, sizes of bit-fields, counts of
    /// arrays, values of enums, encodings of integers, linkage), also in everything that is reached without passing
    /// through a pointer. The target of a pointer, also a prototype, is compared only by [`Strength::NameAndKind`].
    /// Equal layout means that a program may use one type as the other if it does not follow pointers.
    Layout,
    /// In addition, everything that can be reached through references is equal in all its fields.
    Closure,
}

impl Strength {
    /// All strengths, the weakest first.
    pub const ALL: [Self; 3] = [Self::NameAndKind, Self::Layout, Self::Closure];

    pub(super) const fn facet(self) -> Facet {
        match self {
            Self::NameAndKind => Facet::Names,
            Self::Layout => Facet::Layout,
            Self::Closure => Facet::Closure,
        }
    }
}

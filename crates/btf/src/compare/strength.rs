//! How much of two types has to be equal.

use super::facet::Facet;

/// How much of two types has to be equal. Each strength includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// The kind and the name are equal, the names of the members, values or parameters are, and each reference lands on
    /// something that is written alike: of the same kind and name; where it has no name, as pointers, qualifiers, arrays,
    /// prototypes and anonymous structs have none, with members or parameters of the same names, and so on along its own
    /// references up to the next types with a name. `struct a *` and `struct b *` differ, `int [4]` and `int [8]` do not,
    /// nor do a `struct a *` and another that points to a `struct a` of other members. A forward declaration differs from
    /// the struct that it stands for.
    NameAndKind,
    /// In addition all numbers are equal: sizes, vlen, kflag, offsets of members, sizes of bit-fields, counts of arrays,
    /// values of enums, encodings of integers, linkage; and so they are in everything that is reached without passing
    /// through a pointer. What a pointer points to, a prototype included, is compared as by
    /// [`Strength::NameAndKind`] only. Equal layout means that a program may use the one for the other as long as it does
    /// not follow pointers.
    Layout,
    /// In addition everything that is reached through any chain of references is equal in all its fields.
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

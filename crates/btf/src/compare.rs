//! The comparison of types by meaning.
//!
//! Each type is compared within its [`View`](crate::View), which resolves its ids and string offsets. So the same
//! bytes of a module can be compared with themselves over two bases, and any two types of any two BTFs can be
//! compared.
//!
//! A [`Strength`] decides how much must be equal. All strengths derive from [`Type::fields`](crate::Type::fields) and
//! the meaning of each field: a name, a number or a reference. Names are compared as strings and references as the
//! types that they refer to, never as offsets and ids. `facet` lists what counts for which strength.
//!
//! # The algorithm
//!
//! References form cycles, so equality is coinductive: two types are equal unless a difference can be reached. That
//! is bisimilarity. It is computed without assumptions, which could be cached too early, as the coarsest stable
//! partition: all types of both sides start in blocks by their own content, and blocks are split until the types of
//! each block refer to the same blocks ([`mod@crate::refine`]). Two types are equal if they are in the same block.
//! With n references this takes O(n log n) steps and no recursion, however deep or cyclic the input is.
//!
//! The partition is computed in two layers. [`Bases`] partitions the types of two bases together, once for all
//! modules. A [`Comparison`] then partitions the types of one module on each side, where a reference into a base is
//! represented by that type's block. A module's type may also equal one of a base. So the few blocks of the bases
//! that look like a module's type to a depth of two references take part in the second partition (`split_partition`).
//! The two layers together give the same result as partitioning everything at once.
//!
//! A dangling reference or name, or a type of unknown kind, cannot be proved equal to anything. So such a type
//! differs from every type, even from itself on the other side, and so do all types that depend on it. The same holds
//! for types whose names are too long: all compared names together may be 32 times as long as the BTF. Types of a
//! base are resolved in the base alone, as when the base was validated.

mod adjacency;
mod base_partition;
mod comparison;
mod difference;
mod facet;
mod side;
mod split_partition;
mod strength;

#[cfg(test)]
mod tests;

pub use comparison::{Bases, Comparison};
pub use difference::{Difference, Step, What};
pub use strength::Strength;

//! The comparison of types by what they mean.
//!
//! Two types are compared where they are: each in a [`View`](crate::View), which says what its ids and string offsets mean. So the same
//! bytes of a module can be compared with themselves over two bases, and any two types of any two BTFs.
//!
//! How much has to be equal is a [`Strength`]. All of them derive from [`Type::fields`](crate::Type::fields), by what a field is: a name, a
//! number or a reference. Names are compared as the strings they resolve to and references as the types they land on,
//! never as offsets and ids (`facet` is the table of what counts where).
//!
//! # How it is decided
//!
//! References form cycles, so types that reach themselves are equal by coinduction: equal unless a difference can be
//! reached. That is bisimilarity, and the way to it without assumptions that could be cached too early is the coarsest
//! stable partition: all types of both sides start in blocks by what they show themselves, and blocks split until the
//! types of each refer to the same blocks ([`mod@crate::refine`]). Equal then means in the same block. With n references that takes
//! O(n log n) steps and no recursion, however deep or cyclic the input is.
//!
//! It is done in two layers. [`Bases`] partitions the types of two bases together, once, and is shared by all modules. A
//! [`Comparison`] then partitions the types of one module on either side, with each reference into a base standing for
//! that type's block. A type on top may equal one of a base, too: the few blocks of the bases that look like a type on
//! top to a depth of two references take part in the second partition (`split_partition`), so the two layers give what
//! partitioning everything at once would.
//!
//! A reference or a name that dangles, and a type of a kind that this crate does not know, cannot be known to be equal to
//! anything: such a type differs from every type, from itself seen from the other side too, and so does what has to be
//! equal to it. So does one whose names are too long: in all, the names that are compared may be 32 times as long as the
//! BTF. Types of a base are resolved in the base alone, as when the base was validated.

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

//! Finding equal types.
//!
//! CUs come one after the other, in the order of the file. What of a CU equals a canonical type, of the base or of an
//! earlier CU, becomes that type; the rest becomes canonical. So memory is needed for what is different, not for what is
//! repeated, and each type is compared once.
//!
//! Equality is libbpf's (`btf__dedup` in `tools/lib/bpf/btf.c`, whose long comment tells the idea). It is decided for structs and
//! unions by following two graphs side by side: two types are equal if everything that can be reached from them in step is,
//! where a type that was met before in step is taken to be equal, and a forward declaration equals a struct or union of its
//! name. The other types need no such walk: they are equal if their words are, once what they refer to is canonical.
//!
//! Where it is not libbpf's:
//!
//! - One CU may have several copies of one type. libbpf requires that a canonical type corresponds to one type of the CU
//!   and mends that by a second comparison of its own, cut off at a depth, which compares an array with itself. Here a pair
//!   of types that was not met is compared like any other, whatever else either was paired with.
//! - Everything is derived from [`crate::encoded`], so nothing of a kind can be forgotten.
//!
//! Candidates are found by a hash of what equal types have in common ([`crate::cu::signature::signature`]).

pub(crate) mod canonical;
pub(crate) mod declarations;
pub(crate) mod emit_order;
mod equiv;
mod merge;
mod reached;
mod replaced;
mod resolve;
mod save;
pub(crate) mod unit;

//! Deduplication: finding equal types.
//!
//! CUs are merged one after the other, in the order of the file. A type of a CU that equals a canonical type, of the base or of an
//! earlier CU, becomes that type. Any other type becomes canonical. So memory is needed for different types only, and each type
//! is compared once.
//!
//! Equality is libbpf's (`btf__dedup` in `tools/lib/bpf/btf.c`, whose long comment explains it). Structs and unions are compared by
//! following two graphs side by side: two types are equal if each pair of types is equal that the same steps lead to. A pair that
//! is being compared already counts as equal, and a forward declaration equals a struct or union of its name. Other types need
//! no such walk: they are equal if their words are, once what they refer to is canonical.
//!
//! There are two differences from libbpf:
//!
//! - A CU may have several copies of one type. libbpf requires that a canonical type corresponds to one type of the CU. Where that
//!   fails it uses a second comparison, which is limited in depth and compares an array with itself. Here every new pair of types
//!   is compared in the same way, whatever else either type was paired with.
//! - Everything is derived from [`crate::encoded`], so no field of a kind can be forgotten.
//!
//! Candidates are found by a hash of what equal types have in common ([`crate::cu::signature`]).

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

//! DWARF to BTF: the types, functions and per-CPU variables of kernels and modules, whole or split from a base.
//!
//! ```no_run
//! use encode::{Encoder, Options, PreparedBase};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Modules share one prepared base; any number of threads may use it at once.
//! let base = PreparedBase::new(&kmod::kernel_btf("vmlinux")?.bytes)?;
//! let encoded = Encoder::over(&base, Options::kernel()).encode("overlay.ko")?;
//! println!("{} bytes: {}", encoded.btf.len(), encoded.report);
//! # Ok(())
//! # }
//! ```
//!
//! # The way of a file
//!
//! ```text
//! ElfFile ── dwarf::file ── dwarf::shape ── dwarf::collect ── CU ── dedup::meet ── dedup::finish ── select ── write
//! sections   CUs,         abbreviations   the walk over     graph   types become   forward          functions bytes
//!            relocations    as steps        DIEs              of a    canonical      declarations     variables
//!                                                             CU
//! ```
//!
//! - **CuReader** (`dwarf`). `.debug_info` is read CU by CU into one buffer, so it is never in memory as a whole. Each
//!   abbreviation becomes a list of steps that read what is wanted and pass over runs of the rest by their length; a DIE of
//!   which nothing is wanted is passed over with its children, by its sibling if it says where that is. A relocation is
//!   looked up where a value is used: entries are in order, so it lies a few steps further on than the last one. A name is
//!   compared with the one that came after the last name before, in the base or earlier in the file, and searched for only if it
//!   is another.
//! - **A CU** (`cu`) is a graph of types in one vector of words, each type as BTF has it (`record`), with names as numbers
//!   (`names`) and references as indices. It is all that is kept of a CU's DWARF.
//! - **Deduplication** (`dedup`). CUs meet the canonical types one after the other, in the order of the file: what is
//!   known becomes the canonical type, the rest becomes canonical. So memory is needed for what is different only. Two types
//!   are equal as in libbpf, see there. The types of a base are canonical from the start: they are hashed once
//!   ([`PreparedBase`]), and only looked at afterwards.
//! - **Threads**. Modules are encoded side by side, each by one thread. The CUs of vmlinux are read side by side and meet the
//!   canonical types in order (`pipeline`). The bytes do not depend on either.
//! - **Distillation** ([`mod@btf::distill`]), where it is asked for: the module gets a base of its own.
//! - **Selection** (`select`, `variables`): which functions and variables are written, as pahole selects them.
//!
//! # Invariants
//!
//! - One description of the kinds: [`btf::Kind::shape`]. Hashing, equality, references, renumbering and writing derive
//!   from it through `record`; there is no switch over kinds that could forget one.
//! - Nothing depends on the numbers of names or on hashes: they differ from run to run where threads race for them.
//! - Types and strings stand in the order in which pahole comes upon them (`dedup::EmitOrder`, `write`), so that what a kernel says
//!   of BTF over another base does not depend on which of the two encoded it.
//! - What is not encoded is counted ([`Report`]), but for functions and variables that pahole's rules pass over. What cannot be
//!   encoded is an error ([`EncodeError`]).
//! - Input may be anything: every offset and length is checked, nothing is allocated by a length that was not, and what is
//!   followed, references, siblings or aliases, is followed a bounded number of times.
//!
//! gimli gives the numbers of DWARF, and in tests writes it; the walk is our own, since passing over attributes is most of the
//! work.

#![cfg_attr(
    not(test),
    deny(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unreachable, clippy::unwrap_used)
)]

mod base;
mod cu;
mod cu_order;
mod cu_reader;
mod decl_tags;
mod dedup;
mod dwarf;
mod emit;
mod encoded;
mod encoder;
mod error;
mod features;
mod functions;
mod hash;
mod id_table;
mod ids;
mod options;
mod pipeline;
mod report;
mod section;
mod strings;
mod symbols;
mod type_index;
mod variables;

pub use base::PreparedBase;
pub use cu_order::CuOrder;
pub use encoder::{Encoded, Encoder};
pub use error::{EncodeError, Malformed};
pub use features::Features;
pub use options::{Functions, Options};
pub use report::Report;

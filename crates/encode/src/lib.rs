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
//! ElfFile ─ dwarf::file ─ dwarf::abbrev ─ dwarf::visit ─ cu::graph ─ dedup::merge ─ dedup::resolve ─ functions ─ emit
//! sections  CUs,          abbreviations   the walk over  types of    types become   forward          variables  bytes
//!           relocations   as steps        DIEs           one CU      canonical      declarations
//! ```
//!
//! - **Reading** (`dwarf`). `.debug_info` is read CU by CU into one buffer, so it is never in memory as a whole. Each
//!   abbreviation becomes a list of steps, which read the requested attributes and skip runs of the rest by their length. A DIE
//!   of which nothing is requested is skipped with its children. A relocation is looked up where a value is used; DIEs are in
//!   order, so it is a few entries behind the last one. A name is first compared with the one that followed the last name
//!   before, in the base or earlier in the file; only another one is searched for.
//! - **A compilation unit** (`cu`) is a graph of types in one vector of words. Each type is encoded as in BTF (`encoded`), with
//!   names as numbers (`strings`) and references as indexes. Nothing else is kept of a CU's DWARF.
//! - **Deduplication** (`dedup`). CUs are merged into the canonical types one after the other, in the order of the file. A type
//!   that equals a canonical one becomes that type; another one becomes canonical. So memory is needed for different types
//!   only. Equality is libbpf's. The types of a base are canonical from the start: they are hashed once ([`PreparedBase`]), and
//!   not changed afterwards.
//! - **Threads**. Modules are encoded side by side, each by one thread. The CUs of vmlinux are read by several threads and
//!   merged in order (`pipeline`). The bytes depend on neither.
//! - **Selection** (`functions`, `variables`): which functions and variables are written, as pahole selects them.
//! - **Emission** (`emit`): the bytes, which are read again before they leave the encoder.
//! - **Distillation** ([`mod@btf::distill`]), where it is requested: the module gets a base of its own.
//!
//! # Invariants
//!
//! - The kinds are described once, by [`btf::Kind::shape`]. Hashing, equality, references, renumbering and writing are derived from
//!   it in `encoded`, so none of them can forget a kind.
//! - The output depends neither on the numbers of names nor on hashes, which differ from run to run.
//! - Types and strings are in pahole's order (`dedup::emit_order`, `emit::strings`), so the kernel's messages about BTF over
//!   another base do not depend on which of the two encoded it.
//! - What is not encoded is counted ([`Report`]), except functions and variables that pahole's rules skip. What cannot be
//!   encoded is an error ([`EncodeError`]).
//! - Input is hostile: every offset and length is checked, nothing is allocated by an unchecked length, and references, siblings
//!   and aliases are followed a bounded number of times.
//! - Names, strings' offsets, canonical types, types of a CU, DIEs and CUs have ids of different types (`ids`, `cu::reference`,
//!   `cu::die`). What is packed into one word is packed and unpacked in one file.
//! - An internal breach is an error that names its place, and a panic in debug builds.
//! - Modules form no cycle: `dwarf` and `strings` know nothing of `dedup`, which knows nothing of `functions` and `emit`.
//!
//! gimli provides DWARF's constants, and writes DWARF in tests. The walk is our own, since most of the work is to skip attributes.
//! What gimli refuses as malformed is refused here, except unknown kinds of units, which are counted.

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
mod enum_index;
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

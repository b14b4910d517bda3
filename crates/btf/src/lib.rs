//! The BTF format of the Linux kernel: parse, resolve over a base, walk, compare, render as C, write.
//!
//! Everything works on bytes in memory: no files, no ELF. Any input is accepted: it is parsed, or refused with an
//! error that describes the problem and its position. Nothing panics, and nothing is allocated by an unchecked
//! length. Parsed BTF borrows its bytes and adds 4 bytes a type.
//!
//! - [`Btf`] is one parsed `.BTF` section. A module's BTF refers to its base, the kernel's BTF, by ids and string
//!   offsets. It does not identify that base.
//! - [`View`] combines a [`Btf`] with any base, and resolves ids and strings.
//! - [`Type`] is one type. [`Type::fields`] is the only walk over its fields. The typed accessors use the same
//!   description ([`Shape`]).
//! - [`Builder`] writes BTF: identical copies, copies in the other byte order, renumbered types, new types.
//! - [`mod@compare`] compares types, [`mod@c`] writes them as C, [`mod@relocate`] moves a module's BTF to another
//!   base as the kernel does, [`mod@distill`] prepares it for that.
//!
//! The format is that of `include/uapi/linux/btf.h`, kinds 1 to 19, headers of 24 and 32 bytes.
//!
//! ```
//! use btf::{Btf, Builder, Endian, IntData, Kind, Record, StrOff};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A base with one type, and split BTF over it with a pointer to that type.
//! let mut builder = Builder::new(Endian::Little);
//! let name = builder.add_string("int")?;
//! let int = builder.add(&Record::int(name, 4, IntData::new(IntData::SIGNED, 0, 32)))?;
//! let base_bytes = builder.to_bytes()?;
//! let base = Btf::parse(&base_bytes)?;
//!
//! let mut builder = Builder::over(&base);
//! builder.add(&Record::reference(Kind::Ptr, StrOff::NONE, int))?;
//! let split_bytes = builder.to_bytes()?;
//! let split = Btf::parse(&split_bytes)?;
//!
//! // The split's ids continue after the base's.
//! let view = split.over(&base);
//! let (id, pointer) = view.own_types().next().ok_or("no type")?;
//! assert_eq!((id.0, pointer.kind()), (2, Kind::Ptr));
//! let target = pointer.target().and_then(|id| view.get(id)).ok_or("no target")?;
//! assert_eq!(view.name(&target).ok_or("no name")?, "int");
//!
//! // Without the base the same id means another type: the pointer itself.
//! assert!(split.alone().get(int).is_some_and(|ty| ty.kind() == Kind::Ptr));
//! # Ok(())
//! # }
//! ```

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod build;
pub mod c;
pub mod compare;
pub mod distill;
mod element;
mod error;
mod header;
mod id;
mod kind;
mod layout;
mod parsed;
mod record;
pub mod refine;
pub mod relocate;
mod scan;
mod section;
mod shape;
mod ty;
mod view;

pub use bstr::{BStr, BString};

pub use build::{Builder, is_compact};
pub use element::{Elements, Enumerator, Member, Param, SectionVar};
pub use error::{ParseError, WriteError};
pub use header::{Extent, HEADER_LEN, HEADER_LEN_LAYOUT, Header, MAGIC, VERSION};
pub use id::{StrOff, TypeId};
pub use kind::{Info, Kind};
pub use layout::{KindLayout, Layout};
pub use parsed::Btf;
pub use record::Record;
pub use scan::{Scan, Scanned};
pub use section::Section;
pub use shape::{Field, Fields, Role, Shape, TYPE_HEAD, Value};
pub use ty::{Array, IntData, Type};
pub use util::Endian;
pub use view::View;

//! The BTF format: parse, split views, write, names, C rendering, comparison of types. Pure: no files, no ELF.

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
pub mod compare;
mod endian;
mod error;
mod header;
mod id;
mod kind;
mod record;
mod section;
mod shape;
mod ty;
mod view;

pub use bstr::BStr;

pub use build::{Builder, is_compact};
pub use endian::Endian;
pub use error::{ParseError, WriteError};
pub use header::{Extent, HEADER_LEN, HEADER_LEN_LAYOUT, Header, MAGIC, Section, VERSION};
pub use id::{StrOff, TypeId};
pub use kind::{Info, Kind};
pub use record::Record;
pub use section::{Btf, KindLayout, Layout, Scan, Scanned};
pub use shape::{Field, Fields, Role, Shape, TYPE_HEAD, Value};
pub use ty::{Array, Elements, Enumerator, IntData, Member, Param, SectionVar, Type};
pub use view::View;

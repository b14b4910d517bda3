//! The visitor over a CU's DIEs.

use crate::cu::die::{DieOffset, DieReference};
use crate::cu::graph::{Cu, Tagged};
use crate::cu::reference::LocalId;
use crate::dwarf::abbrev::AbbrevPlans;
use crate::dwarf::file::{CuHeader, DwarfFile};
use crate::dwarf::location_window::LocationWindow;
use crate::dwarf::reader::Reader;
use crate::dwarf::request::Requested;
use crate::dwarf::visit::attr_values::Values;
use crate::error::EncodeError;
use crate::report::Report;
use crate::strings::cache::NameCache;
use crate::strings::interner::StringInterner;

/// The most DIEs that lie one in the other.
pub(super) const MAX_NESTING: usize = 1000;

/// A DIE whose children are being read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Frame {
    /// The CU, a namespace, a block: declarations only.
    Scope { in_function: bool },
    /// A function, if it is wanted.
    Function(Option<u32>),
    /// A struct, union, enum or prototype: its elements are from `start` on in the stack of elements.
    Elements { index: LocalId, head: [u32; 3], start: usize },
    /// An array.
    Array { index: LocalId, element: DieReference, count: u32 },
    /// A pointer that may have type tags: the last one's DIE, if there is any.
    Pointer { index: LocalId, target: DieReference, last_tag: Option<DieOffset> },
    /// Something that can only have declaration tags in it.
    Tagged(Option<(Tagged, i32)>),
    /// A DIE none of whose children is wanted.
    Nothing,
}

impl Frame {
    /// Whether there is something to be done behind the children.
    #[inline]
    pub(super) const fn has_end(&self) -> bool {
        matches!(self, Self::Elements { .. } | Self::Array { .. } | Self::Pointer { .. })
    }
}

/// One CU being walked over.
pub(super) struct DieVisitor<'a, 'u> {
    pub(super) file: &'a DwarfFile<'a>,
    pub(super) names: &'a StringInterner<'a>,
    pub(super) wanted: &'a Requested,
    pub(super) head: &'a CuHeader,
    pub(super) reader: Reader<'a>,
    pub(super) plans: &'a AbbrevPlans,
    pub(super) cursor: usize,
    /// Where the CU begins in `.debug_info`.
    pub(super) base: DieOffset,
    pub(super) is_rust: bool,
    pub(super) string_offsets: u64,
    pub(super) addresses: u64,
    pub(super) lists: u64,
    pub(super) frames: &'u mut Vec<Frame>,
    pub(super) elements: &'u mut Vec<u32>,
    pub(super) enums: &'u mut Vec<(LocalId, DieOffset)>,
    pub(super) window: &'u mut LocationWindow,
    pub(super) name_cache: &'u mut NameCache,
    pub(super) cu: &'u mut Cu,
    pub(super) report: &'u mut Report,
    pub(super) values: Values,
}

/// Boxed, so that results of every step fit into registers.
pub(super) type Result<T, E = Box<EncodeError>> = std::result::Result<T, E>;

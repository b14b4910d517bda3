//! The layout section: the lengths of types, for readers that do not know their kinds.

use crate::Section;
use crate::header::Header;
use crate::shape::TYPE_HEAD;
use crate::{Endian, ParseError};

/// The layout section: the lengths of types by kind.
#[derive(Debug, Clone, Copy)]
pub struct Layout<'a> {
    bytes: &'a [u8],
    endian: Endian,
}

/// An entry of the layout section (`struct btf_layout` in `include/uapi/linux/btf.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KindLayout {
    /// The number of bytes between a type's first three words and its elements.
    pub fixed: u8,
    /// The number of bytes of each element.
    pub element: u8,
    /// Flags; none is defined.
    pub flags: u16,
}

impl<'a> Layout<'a> {
    /// The layout section that a header refers to.
    pub(crate) fn of(header: &Header, bytes: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self { bytes: header.section(bytes, Section::Layout)?, endian: header.endian })
    }

    /// The section as it was parsed.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The entry of a kind, by its number.
    #[must_use]
    pub fn get(&self, kind: u8) -> Option<KindLayout> {
        self.iter().nth(usize::from(kind))
    }

    /// All entries, by kind number from 0 on. An incomplete entry at the end is ignored.
    pub fn iter(&self) -> impl Iterator<Item = KindLayout> + Clone + use<'a> {
        let endian = self.endian;
        self.bytes.as_chunks().0.iter().map(move |&[fixed, element, f0, f1]| KindLayout {
            fixed,
            element,
            flags: endian.read_u16([f0, f1]),
        })
    }
}

impl KindLayout {
    /// The length of a type with this vlen, in bytes.
    pub(crate) fn len(self, vlen: u32) -> u64 {
        let elements = u64::from(vlen).saturating_mul(u64::from(self.element));
        elements.saturating_add(u64::from(self.fixed)).saturating_add(TYPE_HEAD as u64)
    }
}

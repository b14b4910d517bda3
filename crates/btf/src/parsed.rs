//! Parsed BTF: its sections, and the position of each type.

use core::fmt;

use crate::Section;
use crate::header::{Header, VERSION};
use crate::{Endian, Layout, ParseError, Scan, Type};

/// Parsed BTF: one `.BTF` section, not yet combined with a base.
///
/// It borrows the bytes and adds 4 bytes a type. Ids and string offsets depend on a base, so a [`View`](crate::View)
/// resolves them: [`Btf::alone`] for BTF without a base, [`Btf::over`] for split BTF over any base.
#[derive(Clone)]
pub struct Btf<'a> {
    bytes: &'a [u8],
    header: Header,
    types: &'a [u8],
    strings: &'a [u8],
    layout: Layout<'a>,
    /// The offset of each type in `types`.
    index: Box<[u32]>,
}

impl<'a> Btf<'a> {
    /// Parses BTF, split or not. Split BTF is not marked as such, and needs its base only for resolving.
    ///
    /// # Errors
    /// The structure is invalid: see [`ParseError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let header = Header::parse(bytes)?;
        if header.version != VERSION {
            return Err(ParseError::Version { found: header.version });
        }
        let types = header.section(bytes, Section::Types)?;
        let strings = header.section(bytes, Section::Strings)?;
        let layout = Layout::of(&header, bytes)?;
        let index: Result<_, _> = Scan::new(header, bytes)?.map(|scanned| Ok(scanned?.start)).collect();
        Ok(Self { bytes, header, types, strings, layout, index: index? })
    }

    /// The parsed bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The bytes of the header, up to its length field.
    #[must_use]
    pub fn header_bytes(&self) -> &'a [u8] {
        let length = usize::try_from(self.header.length).ok();
        length.and_then(|length| self.bytes.get(..length)).unwrap_or_default()
    }

    /// The byte order.
    #[must_use]
    pub const fn endian(&self) -> Endian {
        self.header.endian
    }

    /// The type section.
    #[must_use]
    pub const fn types_bytes(&self) -> &'a [u8] {
        self.types
    }

    /// The string section with the length from the header, even if its last string has no end.
    #[must_use]
    pub const fn strings(&self) -> &'a [u8] {
        self.strings
    }

    /// The layout section; empty if there is none.
    #[must_use]
    pub const fn layout(&self) -> Layout<'a> {
        self.layout
    }

    /// The number of its own types, without `void` and without a base's.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.index.len()).unwrap_or(u32::MAX)
    }

    /// Whether it has no types.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Its own type at this position, counted from 0.
    #[must_use]
    pub fn nth(&self, place: u32) -> Option<Type<'a>> {
        let place = usize::try_from(place).ok()?;
        let start = *self.index.get(place)?;
        let next = place.checked_add(1).and_then(|next| self.index.get(next));
        let end = next.map_or(Some(self.types.len()), |&next| usize::try_from(next).ok())?;
        Some(Type::new(self.types.get(usize::try_from(start).ok()?..end)?, self.header.endian))
    }

    /// Its own types in order.
    pub fn iter(&self) -> impl Iterator<Item = Type<'a>> + Clone + use<'a, '_> {
        (0..self.len()).filter_map(|place| self.nth(place))
    }

    /// The size in bytes of the heap memory of this value, without the borrowed bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.index)
    }
}

impl fmt::Debug for Btf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Btf").field("header", &self.header).field("types", &self.len()).finish_non_exhaustive()
    }
}

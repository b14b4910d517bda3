//! The header: 24 bytes, 32 with a layout section, or the length in its length field.

use core::ops::Range;

use crate::{Endian, ParseError, Section};

/// The magic at the start, in the byte order of the whole BTF.
pub const MAGIC: u16 = 0xeb9f;
/// The only version of the format.
pub const VERSION: u8 = 1;
/// The length of a header without a layout section, in bytes.
pub const HEADER_LEN: u32 = 24;
/// The length of a header with a layout section, in bytes.
pub const HEADER_LEN_LAYOUT: u32 = 32;

/// The number of header bytes that this crate interprets.
pub(crate) const KNOWN: usize = HEADER_LEN_LAYOUT as usize;
/// The number of header bytes needed to read its length field.
const LEAST: u32 = 8;

/// A section's extent: length, and offset from the end of the header, both in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Extent {
    /// Its offset.
    pub offset: u32,
    /// Its length.
    pub length: u32,
}

/// A header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// The byte order of the whole BTF.
    pub endian: Endian,
    /// The version: [`VERSION`].
    pub version: u8,
    /// Flags; none is defined.
    pub flags: u8,
    /// The length of the header itself, in bytes.
    pub length: u32,
    /// The type section.
    pub types: Extent,
    /// The string section.
    pub strings: Extent,
    /// The layout section. All 0 if there is none, or if the header has fewer than 32 bytes.
    pub layout: Extent,
}

impl Header {
    /// Parses only the header: any version, any flags, any section offsets.
    ///
    /// If a header is shorter than 24 bytes, the rest counts as zeros, as in `btf_parse_hdr` in `kernel/bpf/btf.c`.
    ///
    /// # Errors
    /// There are too few bytes, the magic is wrong, or the header's length is less than 8.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let short = |needed: u32| ParseError::ShortHeader { available: bytes.len(), needed: u64::from(needed) };
        let &[m0, m1, version, flags, l0, l1, l2, l3] = bytes.first_chunk().ok_or_else(|| short(LEAST))?;
        let endian = match u16::from_le_bytes([m0, m1]) {
            MAGIC => Endian::Little,
            found if found.swap_bytes() == MAGIC => Endian::Big,
            found => return Err(ParseError::Magic { found }),
        };
        let length = endian.read_u32([l0, l1, l2, l3]);
        if length < LEAST {
            return Err(ParseError::HeaderLength { length });
        }
        let there = usize::try_from(length).ok().and_then(|length| bytes.get(..length)).ok_or_else(|| short(length))?;
        let mut known = [0; KNOWN];
        known.iter_mut().zip(there).for_each(|(to, from)| *to = *from);
        let [_, _, type_off, type_len, str_off, str_len, layout_off, layout_len] =
            read_words(&known).map(|word| endian.read_u32(word));
        let layout = match length >= HEADER_LEN_LAYOUT {
            true => Extent { offset: layout_off, length: layout_len },
            false => Extent::default(),
        };
        Ok(Self {
            endian,
            version,
            flags,
            length,
            types: Extent { offset: type_off, length: type_len },
            strings: Extent { offset: str_off, length: str_len },
            layout,
        })
    }

    /// The extent of a section.
    #[must_use]
    pub const fn extent(&self, section: Section) -> Extent {
        match section {
            Section::Types => self.types,
            Section::Strings => self.strings,
            Section::Layout => self.layout,
        }
    }

    pub(crate) const fn extent_mut(&mut self, section: Section) -> &mut Extent {
        match section {
            Section::Types => &mut self.types,
            Section::Strings => &mut self.strings,
            Section::Layout => &mut self.layout,
        }
    }

    /// A section's range in bytes from the start of the header.
    #[must_use]
    pub fn range(&self, section: Section) -> Range<u64> {
        let Extent { offset, length } = self.extent(section);
        let start = u64::from(self.length).saturating_add(u64::from(offset));
        start..start.saturating_add(u64::from(length))
    }

    /// The bytes of a section. A section of length 0 may have any offset.
    pub(crate) fn section<'a>(&self, bytes: &'a [u8], section: Section) -> Result<&'a [u8], ParseError> {
        let range = self.range(section);
        let length = self.extent(section).length;
        if length == 0 {
            return Ok(&[]);
        }
        let there = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
        there.and_then(|(start, end)| bytes.get(start..end)).ok_or(ParseError::SectionBounds {
            section,
            offset: range.start,
            length,
            available: bytes.len(),
        })
    }

    /// The known part of the header as written. [`Header::length`] may be shorter or longer.
    pub(crate) fn known_bytes(&self) -> [u8; KNOWN] {
        let word = |value| self.endian.write_u32(value);
        let mut first = [0; 4];
        let magic = self.endian.write_u16(MAGIC);
        let bytes = [magic[0], magic[1], self.version, self.flags];
        first.copy_from_slice(&bytes);
        let words = [
            first,
            word(self.length),
            word(self.types.offset),
            word(self.types.length),
            word(self.strings.offset),
            word(self.strings.length),
            word(self.layout.offset),
            word(self.layout.length),
        ];
        let mut known = [0; KNOWN];
        known.as_chunks_mut().0.iter_mut().zip(words).for_each(|(to, from)| *to = from);
        known
    }
}

fn read_words(bytes: &[u8; KNOWN]) -> [[u8; 4]; KNOWN / 4] {
    let mut words = [[0; 4]; KNOWN / 4];
    words.iter_mut().zip(bytes.as_chunks().0).for_each(|(to, from)| *to = *from);
    words
}

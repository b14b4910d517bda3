//! Parsed BTF: the sections, and where in them each type begins.

use bstr::{BStr, ByteSlice};

use crate::header::{Header, Section, VERSION};
use crate::shape::TYPE_HEAD;
use crate::{Endian, ParseError, Type, View};

/// Parsed BTF: what one `.BTF` section holds, not yet put over a base.
///
/// It borrows the bytes and adds 4 bytes a type. Ids and string offsets get their meaning from a base, so they are resolved
/// by a [`View`]: [`Btf::alone`] for BTF that needs no base, [`Btf::over`] for split BTF, over any base.
#[derive(Debug, Clone)]
pub struct Btf<'a> {
    bytes: &'a [u8],
    header: Header,
    types: &'a [u8],
    strings: &'a [u8],
    layout: Layout<'a>,
    /// Where each type begins in `types`.
    index: Box<[u32]>,
}

impl<'a> Btf<'a> {
    /// Parses BTF, split or not. Split BTF does not say that it is, and needs its base only for resolving.
    ///
    /// # Errors
    /// The structure cannot be followed: see [`ParseError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let header = Header::parse(bytes)?;
        if header.version != VERSION {
            return Err(ParseError::Version { found: header.version });
        }
        let types = header.section(bytes, Section::Types)?;
        let strings = header.section(bytes, Section::Strings)?;
        let layout = Layout::new(header.section(bytes, Section::Layout)?, header.endian);
        let mut index = Vec::new();
        for start in (Scan { header, types, layout, offset: 0, ordinal: 0 }) {
            index.push(start?.start);
        }
        Ok(Self { bytes, header, types, strings, layout, index: index.into_boxed_slice() })
    }

    /// What was parsed.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The bytes of the header, as many as it says it has.
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

    /// The string section: as long as the header says, even if its last string has no end.
    #[must_use]
    pub const fn strings(&self) -> &'a [u8] {
        self.strings
    }

    /// The layout section; empty without one.
    #[must_use]
    pub const fn layout(&self) -> Layout<'a> {
        self.layout
    }

    /// How many types it holds itself, without `void` and without a base's.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.index.len()).unwrap_or(u32::MAX)
    }

    /// Whether it holds no types.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The type in this place, counted from 0 among its own types.
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

    /// The string at an offset of its own string section: up to its NUL. `None` past the section's end or if the string
    /// has no end.
    #[must_use]
    pub fn own_string(&self, offset: u32) -> Option<&'a BStr> {
        let rest = self.strings.get(usize::try_from(offset).ok()?..)?;
        let end = rest.find_byte(0)?;
        rest.get(..end).map(BStr::new)
    }

    /// Resolves without a base.
    #[must_use]
    pub const fn alone(&self) -> View<'_> {
        View::alone(self)
    }

    /// Resolves over a base: ids go on after the base's, string offsets after the base's string section.
    #[must_use]
    pub const fn over<'v>(&'v self, base: &'v Btf<'v>) -> View<'v> {
        View::over(self, base)
    }

    /// The heap that this value holds besides the bytes that it borrows, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.index)
    }
}

/// The layout section: how long the types of each kind are.
#[derive(Debug, Clone, Copy)]
pub struct Layout<'a> {
    bytes: &'a [u8],
    endian: Endian,
}

/// An entry of the layout section (`struct btf_layout` in `include/uapi/linux/btf.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KindLayout {
    /// The bytes between a type's head and its elements.
    pub fixed: u8,
    /// The bytes of each of the vlen elements.
    pub element: u8,
    /// Flags; none is defined.
    pub flags: u16,
}

impl<'a> Layout<'a> {
    const fn new(bytes: &'a [u8], endian: Endian) -> Self {
        Self { bytes, endian }
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

    /// All entries, in the order of the kinds' numbers from 0 on. Bytes after the last whole entry are left out.
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
    fn len(self, vlen: u32) -> u64 {
        let elements = u64::from(vlen).saturating_mul(u64::from(self.element));
        elements.saturating_add(u64::from(self.fixed)).saturating_add(TYPE_HEAD as u64)
    }
}

/// Steps over a type section type by type, without an index: for what has to be looked at although it cannot be walked to
/// its end. After an error it ends.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    header: Header,
    types: &'a [u8],
    layout: Layout<'a>,
    offset: usize,
    ordinal: u32,
}

/// A type that a [`Scan`] came by.
#[derive(Debug, Clone, Copy)]
pub struct Scanned<'a> {
    /// Where it begins in the type section, in bytes.
    pub start: u32,
    /// The type.
    pub ty: Type<'a>,
}

impl<'a> Scan<'a> {
    /// Scans the types that a header announces.
    ///
    /// # Errors
    /// The type or the layout section lies outside the bytes.
    pub fn new(header: Header, bytes: &'a [u8]) -> Result<Self, ParseError> {
        let types = header.section(bytes, Section::Types)?;
        let layout = Layout::new(header.section(bytes, Section::Layout)?, header.endian);
        Ok(Self { header, types, layout, offset: 0, ordinal: 0 })
    }

    fn step(&self, rest: &'a [u8]) -> Result<&'a [u8], ParseError> {
        let position = self.header.range(Section::Types).start.saturating_add(self.offset as u64);
        let (ordinal, offset) = (self.ordinal.saturating_add(1), position);
        let short = |needed| ParseError::ShortType { ordinal, offset, needed, available: rest.len() };
        let head: &[u8; TYPE_HEAD] = rest.first_chunk().ok_or_else(|| short(TYPE_HEAD as u64))?;
        let info = Type::new(head, self.header.endian).info();
        let kind = info.kind();
        let length = match kind.shape() {
            Some(shape) => shape.len(info.vlen()),
            None => {
                let unknown = ParseError::UnknownKind { ordinal, offset, kind: kind.number() };
                self.layout.get(kind.number()).ok_or(unknown)?.len(info.vlen())
            }
        };
        usize::try_from(length).ok().and_then(|length| rest.get(..length)).ok_or_else(|| short(length))
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Result<Scanned<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.types.get(self.offset..).filter(|rest| !rest.is_empty())?;
        match self.step(rest) {
            Ok(bytes) => {
                let start = u32::try_from(self.offset).unwrap_or(u32::MAX);
                self.offset = self.offset.saturating_add(bytes.len());
                self.ordinal = self.ordinal.saturating_add(1);
                Some(Ok(Scanned { start, ty: Type::new(bytes, self.header.endian) }))
            }
            Err(error) => {
                self.offset = self.types.len();
                Some(Err(error))
            }
        }
    }
}

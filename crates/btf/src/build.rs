//! Writing BTF: new types, copies, another byte order, with or without a base.

use std::collections::HashMap;

use bstr::ByteSlice;

use crate::header::{Extent, HEADER_LEN, HEADER_LEN_LAYOUT, Header, KNOWN, VERSION};
use crate::{Btf, Endian, Field, KindLayout, Record, Role, Section, StrOff, Type, TypeId, View, WriteError};

/// BTF being written: types in the order in which they are added, strings without duplicates.
#[derive(Debug, Clone)]
pub struct Builder<'b> {
    base: Option<&'b Btf<'b>>,
    header: Header,
    /// The bytes of the header after its known part.
    header_tail: Vec<u8>,
    order: [Section; 3],
    count: u32,
    types: Vec<u8>,
    strings: Vec<u8>,
    layout: Vec<u8>,
    /// The offset of each string, including the base's. Filled when the first string is added.
    known: Option<HashMap<Box<[u8]>, StrOff>>,
}

/// The order in which the sections are written, unless a copy has another. It is libbpf's.
const ORDER: [Section; 3] = [Section::Types, Section::Layout, Section::Strings];

impl<'b> Builder<'b> {
    /// BTF without a base: no types, and the empty string.
    #[must_use]
    pub fn new(endian: Endian) -> Self {
        Self { strings: vec![0], ..Self::empty(endian, None) }
    }

    /// Split BTF over a base, in its byte order: no types, no strings.
    #[must_use]
    pub fn over(base: &'b Btf<'b>) -> Self {
        Self::empty(base.endian(), Some(base))
    }

    /// A copy of a view's own BTF. The view's base matters only for types and strings added to the copy.
    ///
    /// If the original [`is_compact`], the copy has the same bytes. Otherwise it has the same types and strings, but
    /// a header of a standard length and no bytes between the sections.
    ///
    /// # Errors
    /// None: everything that was parsed can be copied. The error type is that of [`Builder::copy_in`], which this
    /// calls.
    pub fn copy_of(view: View<'b>) -> Result<Self, WriteError> {
        Self::copy_in(view, view.own().endian())
    }

    /// Like [`Builder::copy_of`], in the given byte order.
    ///
    /// # Errors
    /// The byte order changes, and part of the BTF is of an unknown form and cannot be swapped.
    pub fn copy_in(view: View<'b>, endian: Endian) -> Result<Self, WriteError> {
        let from = view.own();
        let length = if from.header().length < HEADER_LEN_LAYOUT { HEADER_LEN } else { from.header().length };
        let header = Header { endian, length, ..*from.header() };
        let header_tail = from.header_bytes().get(KNOWN..).unwrap_or_default().to_vec();
        if endian != from.endian() && !header_tail.is_empty() {
            return Err(WriteError::OpaqueHeader { length });
        }
        let mut copy = Self {
            header,
            header_tail,
            order: order_of(from.header()),
            types: Vec::with_capacity(from.types_bytes().len()),
            strings: from.strings().to_vec(),
            ..Self::empty(endian, view.base())
        };
        if endian == from.endian() {
            copy.layout = from.layout().bytes().to_vec();
        } else {
            from.layout().iter().for_each(|entry| copy.push_layout(entry));
        }
        for ty in from.iter() {
            copy.add_mapped(&ty, |field| field.raw)?;
        }
        Ok(copy)
    }

    /// Extends the header to 32 bytes and adds a layout section with an entry for each kind, from 0 on.
    pub fn set_layout(&mut self, entries: impl IntoIterator<Item = KindLayout>) {
        self.header.length = self.header.length.max(HEADER_LEN_LAYOUT);
        self.layout.clear();
        entries.into_iter().for_each(|entry| self.push_layout(entry));
    }

    /// The id of the next type.
    #[must_use]
    pub fn next_id(&self) -> TypeId {
        TypeId(self.base.map_or(0, Btf::len).saturating_add(1).saturating_add(self.count))
    }

    /// The offset of a string: the base's, that of a string added before, or that of a new one. Only whole strings
    /// are reused, not tails.
    ///
    /// # Errors
    /// The string contains a NUL, or the string section would exceed 4 GiB.
    pub fn add_string(&mut self, string: impl AsRef<[u8]>) -> Result<StrOff, WriteError> {
        let string = string.as_ref();
        if let Some(position) = string.find_byte(0) {
            return Err(WriteError::NulInString { position });
        }
        if string.is_empty() {
            return Ok(StrOff::NONE);
        }
        let first = self.base.map_or(0, |base| base.header().strings.length);
        let known = self.known.get_or_insert_with(|| {
            let base = self.base.map_or(&[][..], |base| base.strings());
            let mut known = HashMap::new();
            index_strings(&mut known, base, 0);
            index_strings(&mut known, &self.strings, first);
            known
        });
        if let Some(&offset) = known.get(string) {
            return Ok(offset);
        }
        let offset = u32::try_from(self.strings.len()).ok().and_then(|own| own.checked_add(first));
        let offset = StrOff(offset.ok_or(WriteError::TooLong { section: Section::Strings })?);
        known.insert(string.into(), offset);
        self.strings.extend_from_slice(string);
        self.strings.push(0);
        Ok(offset)
    }

    /// Adds a type.
    ///
    /// # Errors
    /// The record does not match its kind, or there are too many types.
    pub fn add(&mut self, record: &Record) -> Result<TypeId, WriteError> {
        let id = self.next_id();
        record.write(self.header.endian, &mut self.types)?;
        self.count = self.count.saturating_add(1);
        Ok(id)
    }

    /// Adds a type from another BTF. Every field except the info word passes through `map`, which renumbers ids and
    /// string offsets.
    ///
    /// # Errors
    /// The type's byte order differs and its kind is unknown.
    pub fn add_mapped(&mut self, ty: &Type<'_>, mut map: impl FnMut(Field) -> u32) -> Result<TypeId, WriteError> {
        if ty.endian() != self.header.endian && ty.kind().shape().is_none() {
            return Err(WriteError::OpaqueKind { kind: ty.kind().number() });
        }
        let id = self.next_id();
        for field in ty.fields() {
            let raw = if field.role == Role::Info { field.raw } else { map(field) };
            self.types.extend(self.header.endian.write_u32(raw));
        }
        self.types.extend_from_slice(ty.bytes().as_chunks::<4>().1);
        self.count = self.count.saturating_add(1);
        Ok(id)
    }

    /// Writes all sections.
    ///
    /// # Errors
    /// A section is too long for its length field.
    pub fn to_bytes(&self) -> Result<Vec<u8>, WriteError> {
        let lengths = |section| {
            let length = self.section(section).len();
            u32::try_from(length).map_err(|_| WriteError::TooLong { section })
        };
        let mut header = self.header;
        place(&mut header, self.order, lengths)?;
        let mut bytes = header.known_bytes().to_vec();
        bytes.extend_from_slice(&self.header_tail);
        bytes.truncate(usize::try_from(header.length).unwrap_or(usize::MAX));
        for section in self.order {
            let start = usize::try_from(header.range(section).start).unwrap_or(usize::MAX);
            if !self.section(section).is_empty() {
                bytes.resize(start, 0);
                bytes.extend_from_slice(self.section(section));
            }
        }
        Ok(bytes)
    }

    fn empty(endian: Endian, base: Option<&'b Btf<'b>>) -> Self {
        let (types, strings, layout) = Default::default();
        let header = Header { endian, version: VERSION, flags: 0, length: HEADER_LEN, types, strings, layout };
        Self {
            base,
            header,
            header_tail: Vec::new(),
            order: ORDER,
            count: 0,
            types: Vec::new(),
            strings: Vec::new(),
            layout: Vec::new(),
            known: None,
        }
    }

    fn push_layout(&mut self, entry: KindLayout) {
        self.layout.extend([entry.fixed, entry.element]);
        self.layout.extend(self.header.endian.write_u16(entry.flags));
    }

    fn section(&self, section: Section) -> &[u8] {
        match section {
            Section::Types => &self.types,
            Section::Strings => &self.strings,
            Section::Layout => &self.layout,
        }
    }
}

/// Whether BTF consists of its sections without gaps.
///
/// The exact conditions: a header of 24 bytes or of 32 and more; types and layout each begin at the next multiple of
/// 4 bytes, after zeros; no byte follows the last section. Every encoder writes BTF in this form, and
/// [`Builder::copy_of`] reproduces such BTF exactly.
#[must_use]
pub fn is_compact(btf: &Btf<'_>) -> bool {
    let header = *btf.header();
    if header.length != HEADER_LEN && header.length < HEADER_LEN_LAYOUT {
        return false;
    }
    let order = order_of(&header);
    let mut placed = header;
    if place(&mut placed, order, |section| Ok(header.extent(section).length)).is_err() {
        return false;
    }
    if placed.known_bytes().iter().zip(btf.header_bytes()).any(|(placed, written)| placed != written) {
        return false;
    }
    let mut end = u64::from(header.length);
    for section in order.into_iter().filter(|&section| header.extent(section).length > 0) {
        let range = header.range(section);
        let gap = usize::try_from(end).ok().zip(usize::try_from(range.start).ok());
        let gap = gap.and_then(|(end, start)| btf.bytes().get(end..start));
        if !gap.is_some_and(|gap| gap.iter().all(|&byte| byte == 0)) {
            return false;
        }
        end = range.end;
    }
    end == btf.bytes().len() as u64
}

fn order_of(header: &Header) -> [Section; 3] {
    let mut order = ORDER;
    order.sort_by_key(|&section| {
        let Extent { offset, length } = header.extent(section);
        (offset, length)
    });
    order
}

/// Places each section after the previous one. An empty layout section keeps its offset.
fn place(
    header: &mut Header,
    order: [Section; 3],
    length: impl Fn(Section) -> Result<u32, WriteError>,
) -> Result<(), WriteError> {
    let mut next = 0u32;
    for section in order {
        let too_long = WriteError::TooLong { section };
        let length = length(section)?;
        if section == Section::Layout && length == 0 {
            header.layout.length = 0;
            continue;
        }
        let aligned = if section == Section::Strings { Some(next) } else { next.checked_next_multiple_of(4) };
        let offset = aligned.ok_or_else(|| too_long.clone())?;
        next = offset.checked_add(length).ok_or(too_long)?;
        *header.extent_mut(section) = Extent { offset, length };
    }
    Ok(())
}

/// Records the offset of each string of a section. For equal strings, the first one counts.
fn index_strings(known: &mut HashMap<Box<[u8]>, StrOff>, strings: &[u8], first: u32) {
    let mut offset = first;
    for string in strings.split_inclusive(|&byte| byte == 0) {
        if let Some(string) = string.strip_suffix(&[0]) {
            known.entry(string.into()).or_insert(StrOff(offset));
        }
        offset = offset.saturating_add(u32::try_from(string.len()).unwrap_or(u32::MAX));
    }
}

//! Scanning the type section.

use crate::Section;
use crate::header::Header;
use crate::shape::TYPE_HEAD;
use crate::{Layout, ParseError, Type};

/// Steps through a type section without an index, for a section that may not be readable to its end. It ends after
/// the first error.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    header: Header,
    types: &'a [u8],
    layout: Layout<'a>,
    offset: usize,
    ordinal: u32,
}

/// A type found by a [`Scan`].
#[derive(Debug, Clone, Copy)]
pub struct Scanned<'a> {
    /// Its offset in the type section, in bytes.
    pub start: u32,
    /// The type.
    pub ty: Type<'a>,
}

impl<'a> Scan<'a> {
    /// Scans the types that a header refers to.
    ///
    /// # Errors
    /// The type section or the layout section extends beyond the bytes.
    pub fn new(header: Header, bytes: &'a [u8]) -> Result<Self, ParseError> {
        let types = header.section(bytes, Section::Types)?;
        let layout = Layout::of(&header, bytes)?;
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

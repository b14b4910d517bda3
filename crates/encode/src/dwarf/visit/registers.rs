//! Whether parameters are passed as the processor's calling convention says.

use gimli::constants as dw;

use super::{Result, Walk};
use crate::EncodeError;
use crate::dwarf::file::Lists;
use crate::dwarf::form;
use crate::dwarf::locations::Search;
use crate::dwarf::reader::Reader;
use crate::dwarf::shape::Attr;

/// Part of the lists of locations: those of neighbouring parameters lie side by side.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// Which section, and where in it the part begins.
    start: Option<(usize, u64)>,
    bytes: Vec<u8>,
}

/// How much of the lists is read at once, in bytes.
const WINDOW: u64 = 1 << 16;

impl Window {
    /// What is there from an offset on, and whether that is all there is.
    fn get(&mut self, lists: &Lists<'_>, offset: u64, least: u64) -> Result<(&[u8], bool)> {
        let Lists { section, content, .. } = lists;
        let left = content.len().saturating_sub(offset);
        let wanted = least.min(left);
        let inside = self.start.filter(|&(of, start)| of == *section && start <= offset);
        let inside = inside.map(|(_, start)| offset.saturating_sub(start));
        let has = |within: u64| (self.bytes.len() as u64).saturating_sub(within) >= wanted;
        let within = match inside.filter(|&within| has(within)) {
            Some(within) => within,
            None => {
                self.start = None;
                let length = least.max(WINDOW).min(left);
                content.read(offset.min(content.len()), length, &mut self.bytes).map_err(EncodeError::from)?;
                self.start = Some((*section, offset));
                0
            }
        };
        let part = self.bytes.get(usize::try_from(within).unwrap_or(usize::MAX)..).unwrap_or_default();
        let is_all = part.len() as u64 >= left;
        Ok((part, is_all))
    }
}

/// How long a list is taken to be at first, in bytes.
const LIST: u64 = 256;

impl Walk<'_, '_> {
    /// Whether the parameter that was read lies, when its function begins, in another register than the one with this number.
    #[inline(never)]
    pub(super) fn is_elsewhere(&mut self, expected: u8) -> Result<bool> {
        let Some(value) = self.values.get(Attr::Location) else { return Ok(false) };
        let mut search = Search::new(expected, self.head.encoding, self.file.elf.is_little_endian());
        match self.values.form(Attr::Location) {
            form @ (dw::DW_FORM_exprloc | dw::DW_FORM_block | dw::DW_FORM_block1 | dw::DW_FORM_block2) => {
                let mut reader = self.reader.at(usize::try_from(value).unwrap_or(usize::MAX));
                let expression = form::block(&mut reader, form).map_err(|error| self.malformed(error))?;
                search.expression(expression);
            }
            dw::DW_FORM_sec_offset => {
                let offset = self.section_offset(Attr::Location)?.unwrap_or(u64::MAX);
                self.search_list(&mut search, offset)?;
            }
            dw::DW_FORM_data4 | dw::DW_FORM_data8 => self.search_list(&mut search, value)?,
            dw::DW_FORM_loclistx => {
                let offset = self.indexed_list(value)?;
                self.search_list(&mut search, offset)?;
            }
            form => self.report.unsupported_form(form),
        }
        Ok(search.is_elsewhere())
    }

    /// Where the list with this index begins.
    fn indexed_list(&mut self, index: u64) -> Result<u64> {
        let Some(lists) = self.file.locations.as_ref() else { return Ok(u64::MAX) };
        let size = self.head.encoding.offset_size;
        let at = index.saturating_mul(u64::from(size)).saturating_add(self.lists);
        let little = self.file.elf.is_little_endian();
        let (bytes, _) = self.window.get(lists, at, u64::from(size))?;
        let offset = Reader::new(bytes, little).word(size);
        Ok(offset.map_or(u64::MAX, |offset| offset.saturating_add(self.lists)))
    }

    /// Takes the list at an offset into account. One that lies outside the section says nothing, and one that is cut as much as
    /// there is of it.
    fn search_list(&mut self, search: &mut Search, offset: u64) -> Result<()> {
        let Self { file, head, window, .. } = self;
        let is_old = head.encoding.version < 5;
        let lists = if is_old { file.old_locations.as_ref() } else { file.locations.as_ref() };
        let Some(lists) = lists else { return Ok(()) };
        let is_relocated = |at: usize| lists.relocations.has(offset.saturating_add(at as u64));
        let mut least = LIST;
        loop {
            let (bytes, is_all) = window.get(lists, offset, least)?;
            let mut again = search.clone();
            let mut reader = Reader::new(bytes, file.elf.is_little_endian());
            let end = if is_old { again.old_list(&mut reader, is_relocated) } else { again.list(&mut reader) };
            if end.is_ok() || is_all {
                *search = again;
                return Ok(());
            }
            least = (bytes.len() as u64).max(least).saturating_mul(2);
        }
    }
}

//! Whether parameters are passed as the processor's calling convention says.

use gimli::constants as dw;

use crate::dwarf::abbrev::Attr;
use crate::dwarf::form;
use crate::dwarf::locations::RegisterSearch;
use crate::dwarf::reader::Reader;
use crate::dwarf::visit::visitor::{DieVisitor, Result};
use crate::symbols::endian_of;

/// How long a list is taken to be at first, in bytes.
const LIST: u64 = 256;

impl DieVisitor<'_, '_> {
    /// Whether the parameter that was read lies, when its function begins, in another register than the one with this number.
    #[inline(never)]
    pub(super) fn unexpected_reg(&mut self, expected: u8) -> Result<bool> {
        let Some(value) = self.values.get(Attr::Location) else { return Ok(false) };
        let mut search = RegisterSearch::new(expected, self.head.encoding, endian_of(self.file.elf));
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
        Ok(search.unexpected_reg())
    }

    /// Where the list with this index begins.
    fn indexed_list(&mut self, index: u64) -> Result<u64> {
        let Some(lists) = self.file.locations.as_ref() else { return Ok(u64::MAX) };
        let size = self.head.encoding.offset_size;
        // What leads beyond all numbers leads outside of the section, as the largest number does; so below.
        let at = index.saturating_mul(u64::from(size)).saturating_add(self.lists);
        let endian = endian_of(self.file.elf);
        let (bytes, _) = self.window.get(lists, at, u64::from(size))?;
        let offset = Reader::new(bytes, endian).word(size);
        Ok(offset.map_or(u64::MAX, |offset| offset.saturating_add(self.lists)))
    }

    /// Takes the list at an offset into account. A list outside of the section is ignored, and of a cut list the part that exists is
    /// used.
    fn search_list(&mut self, search: &mut RegisterSearch, offset: u64) -> Result<()> {
        let Self { file, head, window, .. } = self;
        let is_old = head.encoding.version < 5;
        let lists = if is_old { file.old_locations.as_ref() } else { file.locations.as_ref() };
        let Some(lists) = lists else { return Ok(()) };
        let is_relocated = |at: usize| lists.relocations.has(offset + at as u64);
        let mut least = LIST;
        loop {
            let (bytes, is_all) = window.get(lists, offset, least)?;
            let mut again = search.clone();
            let mut reader = Reader::new(bytes, endian_of(file.elf));
            let end = if is_old { again.old_list(&mut reader, is_relocated) } else { again.list(&mut reader) };
            if end.is_ok() || is_all {
                *search = again;
                return Ok(());
            }
            least = (bytes.len() as u64).max(least) * 2;
        }
    }
}

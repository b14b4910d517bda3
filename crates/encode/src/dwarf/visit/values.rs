//! Reads the attributes of a DIE: names, references and numbers.

use gimli::{DwForm, constants as dw};

use crate::cu::die::DieReference;
use crate::dwarf::abbrev::{AbbrevPlan, Attr, AttrStep};
use crate::dwarf::form;
use crate::dwarf::visit::visitor::{DieVisitor, Result};
use crate::error::{EncodeError, Malformed};
use crate::ids::NameId;

impl DieVisitor<'_, '_> {
    /// Reads what is wanted of a DIE.
    #[inline]
    pub(super) fn read(&mut self, plan: &AbbrevPlan) -> Result<()> {
        self.values.seen = 0;
        for step in self.plans.reading(plan) {
            match *step {
                AttrStep::Bytes(bytes) => self.reader.skip(bytes as usize),
                AttrStep::Value(form) => form::skip(&mut self.reader, form, self.head.encoding),
                AttrStep::Implicit(attr, value) => {
                    self.values.set(attr, value.cast_unsigned(), dw::DW_FORM_implicit_const);
                    Ok(())
                }
                AttrStep::Read(attr, form) => match form {
                    dw::DW_FORM_ref4 => self.reader.u32().map(|value| self.values.set(attr, u64::from(value), form)),
                    dw::DW_FORM_strp => {
                        self.values.set(attr, self.reader.position() as u64, form);
                        self.reader.skip(usize::from(self.head.encoding.offset_size))
                    }
                    dw::DW_FORM_data1 => self.reader.u8().map(|value| self.values.set(attr, u64::from(value), form)),
                    dw::DW_FORM_data2 => self.reader.u16().map(|value| self.values.set(attr, u64::from(value), form)),
                    form => self.read_value(attr, form),
                },
            }
            .map_err(|error| self.malformed(error))?;
        }
        Ok(())
    }

    /// Reads a value. Of a string, an expression, or what a section holds, the position is kept.
    fn read_value(&mut self, attr: Attr, form: DwForm) -> Result<(), Malformed> {
        let reader = &mut self.reader;
        let encoding = self.head.encoding;
        let form = if form == dw::DW_FORM_indirect { form::indirect(reader)? } else { form };
        let position = reader.position() as u64;
        let value = match form {
            dw::DW_FORM_strp
            | dw::DW_FORM_line_strp
            | dw::DW_FORM_string
            | dw::DW_FORM_exprloc
            | dw::DW_FORM_block
            | dw::DW_FORM_block1
            | dw::DW_FORM_block2
            | dw::DW_FORM_block4
            | dw::DW_FORM_sec_offset
            | dw::DW_FORM_ref_addr
            | dw::DW_FORM_addr => {
                form::skip(reader, form, encoding)?;
                position
            }
            dw::DW_FORM_flag_present => 1,
            dw::DW_FORM_data1 | dw::DW_FORM_ref1 | dw::DW_FORM_flag | dw::DW_FORM_strx1 => u64::from(reader.u8()?),
            dw::DW_FORM_data2 | dw::DW_FORM_ref2 | dw::DW_FORM_strx2 => u64::from(reader.u16()?),
            dw::DW_FORM_strx3 => u64::from(reader.u24()?),
            dw::DW_FORM_data4 | dw::DW_FORM_ref4 | dw::DW_FORM_strx4 => u64::from(reader.u32()?),
            dw::DW_FORM_data8 | dw::DW_FORM_ref8 => reader.u64()?,
            dw::DW_FORM_udata | dw::DW_FORM_ref_udata | dw::DW_FORM_strx | dw::DW_FORM_loclistx => reader.uleb()?,
            dw::DW_FORM_sdata => reader.sleb()?.cast_unsigned(),
            other => return self.pass_unreadable(other),
        };
        self.values.set(attr, value, form);
        Ok(())
    }

    #[cold]
    fn pass_unreadable(&mut self, form: DwForm) -> Result<(), Malformed> {
        self.report.unsupported_form(form);
        form::skip(&mut self.reader, form, self.head.encoding)
    }

    /// The number of the name that an attribute holds; 0 if it has none.
    #[inline]
    pub(super) fn name(&mut self, attr: Attr) -> Result<NameId> {
        let Some(value) = self.values.get(attr) else { return Ok(NameId::EMPTY) };
        let form = self.values.form(attr);
        let position = usize::try_from(value).unwrap_or(usize::MAX);
        match form {
            dw::DW_FORM_strp => {
                let offset = self.offset_at(position)?;
                self.name_cache.at_offset(self.names, &self.file.strings, offset)
            }
            dw::DW_FORM_string => {
                let number = self.name_cache.inline(self.names, self.reader.at(position).rest())?;
                number.ok_or_else(|| self.malformed(Malformed::Short { at: position }))
            }
            dw::DW_FORM_line_strp => {
                let offset = self.offset_at(position)?;
                Ok(self.file.line_name(self.names, offset)?)
            }
            dw::DW_FORM_strx
            | dw::DW_FORM_strx1
            | dw::DW_FORM_strx2
            | dw::DW_FORM_strx3
            | dw::DW_FORM_strx4
            | dw::DW_FORM_GNU_str_index => {
                let offset = self.file.indexed_string(self.head, self.string_offsets, value)?;
                self.name_cache.at_offset(self.names, &self.file.strings, offset)
            }
            form => {
                self.report.unsupported_form(form);
                Ok(NameId::EMPTY)
            }
        }
    }

    /// The offset that stands at a position, with its relocation.
    #[inline]
    fn offset_at(&mut self, position: usize) -> Result<u64> {
        let (reader, size, cu) = (self.reader.at(position), self.head.encoding.offset_size, self.head.offset);
        let raw = || reader.clone().word(size).map_err(|source| EncodeError::Dwarf { cu, source });
        let at = cu + position as u64;
        Ok(self.file.relocated(&self.file.relocations, &mut self.cursor, at, raw)?.0)
    }

    /// The offset in another section that an attribute holds.
    pub(super) fn section_offset(&mut self, attr: Attr) -> Result<Option<u64>> {
        let Some(value) = self.values.get(attr) else { return Ok(None) };
        if self.values.form(attr) != dw::DW_FORM_sec_offset {
            return Ok(Some(value));
        }
        let position = usize::try_from(value).unwrap_or(usize::MAX);
        Ok(Some(self.offset_at(position)?))
    }

    /// What an attribute refers to.
    #[inline]
    pub(super) fn reference(&mut self, attr: Attr) -> Result<DieReference> {
        let Some(value) = self.values.get(attr) else { return Ok(DieReference::NOTHING) };
        match self.values.form(attr) {
            dw::DW_FORM_ref4 | dw::DW_FORM_ref1 | dw::DW_FORM_ref2 | dw::DW_FORM_ref8 | dw::DW_FORM_ref_udata => {
                Ok(value.checked_add(self.head.offset).map_or(DieReference::OUTSIDE, DieReference::at))
            }
            dw::DW_FORM_ref_addr => {
                let position = usize::try_from(value).unwrap_or(usize::MAX);
                Ok(DieReference::at(self.offset_at(position)?))
            }
            form => {
                self.report.unsupported_form(form);
                Ok(DieReference::OUTSIDE)
            }
        }
    }

    /// A number that an attribute holds; `None` if it has none or it is not a plain number.
    #[inline]
    pub(super) fn number(&self, attr: Attr) -> Option<u64> {
        let value = self.values.get(attr)?;
        let is_number = matches!(
            self.values.form(attr),
            dw::DW_FORM_data1
                | dw::DW_FORM_data2
                | dw::DW_FORM_data4
                | dw::DW_FORM_data8
                | dw::DW_FORM_udata
                | dw::DW_FORM_sdata
                | dw::DW_FORM_implicit_const
        );
        is_number.then_some(value)
    }
}

//! Forms: how an attribute's value is stored.

use gimli::{DwForm, constants as dw};

use crate::dwarf::reader::Reader;
use crate::error::Malformed;

/// What the sizes of forms depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) version: u16,
    pub(crate) address_size: u8,
    /// 4, or 8 in 64-bit DWARF.
    pub(crate) offset_size: u8,
}

/// The size of a form that always has the same, in bytes.
#[inline]
pub(crate) const fn fixed_size(form: DwForm, encoding: Encoding) -> Option<usize> {
    Some(match form {
        dw::DW_FORM_flag_present | dw::DW_FORM_implicit_const => 0,
        dw::DW_FORM_data1 | dw::DW_FORM_ref1 | dw::DW_FORM_flag | dw::DW_FORM_strx1 | dw::DW_FORM_addrx1 => 1,
        dw::DW_FORM_data2 | dw::DW_FORM_ref2 | dw::DW_FORM_strx2 | dw::DW_FORM_addrx2 => 2,
        dw::DW_FORM_strx3 | dw::DW_FORM_addrx3 => 3,
        dw::DW_FORM_data4 | dw::DW_FORM_ref4 | dw::DW_FORM_strx4 | dw::DW_FORM_addrx4 | dw::DW_FORM_ref_sup4 => 4,
        dw::DW_FORM_data8 | dw::DW_FORM_ref8 | dw::DW_FORM_ref_sig8 | dw::DW_FORM_ref_sup8 => 8,
        dw::DW_FORM_data16 => 16,
        dw::DW_FORM_addr => encoding.address_size as usize,
        dw::DW_FORM_ref_addr if encoding.version == 2 => encoding.address_size as usize,
        dw::DW_FORM_ref_addr
        | dw::DW_FORM_strp
        | dw::DW_FORM_line_strp
        | dw::DW_FORM_sec_offset
        | dw::DW_FORM_strp_sup
        | dw::DW_FORM_GNU_ref_alt
        | dw::DW_FORM_GNU_strp_alt => encoding.offset_size as usize,
        _ => return None,
    })
}

/// Passes over a value.
pub(crate) fn skip(reader: &mut Reader<'_>, form: DwForm, encoding: Encoding) -> Result<(), Malformed> {
    if let Some(size) = fixed_size(form, encoding) {
        return reader.skip(size);
    }
    match form {
        dw::DW_FORM_exprloc | dw::DW_FORM_block | dw::DW_FORM_block1 | dw::DW_FORM_block2 | dw::DW_FORM_block4 => {
            block(reader, form).map(|_| ())
        }
        dw::DW_FORM_sdata
        | dw::DW_FORM_udata
        | dw::DW_FORM_ref_udata
        | dw::DW_FORM_strx
        | dw::DW_FORM_addrx
        | dw::DW_FORM_loclistx
        | dw::DW_FORM_rnglistx
        | dw::DW_FORM_GNU_addr_index
        | dw::DW_FORM_GNU_str_index => reader.skip_leb(),
        dw::DW_FORM_string => reader.string().map(|_| ()),
        dw::DW_FORM_indirect => {
            let form = indirect(reader)?;
            skip(reader, form, encoding)
        }
        _ => Err(Malformed::Form { form: form.0 }),
    }
}

/// The form that stands before a value of `DW_FORM_indirect`. It cannot be that again, nor one without a value there.
pub(crate) fn indirect(reader: &mut Reader<'_>) -> Result<DwForm, Malformed> {
    let form = DwForm(reader.uleb16()?);
    match form {
        dw::DW_FORM_indirect | dw::DW_FORM_implicit_const => Err(Malformed::Form { form: form.0 }),
        form => Ok(form),
    }
}

/// A block of bytes.
pub(crate) fn block<'a>(reader: &mut Reader<'a>, form: DwForm) -> Result<&'a [u8], Malformed> {
    let length = match form {
        dw::DW_FORM_block1 => u64::from(reader.u8()?),
        dw::DW_FORM_block2 => u64::from(reader.u16()?),
        dw::DW_FORM_block4 => u64::from(reader.u32()?),
        _ => reader.uleb()?,
    };
    reader.take(usize::try_from(length).unwrap_or(usize::MAX))
}

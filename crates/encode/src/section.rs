//! The BTF section: header, types and strings.

use btf::{Endian, HEADER_LEN, MAGIC, VERSION};

use crate::error::EncodeError;

pub(crate) fn write_u32(endian: Endian, word: u32) -> [u8; 4] {
    match endian {
        Endian::Little => word.to_le_bytes(),
        Endian::Big => word.to_be_bytes(),
    }
}

/// A header, types and strings.
pub(crate) fn assemble(types: &[u8], strings: &[u8], endian: Endian) -> Result<Vec<u8>, EncodeError> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| EncodeError::TooLarge { what: "bytes" });
    let (types_length, strings_length) = (length(types)?, length(strings)?);
    let mut bytes = Vec::with_capacity(HEADER_LEN as usize + types.len() + strings.len());
    let magic = match endian {
        Endian::Little => MAGIC.to_le_bytes(),
        Endian::Big => MAGIC.to_be_bytes(),
    };
    bytes.extend(magic);
    bytes.extend([VERSION, 0]);
    for word in [HEADER_LEN, 0, types_length, types_length, strings_length] {
        bytes.extend(write_u32(endian, word));
    }
    bytes.extend_from_slice(types);
    bytes.extend_from_slice(strings);
    Ok(bytes)
}

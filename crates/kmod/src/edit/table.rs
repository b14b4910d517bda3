//! Writing the section table and the file header.

use goblin::elf::SectionHeader;
use goblin::elf::section_header::SHN_LORESERVE;
use util::Endian;

use crate::elf::ElfHeaders;
use crate::error::Error;

/// How a file encodes numbers: class and byte order.
#[derive(Debug, Clone, Copy)]
pub(super) struct ElfFormat {
    pub(super) is_64: bool,
    pub(super) endian: Endian,
}

impl ElfFormat {
    pub(super) fn of(old: &ElfHeaders) -> Self {
        Self { is_64: old.is_64(), endian: old.endian() }
    }

    /// The length of the file's header, in bytes.
    pub(super) const fn header_length(self) -> u64 {
        if self.is_64 { 64 } else { 52 }
    }

    /// The alignment of the section table, in bytes.
    pub(super) const fn table_alignment(self) -> u64 {
        if self.is_64 { 8 } else { 4 }
    }

    fn push_word(self, bytes: &mut Vec<u8>, number: u32) {
        bytes.extend(self.endian.write_u32(number));
    }

    /// Appends a number: 64 bits in 64-bit files, else 32.
    fn push_wide(self, bytes: &mut Vec<u8>, number: u64, what: &'static str) -> Result<(), Error> {
        if self.is_64 {
            bytes.extend(self.endian.write_u64(number));
        } else {
            let limit = u64::from(u32::MAX);
            self.push_word(bytes, u32::try_from(number).map_err(|_| Error::TooLarge { what, limit })?);
        }
        Ok(())
    }

    /// The section table.
    pub(super) fn table(self, headers: &[SectionHeader]) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        for header in headers {
            let limit = u64::from(u32::MAX);
            let what = "the names of the sections";
            self.push_word(&mut bytes, u32::try_from(header.sh_name).map_err(|_| Error::TooLarge { what, limit })?);
            self.push_word(&mut bytes, header.sh_type);
            for number in [header.sh_flags, header.sh_addr, header.sh_offset, header.sh_size] {
                self.push_wide(&mut bytes, number, "a section of a 32-bit file")?;
            }
            self.push_word(&mut bytes, header.sh_link);
            self.push_word(&mut bytes, header.sh_info);
            for number in [header.sh_addralign, header.sh_entsize] {
                self.push_wide(&mut bytes, number, "a section of a 32-bit file")?;
            }
        }
        Ok(bytes)
    }

    /// The file header, with a new offset and length of the section table.
    pub(super) fn file_header(self, old: &[u8], table_offset: u64, count: u16) -> Result<Vec<u8>, Error> {
        let (offset_at, count_at) = if self.is_64 { (40, 60) } else { (32, 48) };
        let mut offset = Vec::new();
        self.push_wide(&mut offset, table_offset, "a 32-bit file")?;
        let mut header = old.to_vec();
        for (at, bytes) in [(offset_at, offset.as_slice()), (count_at, &self.endian.write_u16(count))] {
            if let Some(field) = header.get_mut(at..at + bytes.len()) {
                field.copy_from_slice(bytes);
            }
        }
        Ok(header)
    }
}

/// Stores the number of sections in the headers and returns `e_shnum`. If there are very many, or if the old file did
/// so, `e_shnum` is 0 and the number is in the first section's header.
pub(super) fn set_count(headers: &mut [SectionHeader], was_in_first: bool) -> u16 {
    let count = headers.len();
    match u16::try_from(count) {
        Ok(count) if u32::from(count) < SHN_LORESERVE && !was_in_first => count,
        _ => {
            if let Some(first) = headers.first_mut() {
                first.sh_size = count as u64;
            }
            0
        }
    }
}

//! The symbol table, as much of it as is needed.
//!
//! [`kmod::SymbolTable`] is not used: it searches the end of every name and refuses a table in which one is wrong. Here the names
//! of functions and objects alone are read, and relocations look symbols up by their index.

use kmod::ElfFile;
use util::Endian;

use crate::error::EncodeError;
use crate::strings::base::string_at;

/// A symbol table.
#[derive(Debug)]
pub(crate) struct Symbols {
    bytes: Vec<u8>,
    strings: Vec<u8>,
    wide: bool,
    endian: Endian,
}

/// A symbol.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Symbol<'s> {
    /// The string table from its name on.
    rest: &'s [u8],
    /// `STT_FUNC`, `STT_OBJECT`, ….
    pub(crate) kind: u8,
    /// The index of its section.
    pub(crate) section: u32,
    pub(crate) value: u64,
    /// In bytes.
    pub(crate) size: u64,
}

impl<'s> Symbol<'s> {
    /// Its name.
    pub(crate) fn name(&self) -> &'s [u8] {
        string_at(self.rest, 0).unwrap_or(self.rest)
    }
}

/// `STT_OBJECT`.
pub(crate) const OBJECT: u8 = 1;
/// `STT_FUNC`.
pub(crate) const FUNCTION: u8 = 2;

const SHT_SYMTAB: u32 = 2;

impl Symbols {
    /// Reads a file's symbol table; without one there are no symbols.
    pub(crate) fn of(elf: &ElfFile) -> Result<Self, EncodeError> {
        let (wide, endian) = (elf.is_64(), endian_of(elf));
        let Some(table) = elf.sections().find(|head| head.kind == SHT_SYMTAB) else {
            return Ok(Self { bytes: Vec::new(), strings: Vec::new(), wide, endian });
        };
        let bytes = elf.read_all(&table)?;
        let strings = elf.section(table.link as usize).map(|strings| elf.read_all(&strings)).transpose()?;
        // Symbols of a table without strings have no names.
        Ok(Self { bytes, strings: strings.unwrap_or_default(), wide, endian })
    }

    const fn entry(&self) -> usize {
        if self.wide { 24 } else { 16 }
    }

    fn section_at(&self, entry: &[u8], at: usize) -> Option<u32> {
        self.endian.u16_at(entry, at).map(u32::from)
    }

    fn parse(&self, entry: &[u8]) -> Option<Symbol<'_>> {
        let name = usize::try_from(self.endian.u32_at(entry, 0)?).ok()?;
        let rest = self.strings.get(name..).unwrap_or(&[]);
        let (info, section, value, size) = if self.wide {
            (*entry.get(4)?, self.section_at(entry, 6)?, self.endian.u64_at(entry, 8)?, self.endian.u64_at(entry, 16)?)
        } else {
            let (value, size) = (self.endian.u32_at(entry, 4)?, self.endian.u32_at(entry, 8)?);
            (*entry.get(12)?, self.section_at(entry, 14)?, u64::from(value), u64::from(size))
        };
        Some(Symbol { rest, kind: info & 0xf, section, value, size })
    }

    /// The symbols in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Symbol<'_>> {
        self.bytes.chunks_exact(self.entry()).filter_map(|entry| self.parse(entry))
    }

    /// The value and the section of the symbol with this index.
    #[inline]
    pub(crate) fn value(&self, index: u32) -> Option<(u64, u32)> {
        let start = usize::try_from(index).ok()?.checked_mul(self.entry())?;
        let entry = self.bytes.get(start..start.checked_add(self.entry())?)?;
        if self.wide {
            Some((self.endian.u64_at(entry, 8)?, self.section_at(entry, 6)?))
        } else {
            Some((u64::from(self.endian.u32_at(entry, 4)?), self.section_at(entry, 14)?))
        }
    }
}

/// The byte order of a file.
pub(crate) fn endian_of(elf: &ElfFile) -> Endian {
    if elf.is_little_endian() { Endian::Little } else { Endian::Big }
}

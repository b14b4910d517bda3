//! The symbols of an ELF file.

use goblin::container::Ctx;
use goblin::elf::{Symtab, section_header, sym};

use super::headers::MAX_NAME;
use crate::error::Error;

/// One symbol of an [`Elf`](crate::Elf).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Symbol<'a> {
    /// Its name, without the closing NUL.
    pub name: &'a [u8],
    /// `st_value`: an offset into its section in relocatable files, else an address.
    pub value: u64,
    /// `st_size`, in bytes.
    pub size: u64,
    /// `st_shndx`: the index of its section, or one of the reserved `SHN_…` numbers.
    pub section: usize,
    /// The binding: `STB_LOCAL`, `STB_GLOBAL`, `STB_WEAK`.
    pub binding: u8,
    /// The type: `STT_FUNC`, `STT_OBJECT`, ….
    pub kind: u8,
}

impl Symbol<'_> {
    /// Whether the symbol is defined elsewhere (`SHN_UNDEF`).
    #[must_use]
    pub fn is_undefined(&self) -> bool {
        self.section == section_header::SHN_UNDEF as usize
    }

    /// Whether the value is a plain number (`SHN_ABS`).
    #[must_use]
    pub fn is_absolute(&self) -> bool {
        self.section == section_header::SHN_ABS as usize
    }
}

/// The symbols of an [`ElfFile`](crate::ElfFile), in memory with their names.
#[derive(Debug, Clone)]
pub struct SymbolTable {
    pub(super) table: Vec<u8>,
    pub(super) names: Vec<u8>,
    pub(super) ctx: Ctx,
}

impl SymbolTable {
    /// The symbols in the order of the table.
    ///
    /// # Errors
    ///
    /// Same as [`Elf::symbols`](super::Elf::symbols).
    pub fn iter(&self) -> Result<impl Iterator<Item = Result<Symbol<'_>, Error>>, Error> {
        symbols(&self.table, &self.names, self.ctx)
    }
}

/// The symbols of a table, from the content of the table and of its string table.
pub(super) fn symbols<'a>(
    table: &'a [u8],
    names: &'a [u8],
    ctx: Ctx,
) -> Result<impl Iterator<Item = Result<Symbol<'a>, Error>>, Error> {
    let count = table.len() / sym::Sym::size(ctx.container);
    let symbols = if count == 0 {
        Symtab::default()
    } else {
        Symtab::parse(table, 0, count, ctx).map_err(|source| Error::Goblin { what: "symbol table", source })?
    };
    Ok((0..count).filter_map(move |index| symbols.get(index)).map(move |symbol| {
        Ok(Symbol {
            name: symbol_name(names, symbol.st_name)?,
            value: symbol.st_value,
            size: symbol.st_size,
            section: symbol.st_shndx,
            binding: symbol.st_bind(),
            kind: symbol.st_type(),
        })
    }))
}

fn symbol_name(names: &[u8], offset: usize) -> Result<&[u8], Error> {
    if offset == 0 {
        return Ok(&[]);
    }
    let out_of_bounds =
        || Error::OutOfBounds { what: "a symbol's name", offset: offset as u64, len: 1, have: names.len() as u64 };
    let rest = names.get(offset..).ok_or_else(out_of_bounds)?;
    let window = &rest[..rest.len().min(MAX_NAME)];
    let end = window.iter().position(|&byte| byte == 0).ok_or_else(out_of_bounds)?;
    Ok(&window[..end])
}

/// `name` as text, or the reason why it is not valid.
pub(crate) fn utf8(name: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(name).map_err(|_| format!("the name {} is not UTF-8", name.escape_ascii()))
}

//! The exports and imports of a module.

use std::collections::HashMap;

use crate::elf::{Elf, Symbol, utf8};
use crate::error::Error;

/// Bit 0 of a byte in `__kflagstab`: only GPL modules may use the symbol.
pub(crate) const FLAG_GPL_ONLY: u8 = 1;

/// A symbol that a module or a kernel exports to modules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Export<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// Whether only GPL modules may use it (`EXPORT_SYMBOL_GPL`).
    pub gpl_only: bool,
    /// Its namespace, if it has one.
    pub namespace: Option<&'a str>,
    /// Its CRC, if it can be read.
    pub crc: Option<u32>,
}

/// A symbol that a module imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Import<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// Whether the module can be loaded without it.
    pub weak: bool,
}

/// Facts about an export, collected from the symbols that the build generates.
#[derive(Default)]
struct Parts<'a> {
    exported: bool,
    gpl_only: bool,
    namespace: Option<&'a str>,
    crc: Option<u32>,
}

/// The exports of a module, sorted by name.
///
/// `EXPORT_SYMBOL(x)` creates the symbols `__ksymtab_x` in `__ksymtab` or `__ksymtab_gpl`, `__kstrtabns_x`, `__crc_x`
/// and, in newer kernels, `__flags_x` (`include/linux/export-internal.h`). They are local, so a module that was
/// stripped of all symbols not needed for loading shows no exports here.
pub(crate) fn exports(elf: &Elf) -> Result<Vec<Export<'_>>, Error> {
    let mut found: HashMap<&str, Parts<'_>> = HashMap::new();
    for symbol in elf.symbols()? {
        let symbol = symbol?;
        if symbol.is_undefined() || !symbol.name.starts_with(b"__") {
            continue;
        }
        let Ok(name) = utf8(symbol.name) else { continue };
        if let Some(export) = name.strip_prefix("__ksymtab_") {
            let section = elf.section_at(symbol.section);
            let parts = found.entry(export).or_default();
            parts.exported = section.is_some_and(|section| {
                section.name.starts_with(b"__ksymtab") || section.name.starts_with(b"___ksymtab")
            });
            parts.gpl_only |= section.is_some_and(|section| {
                section.name.starts_with(b"__ksymtab_gpl") || section.name.starts_with(b"___ksymtab_gpl")
            });
        } else if let Some(export) = name.strip_prefix("__kstrtabns_") {
            found.entry(export).or_default().namespace = string_of(elf, &symbol).filter(|name| !name.is_empty());
        } else if let Some(export) = name.strip_prefix("__crc_") {
            found.entry(export).or_default().crc = crc_of(elf, &symbol);
        } else if let Some(export) = name.strip_prefix("__flags_") {
            let flags = content_of(elf, &symbol).and_then(|content| content.first().copied());
            found.entry(export).or_default().gpl_only |= flags.is_some_and(|flags| flags & FLAG_GPL_ONLY != 0);
        }
    }
    let mut exports: Vec<_> = found
        .into_iter()
        .filter(|(_, parts)| parts.exported)
        .map(|(symbol, Parts { gpl_only, namespace, crc, .. })| Export { symbol, gpl_only, namespace, crc })
        .collect();
    exports.sort_unstable();
    Ok(exports)
}

/// The imports of a module, in the order of its symbol table: every named undefined symbol
/// (`kernel/module/main.c`, `simplify_symbols`).
pub(crate) fn imports(elf: &Elf) -> Result<Vec<Import<'_>>, Error> {
    let mut imports = Vec::new();
    for (index, symbol) in elf.symbols()?.enumerate() {
        let symbol = symbol?;
        if symbol.is_undefined() && !symbol.name.is_empty() {
            let failed = |reason| Error::Record { section: ".symtab", index, reason };
            let weak = symbol.binding == goblin::elf::sym::STB_WEAK;
            imports.push(Import { symbol: utf8(symbol.name).map_err(failed)?, weak });
        }
    }
    Ok(imports)
}

/// The content at a symbol of a relocatable file: the bytes of its section from its value on.
fn content_of<'a>(elf: &'a Elf, symbol: &Symbol<'_>) -> Option<&'a [u8]> {
    elf.section_at(symbol.section)?.data.get(usize::try_from(symbol.value).ok()?..)
}

fn string_of<'a>(elf: &'a Elf, symbol: &Symbol<'_>) -> Option<&'a str> {
    let content = content_of(elf, symbol)?;
    let end = content.iter().take(crate::elf::MAX_NAME).position(|&byte| byte == 0)?;
    utf8(&content[..end]).ok()
}

/// The CRC for `__crc_x`. Before 5.19 it is the value of an absolute symbol, or a word in `.rodata`. Since then it is
/// a word in `__kcrctab`, at the symbol.
fn crc_of(elf: &Elf, symbol: &Symbol<'_>) -> Option<u32> {
    if symbol.is_absolute() {
        return u32::try_from(symbol.value).ok();
    }
    elf.endian().u32_at(content_of(elf, symbol)?, 0)
}

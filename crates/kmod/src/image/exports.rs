//! The exports of a linked kernel: `__ksymtab`, `__ksymtab_gpl`, and the tables of their CRCs.

use crate::elf::{Elf, MAX_NAME, Section, utf8};
use crate::error::Error;
use crate::symbols::{Export, FLAG_GPL_ONLY};

/// The two tables of symbols with their CRCs; newer kernels have only the first.
const TABLES: [(&str, &str, bool); 2] = [("__ksymtab", "__kcrctab", false), ("__ksymtab_gpl", "__kcrctab_gpl", true)];

/// The form in which a `struct kernel_symbol` refers to its strings (`include/linux/export-internal.h`).
#[derive(Clone, Copy)]
enum RecordLayout {
    /// Three offsets of 4 bytes, each relative to its own address.
    Relative,
    /// Three pointers of 8 bytes.
    Pointers64,
    /// Three pointers of 4 bytes.
    Pointers32,
}

impl RecordLayout {
    fn of(elf: &Elf, stride: usize) -> Option<Self> {
        match (elf.is_64(), stride) {
            (true, 12) => Some(Self::Relative),
            (true, 24) => Some(Self::Pointers64),
            (false, 12) => Some(Self::Pointers32),
            _ => None,
        }
    }

    fn stride(self) -> usize {
        match self {
            Self::Relative | Self::Pointers32 => 12,
            Self::Pointers64 => 24,
        }
    }

    /// The address in field `field` of the record at `offset` of `table`.
    fn address(self, elf: &Elf, table: &Section<'_>, offset: usize, field: usize) -> Option<u64> {
        match self {
            Self::Relative => {
                let at = offset + field * 4;
                let relative = elf.endian().u32_at(table.data, at)?.cast_signed();
                Some(table.address.wrapping_add(at as u64).wrapping_add_signed(i64::from(relative)))
            }
            Self::Pointers64 => elf.endian().u64_at(table.data, offset + field * 8),
            Self::Pointers32 => elf.endian().u32_at(table.data, offset + field * 4).map(u64::from),
        }
    }
}

/// The kernel's exports, sorted by name. An export's record and CRC have the same index in their tables
/// (`kernel/module/main.c`, `find_exported_symbol_in_section`).
pub(super) fn read(elf: &Elf) -> Result<Vec<Export<'_>>, Error> {
    let mut exports = Vec::new();
    for (name, crcs, gpl_only) in TABLES {
        if let (Some(table), Some(crcs)) = (elf.find_section(name), elf.section(crcs)) {
            read_table(elf, name, &table, crcs, gpl_only, &mut exports)?;
        }
    }
    exports.sort_unstable();
    Ok(exports)
}

fn read_table<'a>(
    elf: &'a Elf,
    name: &'static str,
    table: &Section<'a>,
    crcs: &[u8],
    gpl_only: bool,
    exports: &mut Vec<Export<'a>>,
) -> Result<(), Error> {
    let count = crcs.len() / 4;
    if count == 0 && table.data.is_empty() {
        return Ok(());
    }
    let stride = table.data.len().checked_div(count).unwrap_or_default();
    let layout = RecordLayout::of(elf, stride).filter(|layout| layout.stride() * count == table.data.len());
    let Some(layout) = layout else {
        let reason = format!("its {} bytes do not go with {count} CRCs in any known layout", table.data.len());
        return Err(Error::Section { section: name, reason });
    };
    let strings = elf.find_section("__ksymtab_strings");
    let flags = elf.section("__kflagstab").unwrap_or_default();
    for index in 0..count {
        let failed = |reason: String| Error::Record { section: name, index, reason };
        let string = |field| -> Result<&'a str, Error> {
            let address = layout.address(elf, table, index * stride, field).unwrap_or_default();
            let text = strings.as_ref().and_then(|strings| string_at(strings, address));
            let text = text.ok_or_else(|| failed(format!("there is no string at address {address:#x}")))?;
            utf8(text).map_err(failed)
        };
        exports.push(Export {
            symbol: string(1)?,
            gpl_only: gpl_only || flags.get(index).is_some_and(|flags| flags & FLAG_GPL_ONLY != 0),
            namespace: string(2).ok().filter(|namespace| !namespace.is_empty()),
            crc: elf.endian().u32_at(crcs, index * 4),
        });
    }
    Ok(())
}

fn string_at<'a>(strings: &Section<'a>, address: u64) -> Option<&'a [u8]> {
    let offset = usize::try_from(address.checked_sub(strings.address)?).ok()?;
    let rest = strings.data.get(offset..)?;
    let end = rest.iter().take(MAX_NAME).position(|&byte| byte == 0)?;
    Some(&rest[..end])
}

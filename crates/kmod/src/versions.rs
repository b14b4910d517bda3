//! The CRCs of a module's imports: `__versions`, and `__version_ext_crcs` with `__version_ext_names`.

use crate::elf::{Elf, utf8};
use crate::error::Error;

const BASIC: &str = "__versions";
const CRCS: &str = "__version_ext_crcs";
const NAMES: &str = "__version_ext_names";

/// The length of a record of `__versions`, in bytes: `struct modversion_info` of `include/linux/module.h`.
const RECORD: usize = 64;

/// A symbol that a module imports, with the CRC of the type that it was compiled against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// Its CRC, computed by genksyms or gendwarfksyms.
    pub crc: u32,
}

/// The versions of a module. If the extended sections exist, only they are read, as in the kernel
/// (`kernel/module/version.c`, `check_version`).
pub(crate) fn read(elf: &Elf) -> Result<Vec<Version<'_>>, Error> {
    match (elf.section(CRCS), elf.section(NAMES)) {
        (Some(crcs), Some(names)) => extended(elf, crcs, names),
        (None, None) => elf.section(BASIC).map_or(Ok(Vec::new()), |bytes| basic(elf, bytes)),
        _ => {
            let reason = format!("{CRCS} and {NAMES} belong together, and only one of them is there");
            Err(Error::Section { section: CRCS, reason })
        }
    }
}

/// Reads records of an `unsigned long` and a name, which is padded with NULs to 64 bytes together.
fn basic<'a>(elf: &Elf, bytes: &'a [u8]) -> Result<Vec<Version<'a>>, Error> {
    let (records, rest) = bytes.as_chunks::<RECORD>();
    if !rest.is_empty() {
        let reason = format!("its {} bytes are not whole records of {RECORD} bytes", bytes.len());
        return Err(Error::Section { section: BASIC, reason });
    }
    let word = if elf.is_64() { 8 } else { 4 };
    let mut versions = Vec::with_capacity(records.len());
    for (index, record) in records.iter().enumerate() {
        let failed = |reason| Error::Record { section: BASIC, index, reason };
        let crc =
            if elf.is_64() { elf.endian().u64_at(record, 0) } else { elf.endian().u32_at(record, 0).map(u64::from) };
        let crc = crc.unwrap_or_default();
        let crc = u32::try_from(crc).map_err(|_| failed(format!("the CRC {crc:#x} has more than 32 bits")))?;
        let name = &record[word..];
        let end = name.iter().position(|&byte| byte == 0).filter(|&end| end > 0);
        let end = end.ok_or_else(|| failed("the name is empty, or has no closing NUL".to_owned()))?;
        versions.push(Version { symbol: utf8(&name[..end]).map_err(failed)?, crc });
    }
    Ok(versions)
}

/// Reads CRCs of 4 bytes from one section, and as many names that end with a NUL from the other. More NULs may follow
/// the names.
fn extended<'a>(elf: &Elf, crcs: &'a [u8], names: &'a [u8]) -> Result<Vec<Version<'a>>, Error> {
    if !crcs.len().is_multiple_of(4) {
        let reason = format!("its {} bytes are not whole CRCs of 4 bytes", crcs.len());
        return Err(Error::Section { section: CRCS, reason });
    }
    let mut versions = Vec::with_capacity(crcs.len() / 4);
    let mut rest = names;
    for index in 0..crcs.len() / 4 {
        let failed = |reason| Error::Record { section: NAMES, index, reason };
        let end = rest.iter().position(|&byte| byte == 0).filter(|&end| end > 0);
        let end = end.ok_or_else(|| failed("there is a CRC, but no name for it".to_owned()))?;
        let crc = elf.endian().u32_at(crcs, index * 4).unwrap_or_default();
        versions.push(Version { symbol: utf8(&rest[..end]).map_err(failed)?, crc });
        rest = &rest[end + 1..];
    }
    if rest.iter().any(|&byte| byte != 0) {
        let reason = format!("there are more names than the {} CRCs", versions.len());
        return Err(Error::Section { section: NAMES, reason });
    }
    Ok(versions)
}

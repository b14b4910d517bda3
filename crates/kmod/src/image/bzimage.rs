//! Boot images that contain a compressed kernel: x86's bzImage, and the EFI image of other architectures.

use util::Endian;

use crate::error::Error;

/// The first boot protocol with `payload_offset` and `payload_length`: 2.08 (`Documentation/arch/x86/boot.rst`).
const FIRST_VERSION_WITH_PAYLOAD: u16 = 0x0208;

const SECTOR: usize = 512;

/// The content of the x86 boot header.
pub(super) struct Boot<'a> {
    /// The compressed kernel, possibly followed by data that the build appended.
    pub(super) payload: &'a [u8],
    /// The first word of the version string.
    pub(super) release: Option<String>,
}

/// Reads the x86 boot header (`Documentation/arch/x86/boot.rst`). `None` if `bytes` is not a bzImage.
pub(super) fn find(bytes: &[u8]) -> Option<Result<Boot<'_>, Error>> {
    (bytes.get(0x202..0x206)? == b"HdrS").then(|| read(bytes))
}

fn read(bytes: &[u8]) -> Result<Boot<'_>, Error> {
    let version = u16_at(bytes, 0x206)?;
    if version < FIRST_VERSION_WITH_PAYLOAD {
        let reason = format!("boot protocol {version:#06x} is older than 0x0208 and does not say where the kernel is");
        return Err(Error::BootHeader { reason });
    }
    let setup_sectors = match bytes.get(0x1f1) {
        None | Some(0) => 4,
        Some(&sectors) => usize::from(sectors),
    };
    let code = (setup_sectors + 1) * SECTOR;
    let start = code.saturating_add(u32_at(bytes, 0x248)? as usize);
    let len = u32_at(bytes, 0x24c)? as usize;
    Ok(Boot { payload: payload(bytes, start, len)?, release: release(bytes)? })
}

/// The first word of the version string, if the header has one. The string is 0x200 bytes after the offset in the
/// header.
fn release(bytes: &[u8]) -> Result<Option<String>, Error> {
    let offset = usize::from(u16_at(bytes, 0x20e)?);
    if offset == 0 {
        return Ok(None);
    }
    let text = bytes.get(offset + 0x200..).unwrap_or_default();
    let text = &text[..text.len().min(SECTOR)];
    let word = text.split(|&byte| byte == 0 || byte.is_ascii_whitespace()).next().unwrap_or_default();
    Ok(std::str::from_utf8(word).ok().filter(|word| !word.is_empty()).map(str::to_owned))
}

/// The payload of an EFI boot image (`drivers/firmware/efi/libstub/zboot-header.S`). `None` if `bytes` is not one.
pub(super) fn find_zboot(bytes: &[u8]) -> Option<Result<&[u8], Error>> {
    (bytes.starts_with(b"MZ") && bytes.get(4..8)? == b"zimg").then(|| {
        let start = u32_at(bytes, 8)? as usize;
        let len = u32_at(bytes, 12)? as usize;
        payload(bytes, start, len)
    })
}

fn payload(bytes: &[u8], start: usize, len: usize) -> Result<&[u8], Error> {
    let end = start.saturating_add(len);
    bytes.get(start..end).ok_or(Error::OutOfBounds {
        what: "the compressed kernel in the boot image",
        offset: start as u64,
        len: len as u64,
        have: bytes.len() as u64,
    })
}

fn u16_at(bytes: &[u8], offset: usize) -> Result<u16, Error> {
    Endian::Little.u16_at(bytes, offset).ok_or_else(|| cut_short(bytes, offset, 2))
}

fn u32_at(bytes: &[u8], offset: usize) -> Result<u32, Error> {
    Endian::Little.u32_at(bytes, offset).ok_or_else(|| cut_short(bytes, offset, 4))
}

fn cut_short(bytes: &[u8], offset: usize, len: u64) -> Error {
    Error::OutOfBounds { what: "the boot header", offset: offset as u64, len, have: bytes.len() as u64 }
}

//! Boot images that contain a compressed kernel: x86's bzImage, and the EFI image of other architectures.

use util::Endian;

use super::version::KernelBanner;
use crate::error::Error;

/// The first boot protocol with `payload_offset` and `payload_length`: 2.08 (`Documentation/arch/x86/boot.rst`).
const FIRST_VERSION_WITH_PAYLOAD: u16 = 0x0208;

const SECTOR: u64 = 512;

/// The content of a boot header.
pub(super) struct Boot {
    /// The compressed kernel, possibly followed by data that the build appended.
    pub(super) payload: Payload,
    /// The version string.
    pub(super) version: Option<KernelBanner>,
}

/// The place of the compressed kernel in the file.
#[derive(Clone, Copy)]
pub(super) struct Payload {
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// Reads the x86 boot header (`Documentation/arch/x86/boot.rst`) at the beginning of `head`. `None` if it is not a bzImage.
pub(super) fn find(head: &[u8]) -> Option<Result<Boot, Error>> {
    (head.get(0x202..0x206)? == b"HdrS").then(|| read(head))
}

fn read(head: &[u8]) -> Result<Boot, Error> {
    let version = u16_at(head, 0x206)?;
    if version < FIRST_VERSION_WITH_PAYLOAD {
        let reason = format!("boot protocol {version:#06x} is older than 0x0208 and does not say where the kernel is");
        return Err(Error::BootHeader { reason });
    }
    let setup_sectors = match head.get(0x1f1) {
        None | Some(0) => 4,
        Some(&sectors) => u64::from(sectors),
    };
    let code = (setup_sectors + 1) * SECTOR;
    let offset = code + u64::from(u32_at(head, 0x248)?);
    let len = u64::from(u32_at(head, 0x24c)?);
    Ok(Boot { payload: Payload { offset, len }, version: kernel_version(head)? })
}

/// The version string, if the header has one. The string is 0x200 bytes after the offset in the header.
fn kernel_version(head: &[u8]) -> Result<Option<KernelBanner>, Error> {
    let offset = usize::from(u16_at(head, 0x20e)?);
    if offset == 0 {
        return Ok(None);
    }
    Ok(head.get(offset + 0x200..).and_then(KernelBanner::parse))
}

/// The payload of an EFI boot image (`drivers/firmware/efi/libstub/zboot-header.S`). `None` if `head` does not begin one.
pub(super) fn find_zboot(head: &[u8]) -> Option<Result<Payload, Error>> {
    (head.starts_with(b"MZ") && head.get(4..8)? == b"zimg").then(|| {
        let (offset, len) = (u64::from(u32_at(head, 8)?), u64::from(u32_at(head, 12)?));
        Ok(Payload { offset, len })
    })
}

impl Payload {
    /// What is being read, for errors.
    pub(super) const WHAT: &str = "the compressed kernel in the boot image";

    /// Its bytes in those of the file.
    pub(super) fn of(self, bytes: &[u8]) -> Result<&[u8], Error> {
        let Self { offset, len } = self;
        let range = usize::try_from(offset).ok().zip(usize::try_from(offset + len).ok());
        let payload = range.and_then(|(start, end)| bytes.get(start..end));
        payload.ok_or(Error::OutOfBounds { what: Self::WHAT, offset, len, have: bytes.len() as u64 })
    }
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

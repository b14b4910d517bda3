//! s390's bzImage: code that decompresses the kernel, and somewhere behind it the compressed kernel.
//!
//! No header gives its offset, so it is searched for, as the kernel's `scripts/extract-vmlinux` does.

use bstr::ByteSlice as _;
use util::Endian;

use super::version::KernelBanner;
use crate::compress::MAX_DECOMPRESSED;
use crate::compression::Compression;

/// Where the image says what it is (`arch/s390/include/asm/setup.h`, `EP_OFFSET`, `EP_STRING`).
const MAGIC_AT: usize = 0x10008;
const MAGIC: &[u8] = b"S390EP";

/// Where the address of the version string is, which is its offset, too, since the image is loaded at 0: `kernel_version` of
/// `struct parmarea` (the same file).
const VERSION_AT: usize = 0x10400 + 5 * 8;

/// Where code begins.
const CODE_AT: usize = 0x11000;

/// How many places that look like the beginning of compressed data are tried.
const MAX_TRIES: usize = 64;

/// The least that a kernel has when it is decompressed, in bytes. What looks like the beginning of compressed data can decompress
/// to a little by chance.
const MIN_KERNEL: usize = 4096;

/// Whether `bytes` begins like an s390 boot image.
pub(super) fn is_boot_image(bytes: &[u8]) -> bool {
    bytes.get(MAGIC_AT..MAGIC_AT + MAGIC.len()) == Some(MAGIC)
}

/// What the image says of itself without being decompressed.
pub(super) fn version(bytes: &[u8]) -> Option<KernelBanner> {
    let address = usize::try_from(Endian::Big.u64_at(bytes, VERSION_AT)?).ok().filter(|&address| address > 0)?;
    KernelBanner::parse(bytes.get(address..)?)
}

/// Where `version` would have to be read, as an offset in the file.
pub(super) fn version_offset(head: &[u8]) -> Option<u64> {
    Endian::Big.u64_at(head, VERSION_AT).filter(|&address| address > 0)
}

/// The compressed kernel, decompressed; `None` if nothing decompresses.
pub(super) fn decompress(bytes: &[u8]) -> Option<(Compression, Vec<u8>)> {
    let mut budget = MAX_DECOMPRESSED;
    for at in candidates(bytes) {
        let rest = &bytes[at..];
        let Some(compression) = Compression::detect(rest) else { continue };
        match compression.decompress(rest, budget) {
            Ok(kernel) if kernel.len() >= MIN_KERNEL => return Some((compression, kernel)),
            Ok(kernel) => budget = budget.saturating_sub(kernel.len() as u64),
            Err(crate::Error::TooLarge { .. }) => return None,
            Err(_) => {}
        }
    }
    None
}

/// The places after the code's beginning at which a compression's magic is, in their order.
fn candidates(bytes: &[u8]) -> Vec<usize> {
    let code = bytes.get(CODE_AT..).unwrap_or_default();
    let magics: [&[u8]; 7] =
        [b"\x1f\x8b\x08", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\x5d\0\0", b"\x02\x21\x4c\x18", b"BZh", b"\x89LZO\0"];
    let mut found: Vec<usize> =
        magics.iter().flat_map(|magic| code.find_iter(magic).take(MAX_TRIES)).map(|at| at + CODE_AT).collect();
    found.sort_unstable();
    found.truncate(MAX_TRIES);
    found
}

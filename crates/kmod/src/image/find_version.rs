//! How a kernel image names itself, found without reading more of it than needed.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use tracing::debug_span;

use super::bzimage::{self, Payload};
use super::s390;
use super::version::{KernelBanner, scan_for_banner};
use crate::compress::MAX_DECOMPRESSED;
use crate::compression::Compression;
use crate::decoder::Decoder;
use crate::elf::ElfHeaders;
use crate::error::Error;
use crate::source::{ByteSource, FileBytes, Part, SourceReader};
use crate::unified::UnifiedImage;

/// The boot headers of all kinds of images, in bytes: x86's version string ends before 0x10400, s390's header at 0x10430.
const HEAD: u64 = 0x11000;

/// How the kernel in `path` names itself. A bzImage of x86 or s390 and a unified kernel image have it in their headers; other
/// kinds are read and decompressed up to the banner in them. `None` if there is no banner, as in raw BTF.
///
/// # Errors
///
/// [`Error::Io`], or [`Error::File`] around [`Error::UnknownImage`], [`Error::NotAKernel`], [`Error::BootHeader`],
/// [`Error::OutOfBounds`], [`Error::NestedImage`], [`Error::Decompress`], or those of ELF headers.
pub fn kernel_version(path: impl AsRef<Path>) -> Result<Option<KernelBanner>, Error> {
    let path = path.as_ref();
    let _span = debug_span!("read kernel version", path = %path.display()).entered();
    let file = File::open(path).map_err(Error::io("open", path))?;
    let source = FileBytes::new(&file, path)?;
    find(&source, Nesting::Outer).map_err(Error::reading(path, "a kernel image"))
}

/// Like [`kernel_version`], from the content of a file.
///
/// # Errors
///
/// Those of [`kernel_version`] but [`Error::Io`] and [`Error::File`].
pub fn kernel_version_from_bytes(bytes: &[u8]) -> Result<Option<KernelBanner>, Error> {
    find(&Part::new(bytes, 0, bytes.len() as u64, "the image")?, Nesting::Outer)
}

/// Whether this is the file, or a section of a unified kernel image.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nesting {
    Outer,
    Section,
}

fn find(source: &dyn ByteSource, nesting: Nesting) -> Result<Option<KernelBanner>, Error> {
    let head = source.read(0, source.len().min(HEAD), "the beginning of the image")?;
    if let Some(boot) = bzimage::find(&head) {
        let boot = boot?;
        return if boot.version.is_some() { Ok(boot.version) } else { in_payload(source, boot.payload) };
    }
    if let Some(payload) = bzimage::find_zboot(&head) {
        return in_payload(source, payload?);
    }
    if s390::is_boot_image(&head) {
        return Ok(s390_version(source, &head));
    }
    if let Some(unified) = UnifiedImage::read(source)? {
        return if nesting == Nesting::Outer { in_unified(source, &unified) } else { Err(Error::NestedImage) };
    }
    if Compression::detect(&head).is_some() {
        return in_compressed(source);
    }
    if head.starts_with(goblin::elf::header::ELFMAG) {
        let headers = ElfHeaders::read(source)?;
        return if headers.elf_type() == goblin::elf::header::ET_REL { Err(Error::NotAKernel) } else { scan(source) };
    }
    if super::flat::is_flat_image(&head) {
        return scan(source);
    }
    if super::is_raw_btf(&head) {
        return Ok(None);
    }
    Err(Error::UnknownImage { magic: head.iter().take(8).copied().collect() })
}

fn s390_version(source: &dyn ByteSource, head: &[u8]) -> Option<KernelBanner> {
    let offset = s390::version_offset(head)?;
    let text = source.read(offset, source.len().checked_sub(offset)?.min(512), "the version string").ok()?;
    KernelBanner::parse(&text)
}

/// The kernel's own text has the build, which `.uname` has not.
fn in_unified(source: &dyn ByteSource, unified: &UnifiedImage) -> Result<Option<KernelBanner>, Error> {
    let section = |name| {
        unified.sections(name).next().map(|range| Part::new(source, range.start, range.end - range.start, "a section"))
    };
    if let Some(kernel) = section(".linux") {
        let found = find(&kernel?, Nesting::Section)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    let Some(release) = section(".uname") else { return Ok(None) };
    let release = release?;
    Ok(KernelBanner::parse(&release.read(0, release.len().min(512), "section .uname")?))
}

fn in_payload(source: &dyn ByteSource, payload: Payload) -> Result<Option<KernelBanner>, Error> {
    in_compressed(&Part::new(source, payload.offset, payload.len, Payload::WHAT)?)
}

fn in_compressed(source: &dyn ByteSource) -> Result<Option<KernelBanner>, Error> {
    let magic = source.read(0, source.len().min(8), Payload::WHAT)?;
    let compression = Compression::detect(&magic).ok_or_else(|| super::unknown_payload(&magic))?;
    let decoder = Decoder::new(compression, BufReader::with_capacity(1 << 16, SourceReader::new(source)))?;
    let input = usize::try_from(source.len()).unwrap_or(usize::MAX);
    scan_for_banner(decoder.take(MAX_DECOMPRESSED)).map_err(|source| Error::Decompress { compression, input, source })
}

fn scan(source: &dyn ByteSource) -> Result<Option<KernelBanner>, Error> {
    let reader = BufReader::with_capacity(1 << 18, SourceReader::new(source)).take(MAX_DECOMPRESSED);
    scan_for_banner(reader).map_err(|source| Error::Scan { source })
}

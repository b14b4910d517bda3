//! The BTF of every kind of kernel image.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use tracing::debug_span;

use crate::compress::MAX_DECOMPRESSED;
use crate::compression::Compression;
use crate::elf::{Elf, ElfHeaders};
use crate::error::Error;
use crate::image_kind::ImageKind;
use crate::source::{ByteSource, FileBytes, read_file};
use crate::symbols::Export;
use crate::unified::UnifiedImage;

mod bzimage;
mod config;
mod exports;
mod find_version;
mod flat;
mod s390;
mod version;

pub use find_version::{kernel_version, kernel_version_from_bytes};
pub use version::KernelBanner;

/// A kernel's own BTF, the base of its modules' BTF.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelBtf {
    /// The BTF.
    pub bytes: Vec<u8>,
    /// The kind of image that it was read from.
    pub kind: ImageKind,
    /// The kernel's release (`uname -r`), if the image has a field for it; see [`KernelImage::release`].
    pub release: Option<String>,
}

/// A kernel image, decompressed.
#[derive(Debug, Clone)]
pub struct KernelImage {
    kind: ImageKind,
    version: Option<KernelBanner>,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    RawBtf(Vec<u8>),
    Elf(Elf),
    Flat(Vec<u8>),
}

/// The BTF of the kernel in `path`: `vmlinux`, `vmlinuz`, `/sys/kernel/btf/vmlinux`, and the others in [`ImageKind`].
/// From an uncompressed ELF file only the headers and `.BTF` are read, so its debug information may have any size.
///
/// # Errors
///
/// [`Error::Io`], or [`Error::File`] around [`Error::NoBtf`], [`Error::UnknownImage`] and the other errors of
/// [`KernelImage::from_bytes`].
pub fn kernel_btf(path: impl AsRef<Path>) -> Result<KernelBtf, Error> {
    let path = path.as_ref();
    let _span = debug_span!("read kernel BTF", path = %path.display()).entered();
    let file = File::open(path).map_err(Error::io("open", path))?;
    let mut magic = Vec::new();
    (&file).take(4).read_to_end(&mut magic).map_err(Error::io("read", path))?;
    if magic == goblin::elf::header::ELFMAG {
        return elf_file_btf(&file, path).map_err(Error::reading(path, "a kernel image"));
    }
    kernel_btf_from_bytes(read_file(path)?).map_err(Error::reading(path, "a kernel image"))
}

/// Like [`kernel_btf`], from the content of a file.
///
/// # Errors
///
/// [`Error::NoBtf`], [`Error::UnknownImage`] and the other errors of [`KernelImage::from_bytes`].
pub fn kernel_btf_from_bytes(bytes: Vec<u8>) -> Result<KernelBtf, Error> {
    KernelImage::from_bytes(bytes)?.into_btf()
}

fn elf_file_btf(file: &File, path: &Path) -> Result<KernelBtf, Error> {
    let source = FileBytes::new(file, path)?;
    let headers = ElfHeaders::read(&source)?;
    if headers.elf_type() == goblin::elf::header::ET_REL {
        return Err(Error::NotAKernel);
    }
    let kind = ImageKind::Elf;
    let (offset, len) = headers.find(".BTF").filter(|&(_, len)| len > 0).ok_or(Error::NoBtf { kind })?;
    let bytes = source.read(offset, len, "section .BTF")?.into_owned();
    Ok(KernelBtf { bytes, kind, release: None })
}

impl KernelImage {
    /// Reads all of `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::File`] around the errors of [`KernelImage::from_bytes`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let _span = debug_span!("read kernel image", path = %path.display()).entered();
        Self::from_bytes(read_file(path)?).map_err(Error::reading(path, "a kernel image"))
    }

    /// Parses the content of an image's file.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownImage`] if the kind is unknown; [`Error::NotAKernel`] for a module; [`Error::BootHeader`] for
    /// a bzImage without a usable payload; [`Error::NestedImage`] for a unified kernel image in another;
    /// [`Error::Decompress`] and [`Error::TooLarge`] for the compressed kernel in it; [`Error::Goblin`],
    /// [`Error::Elf`] and [`Error::OutOfBounds`] for its ELF headers.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        if let Some(boot) = bzimage::find(&bytes) {
            let boot = boot?;
            let (compression, kernel) = decompress_payload(boot.payload.of(&bytes)?)?;
            let body = Body::from_plain(kernel)?;
            return Ok(Self { kind: ImageKind::BzImage(compression), version: boot.version, body });
        }
        if let Some(payload) = bzimage::find_zboot(&bytes) {
            let (compression, kernel) = decompress_payload(payload?.of(&bytes)?)?;
            let body = Body::from_plain(kernel)?;
            return Ok(Self { kind: ImageKind::EfiZboot(compression), version: None, body });
        }
        if s390::is_boot_image(&bytes) {
            let version = s390::version(&bytes);
            let (compression, kernel) = s390::decompress(&bytes).unzip();
            let body = Body::Flat(kernel.unwrap_or(bytes));
            return Ok(Self { kind: ImageKind::S390(compression), version, body });
        }
        if let Some(unified) = UnifiedImage::from_bytes(&bytes)? {
            return Self::from_unified(&unified, &bytes);
        }
        if let Some(compression) = Compression::detect(&bytes) {
            let body = Body::from_plain(compression.decompress(&bytes, MAX_DECOMPRESSED)?)?;
            return Ok(Self { kind: ImageKind::Compressed(compression), version: None, body });
        }
        let body = Body::from_plain(bytes)?;
        let kind = match body {
            Body::RawBtf(_) => ImageKind::RawBtf,
            Body::Elf(_) => ImageKind::Elf,
            Body::Flat(_) => ImageKind::Flat,
        };
        Ok(Self { kind, version: None, body })
    }

    /// The kernel in the first section `.linux`.
    fn from_unified(unified: &UnifiedImage, bytes: &[u8]) -> Result<Self, Error> {
        let section = |name| {
            let range = unified.sections(name).next()?;
            bytes.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
        };
        let kernel = section(".linux").unwrap_or_default();
        if UnifiedImage::from_bytes(kernel)?.is_some() {
            return Err(Error::NestedImage);
        }
        let inner = Self::from_bytes(kernel.to_vec())?;
        let version = inner.version.or_else(|| KernelBanner::parse(section(".uname")?));
        Ok(Self { kind: ImageKind::Unified, version, body: inner.body })
    }

    /// The kind of file.
    #[must_use]
    pub fn kind(&self) -> ImageKind {
        self.kind
    }

    /// The kernel's release (`uname -r`), if the image has a field for it: a bzImage of x86 or s390, or a unified
    /// kernel image. See also [`KernelImage::version`].
    #[must_use]
    pub fn release(&self) -> Option<&str> {
        self.version.as_ref().map(KernelBanner::release)
    }

    /// The kernel's version: from the image's field, otherwise from the banner that the kernel prints. Raw BTF has none.
    #[must_use]
    pub fn version(&self) -> Option<KernelBanner> {
        self.version.clone().or_else(|| version::find_banner(self.body_bytes()?))
    }

    /// The kernel's configuration, if it is embedded (CONFIG_IKCONFIG).
    ///
    /// # Errors
    ///
    /// [`Error::Decompress`] or [`Error::TooLarge`] if it is damaged.
    pub fn config(&self) -> Result<Option<Vec<u8>>, Error> {
        self.body_bytes().and_then(config::find).transpose()
    }

    /// The decompressed kernel; `None` for raw BTF.
    fn body_bytes(&self) -> Option<&[u8]> {
        match &self.body {
            Body::RawBtf(_) => None,
            Body::Elf(elf) => Some(elf.bytes()),
            Body::Flat(bytes) => Some(bytes),
        }
    }

    /// The kernel's ELF file, if the image contains one.
    #[must_use]
    pub fn elf(&self) -> Option<&Elf> {
        match &self.body {
            Body::Elf(elf) => Some(elf),
            Body::RawBtf(_) | Body::Flat(_) => None,
        }
    }

    /// The kernel's BTF.
    ///
    /// # Errors
    ///
    /// [`Error::NoBtf`] if it has none.
    pub fn btf(&self) -> Result<&[u8], Error> {
        let bytes = match &self.body {
            Body::RawBtf(bytes) => Some(bytes.as_slice()),
            Body::Elf(elf) => elf.section(".BTF"),
            Body::Flat(bytes) => flat::find(bytes),
        };
        bytes.filter(|bytes| !bytes.is_empty()).ok_or(Error::NoBtf { kind: self.kind })
    }

    /// The symbols that the kernel itself exports (without its modules) with their CRCs, sorted by name. When a
    /// module is loaded, its `__versions` are compared with these. Empty if the kernel was built without
    /// CONFIG_MODVERSIONS.
    ///
    /// # Errors
    ///
    /// [`Error::Section`] or [`Error::Record`] if the tables are damaged or of an unknown form.
    pub fn exports(&self) -> Result<Vec<Export<'_>>, Error> {
        self.elf().map_or(Ok(Vec::new()), exports::read)
    }

    fn into_btf(self) -> Result<KernelBtf, Error> {
        let bytes = self.btf()?.to_vec();
        Ok(KernelBtf { bytes, kind: self.kind, release: self.release().map(str::to_owned) })
    }
}

impl Body {
    /// Classifies an uncompressed image.
    fn from_plain(bytes: Vec<u8>) -> Result<Self, Error> {
        if bytes.starts_with(goblin::elf::header::ELFMAG) {
            let elf = Elf::parse(bytes)?;
            return if elf.is_relocatable() { Err(Error::NotAKernel) } else { Ok(Self::Elf(elf)) };
        }
        if is_raw_btf(&bytes) {
            return Ok(Self::RawBtf(bytes));
        }
        if flat::is_flat_image(&bytes) {
            return Ok(Self::Flat(bytes));
        }
        Err(Error::UnknownImage { magic: bytes.iter().take(8).copied().collect() })
    }
}

fn is_raw_btf(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x9f, 0xeb]) || bytes.starts_with(&[0xeb, 0x9f])
}

fn decompress_payload(payload: &[u8]) -> Result<(Compression, Vec<u8>), Error> {
    let compression = Compression::detect(payload).ok_or_else(|| unknown_payload(payload))?;
    Ok((compression, compression.decompress(payload, MAX_DECOMPRESSED)?))
}

fn unknown_payload(payload: &[u8]) -> Error {
    let magic = payload.iter().take(8).copied().collect::<Vec<u8>>();
    Error::BootHeader { reason: format!("the payload begins with {magic:02x?}, which is no known compression") }
}

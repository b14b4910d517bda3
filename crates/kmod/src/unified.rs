//! Unified kernel images: one EFI program with a kernel, an initramfs and more in its sections.
//!
//! Sections are described by the UAPI group's specification "Unified Kernel Image"; the headers are those of the PE format.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use util::Endian;

use crate::error::Error;
use crate::source::{ByteSource, FileBytes};

/// Where the offset of the PE header is.
const PE_OFFSET_AT: u64 = 0x3c;
/// The length of the signature and the COFF header, and of one section's header, in bytes.
const PE_HEADER: u64 = 24;
const SECTION_HEADER: usize = 40;

const WHAT: &str = "the PE headers";

/// The sections of a unified kernel image.
#[derive(Debug, Clone)]
pub struct UnifiedImage {
    sections: Vec<(String, Range<u64>)>,
}

impl UnifiedImage {
    /// Reads the headers of the file `path`; `None` if it is no unified kernel image, which is a PE file with a section
    /// `.linux`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::File`] around [`Error::OutOfBounds`] if the headers reach past the end.
    pub fn open(path: impl AsRef<Path>) -> Result<Option<Self>, Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(Error::io("open", path))?;
        let source = FileBytes::new(&file, path)?;
        Self::read(&source).map_err(Error::reading(path, "a kernel image"))
    }

    /// Like [`UnifiedImage::open`], from the content of a file.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Option<Self>, Error> {
        Self::read(bytes)
    }

    pub(crate) fn read(source: &(impl ByteSource + ?Sized)) -> Result<Option<Self>, Error> {
        let have = source.len();
        if have < PE_OFFSET_AT + 4 || *source.read(0, 2, WHAT)? != *b"MZ" {
            return Ok(None);
        }
        let number = |bytes: &[u8], at| u64::from(Endian::Little.u32_at(bytes, at).unwrap_or_default());
        let small = |bytes: &[u8], at| u64::from(Endian::Little.u16_at(bytes, at).unwrap_or_default());
        let start = number(&source.read(PE_OFFSET_AT, 4, WHAT)?, 0);
        if start + PE_HEADER > have {
            return Ok(None);
        }
        let header = source.read(start, PE_HEADER, WHAT)?;
        if !header.starts_with(b"PE\0\0") {
            return Ok(None);
        }
        let (count, optional) = (small(&header, 6), small(&header, 20));
        let table = source.read(start + PE_HEADER + optional, count * SECTION_HEADER as u64, WHAT)?;
        let sections = table.chunks_exact(SECTION_HEADER).map(|section| {
            let name = section[..8].split(|&byte| byte == 0).next().unwrap_or_default();
            // In the file a section is padded, in memory it has its own length.
            let (in_memory, in_file, offset) = (number(section, 8), number(section, 16), number(section, 20));
            let len = if in_memory == 0 { in_file } else { in_memory.min(in_file) };
            (String::from_utf8_lossy(name).into_owned(), offset..offset + len)
        });
        let sections: Vec<_> = sections.collect();
        if !sections.iter().any(|(name, _)| name == ".linux") {
            return Ok(None);
        }
        for (_, range) in &sections {
            if range.end > have {
                let (offset, len) = (range.start, range.end - range.start);
                return Err(Error::OutOfBounds { what: "a section of the unified kernel image", offset, len, have });
            }
        }
        Ok(Some(Self { sections }))
    }

    /// Where the sections of that name lie in the file, in bytes. A kernel is in `.linux`, its release in `.uname`, an initramfs
    /// in `.initrd`, microcode that precedes that in `.ucode`. With several profiles there are several of a name.
    pub fn sections<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Range<u64>> + 'a {
        self.sections.iter().filter(move |(found, _)| found == name).map(|(_, range)| range.clone())
    }
}

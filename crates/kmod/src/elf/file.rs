//! ELF files of which only some sections are read.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use goblin::elf::section_header;
use util::Endian;

use super::headers::ElfHeaders;
use super::section::SectionHead;
use super::symbol::SymbolTable;
use crate::compress::MAX_DECOMPRESSED;
use crate::compression::Compression;
use crate::error::Error;
use crate::source::{FileBytes, read_file};

/// An ELF file whose sections are read on demand, completely or in part. Its debug information may have any size.
///
/// It can be shared between threads, because reads do not change a file position.
#[derive(Debug)]
pub struct ElfFile {
    backing: Backing,
    headers: ElfHeaders,
}

#[derive(Debug)]
enum Backing {
    File { file: File, path: PathBuf },
    Bytes(Vec<u8>),
}

impl ElfFile {
    /// Opens `path` and reads its headers. A compressed file, recognised by its magic, is decompressed in memory.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::File`] around the errors of [`crate::Elf::parse`] or of decompression.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(Error::io("open", path))?;
        if let Some(compression) = Compression::of_file(&file, path)? {
            let bytes = compression
                .decompress(&read_file(path)?, MAX_DECOMPRESSED)
                .map_err(Error::reading(path, "an ELF file"))?;
            return Self::from_bytes(bytes).map_err(Error::reading(path, "an ELF file"));
        }
        let headers = FileBytes::new(&file, path)
            .and_then(|source| ElfHeaders::read(&source))
            .map_err(Error::reading(path, "an ELF file"))?;
        Ok(Self { backing: Backing::File { file, path: path.to_owned() }, headers })
    }

    /// Parses a file's content.
    ///
    /// # Errors
    ///
    /// Same as [`crate::Elf::parse`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        let headers = ElfHeaders::read(bytes.as_slice())?;
        Ok(Self { backing: Backing::Bytes(bytes), headers })
    }

    /// Whether addresses have 64 bits.
    #[must_use]
    pub fn is_64(&self) -> bool {
        self.headers.is_64()
    }

    /// Its byte order.
    #[must_use]
    pub fn endian(&self) -> Endian {
        self.headers.endian()
    }

    /// Whether numbers are little endian.
    #[must_use]
    pub fn is_little_endian(&self) -> bool {
        self.endian() == Endian::Little
    }

    /// Whether this is a relocatable file (`ET_REL`), such as a module.
    #[must_use]
    pub fn is_relocatable(&self) -> bool {
        self.headers.elf_type() == goblin::elf::header::ET_REL
    }

    /// `e_machine`: 62 is x86-64, 183 AArch64.
    #[must_use]
    pub fn machine(&self) -> u16 {
        self.headers.machine()
    }

    /// All sections, in the order of the table.
    pub fn sections(&self) -> impl Iterator<Item = SectionHead<'_>> {
        self.headers.heads()
    }

    /// The first section of that name that has bytes in the file.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<SectionHead<'_>> {
        self.sections().find(|head| head.name == name.as_bytes() && head.kind != section_header::SHT_NOBITS)
    }

    /// The section with that index.
    #[must_use]
    pub fn section(&self, index: usize) -> Option<SectionHead<'_>> {
        self.headers.head(index)
    }

    /// The symbols of the first symbol table; empty if there is no table.
    ///
    /// # Errors
    ///
    /// Same as [`ElfFile::read`].
    pub fn symbols(&self) -> Result<SymbolTable, Error> {
        let table = self.sections().find(|head| head.kind == section_header::SHT_SYMTAB);
        let names = table.and_then(|table| self.section(table.link as usize));
        let read = |section: Option<SectionHead<'_>>| section.map_or(Ok(Vec::new()), |head| self.read_all(&head));
        Ok(SymbolTable { table: read(table)?, names: read(names)?, ctx: self.headers.ctx() })
    }

    /// Replaces the content of `buffer` by `len` bytes of a section, from `offset` in it.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] if the section has fewer bytes, [`Error::TooLarge`] for more than [`MAX_DECOMPRESSED`]
    /// bytes, and [`Error::Io`].
    pub fn read(&self, section: &SectionHead<'_>, offset: u64, len: u64, buffer: &mut Vec<u8>) -> Result<(), Error> {
        let have = section.file_size;
        if offset.checked_add(len).is_none_or(|end| end > have) {
            return Err(Error::OutOfBounds { what: "part of a section", offset, len, have });
        }
        if len > MAX_DECOMPRESSED {
            return Err(Error::TooLarge { what: "part of a section", limit: MAX_DECOMPRESSED });
        }
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let start = section.offset.saturating_add(offset);
        match &self.backing {
            Backing::File { file, path } => {
                buffer.resize(len, 0);
                file.read_exact_at(buffer, start).map_err(Error::io("read", path))
            }
            Backing::Bytes(bytes) => {
                let rest = usize::try_from(start).ok().and_then(|start| bytes.get(start..)?.get(..len));
                let out_of_bounds = Error::OutOfBounds { what: "part of a section", offset, len: len as u64, have };
                buffer.clear();
                buffer.extend_from_slice(rest.ok_or(out_of_bounds)?);
                Ok(())
            }
        }
    }

    /// Reads a whole section.
    ///
    /// # Errors
    ///
    /// Same as [`ElfFile::read`].
    pub fn read_all(&self, section: &SectionHead<'_>) -> Result<Vec<u8>, Error> {
        let mut buffer = Vec::new();
        self.read(section, 0, section.file_size, &mut buffer)?;
        Ok(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_refuses_bytes_outside_a_section() {
        let own = std::env::current_exe().expect("the test knows its own file");
        let from_file = ElfFile::open(&own).expect("the test is an ELF file");
        let from_bytes = ElfFile::from_bytes(std::fs::read(&own).expect("readable")).expect("the same");
        for elf in [from_file, from_bytes] {
            let text = elf.find(".text").expect("a program has code");
            let mut buffer = vec![1, 2, 3];
            elf.read(&text, 4, 8, &mut buffer).expect("there are 12 bytes of code");
            assert_eq!(buffer, elf.read_all(&text).expect("all of it")[4..12]);
            for (offset, len) in [(text.file_size, 1), (u64::MAX, 1), (0, u64::MAX), (0, text.file_size + 1)] {
                assert!(matches!(elf.read(&text, offset, len, &mut buffer), Err(Error::OutOfBounds { .. })));
            }
        }
    }
}

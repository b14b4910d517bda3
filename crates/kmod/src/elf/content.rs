//! The content of a section that may be compressed.

use std::io::Read;

use super::file::ElfFile;
use super::section::SectionHead;
use crate::compress::MAX_DECOMPRESSED;
use crate::error::Error;

/// The content of a section: read from the file in parts, or, if it is compressed in the file, decompressed in
/// memory.
#[derive(Debug)]
pub struct Content<'e> {
    elf: &'e ElfFile,
    storage: Storage<'e>,
}

#[derive(Debug)]
enum Storage<'e> {
    InFile(SectionHead<'e>),
    Decompressed(Vec<u8>),
}

/// `SHF_COMPRESSED`.
const SHF_COMPRESSED: u64 = 1 << 11;
/// `ELFCOMPRESS_ZLIB`.
const ZLIB: u32 = 1;
/// `ELFCOMPRESS_ZSTD`.
const ZSTD: u32 = 2;
/// log2 of zstd's largest window: 128 MiB.
const ZSTD_WINDOW_LOG: u32 = 27;

impl ElfFile {
    /// The content of a section, decompressed if the section is compressed (`SHF_COMPRESSED`, zlib or zstd).
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] if its header announces more than [`MAX_DECOMPRESSED`] bytes, before anything is
    /// decompressed; [`Error::Elf`] if it is damaged, has another length than announced, or an unknown compression;
    /// and the errors of [`ElfFile::read`].
    pub fn content<'e>(&'e self, section: &SectionHead<'e>) -> Result<Content<'e>, Error> {
        let storage = if section.flags & SHF_COMPRESSED == 0 || section.file_size == 0 {
            Storage::InFile(*section)
        } else {
            Storage::Decompressed(self.decompress(section)?)
        };
        Ok(Content { elf: self, storage })
    }

    fn decompress(&self, section: &SectionHead<'_>) -> Result<Vec<u8>, Error> {
        let bytes = self.read_all(section)?;
        let header_len = if self.is_64() { 24 } else { 12 };
        let (header, data) = bytes.split_at_checked(header_len).ok_or(Error::OutOfBounds {
            what: "the header of a compressed section",
            offset: 0,
            len: header_len as u64,
            have: bytes.len() as u64,
        })?;
        let endian = self.endian();
        let kind = endian.u32_at(header, 0).unwrap_or_default();
        let size = if self.is_64() { endian.u64_at(header, 8) } else { endian.u32_at(header, 4).map(u64::from) };
        let size = size.unwrap_or_default();
        if size > MAX_DECOMPRESSED {
            return Err(Error::TooLarge { what: "a compressed section", limit: MAX_DECOMPRESSED });
        }
        let result = match kind {
            ZLIB => inflate(flate2::bufread::ZlibDecoder::new(data), data.len(), size),
            ZSTD => zstd_decoder(data).and_then(|decoder| inflate(decoder, data.len(), size)),
            _ => {
                return Err(damaged(
                    section,
                    &format!("the compression {kind} is not known, only zlib (1) and zstd (2) are"),
                ));
            }
        };
        let output = result.map_err(|source| damaged(section, &source.to_string()))?;
        if output.len() as u64 != size {
            return Err(damaged(section, &format!("it has not the {size} bytes that it says it has")));
        }
        Ok(output)
    }
}

fn damaged(section: &SectionHead<'_>, reason: &str) -> Error {
    Error::Elf { reason: format!("{} cannot be decompressed: {reason}", section.name.escape_ascii()) }
}

fn zstd_decoder(data: &[u8]) -> std::io::Result<impl Read> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(data)?.single_frame();
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

/// Decompresses up to `size` plus one byte: one byte more is enough to detect that the content is too long.
fn inflate(reader: impl Read, input: usize, size: u64) -> std::io::Result<Vec<u8>> {
    let expected = usize::try_from(size).unwrap_or(usize::MAX);
    let mut output = Vec::with_capacity(expected.min(input.saturating_mul(8)));
    reader.take(size.saturating_add(1)).read_to_end(&mut output)?;
    Ok(output)
}

impl Content<'_> {
    /// The number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.storage {
            Storage::InFile(head) => head.file_size,
            Storage::Decompressed(bytes) => bytes.len() as u64,
        }
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Replaces the content of `buffer` by `len` bytes from `offset`.
    ///
    /// # Errors
    ///
    /// Same as [`ElfFile::read`].
    pub fn read(&self, offset: u64, len: u64, buffer: &mut Vec<u8>) -> Result<(), Error> {
        match &self.storage {
            Storage::InFile(head) => self.elf.read(head, offset, len, buffer),
            Storage::Decompressed(bytes) => {
                let end = offset.checked_add(len).and_then(|end| usize::try_from(end).ok());
                let range = usize::try_from(offset).ok().zip(end);
                let part = range.and_then(|(start, end)| bytes.get(start..end));
                let have = bytes.len() as u64;
                let part = part.ok_or(Error::OutOfBounds { what: "part of a section", offset, len, have })?;
                buffer.clear();
                buffer.extend_from_slice(part);
                Ok(())
            }
        }
    }

    /// All bytes.
    ///
    /// # Errors
    ///
    /// Same as [`ElfFile::read`].
    pub fn into_bytes(self) -> Result<Vec<u8>, Error> {
        match self.storage {
            Storage::InFile(head) => self.elf.read_all(&head),
            Storage::Decompressed(bytes) => Ok(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use test_elf::{Builder, Section, TARGETS, Target, X86_64};

    use super::*;

    const TEXT: &[u8] = b"the same and the same and the same and the same again";

    /// A file with one section with contents, which has these flags and bytes.
    fn file(target: Target, flags: u64, bytes: &[u8]) -> ElfFile {
        let section = Section { flags, ..Section::new(".debug_x", bytes) };
        ElfFile::from_bytes(Builder::new(target).add_section(section).bytes()).expect("usable")
    }

    fn compressed(target: Target, kind: u32, size: u64, data: &[u8]) -> ElfFile {
        let mut bytes = target.u32(kind);
        bytes.resize(if target.is_64 { 8 } else { 4 }, 0);
        bytes.extend(target.word(size));
        bytes.resize(bytes.len() + if target.is_64 { 8 } else { 4 }, 0);
        bytes.extend_from_slice(data);
        file(target, SHF_COMPRESSED, &bytes)
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).expect("it goes to memory");
        encoder.finish().expect("it goes to memory")
    }

    fn read(elf: &ElfFile) -> Result<Vec<u8>, Error> {
        elf.content(&elf.find(".debug_x").expect("it is there"))?.into_bytes()
    }

    #[test]
    fn content_decompresses_sections() {
        let zstd = zstd::encode_all(TEXT, 3).expect("it goes to memory");
        for target in TARGETS {
            for (kind, data) in [(ZLIB, zlib(TEXT)), (ZSTD, zstd.clone())] {
                let elf = compressed(target, kind, TEXT.len() as u64, &data);
                assert_eq!(read(&elf).expect("well-formed"), TEXT);
                let content = elf.content(&elf.find(".debug_x").expect("there")).expect("well-formed");
                let mut part = vec![1];
                content.read(4, 4, &mut part).expect("inside");
                assert_eq!((part.as_slice(), content.len()), (&TEXT[4..8], TEXT.len() as u64));
                for (offset, len) in [(0, TEXT.len() as u64 + 1), (u64::MAX, 1), (TEXT.len() as u64, 1)] {
                    assert!(matches!(content.read(offset, len, &mut part), Err(Error::OutOfBounds { .. })));
                }
            }
            assert_eq!(read(&file(target, 0, TEXT)).expect("as it is"), TEXT);
        }
    }

    #[test]
    fn content_refuses_sections_that_contradict_their_header() {
        let data = zlib(TEXT);
        let size = TEXT.len() as u64;
        let refused = |kind, size, data: &[u8]| read(&compressed(X86_64, kind, size, data)).expect_err("damaged");
        for size in [0, size - 1, size + 1] {
            assert!(matches!(refused(ZLIB, size, &data), Error::Elf { .. }), "{size}");
        }
        assert!(matches!(refused(ZLIB, u64::MAX, &data), Error::TooLarge { .. }));
        for (kind, data) in [(ZLIB, &data[..9]), (ZSTD, &data[..]), (3, &data[..]), (ZLIB, &[][..]), (ZSTD, &[][..])] {
            assert!(matches!(refused(kind, size, data), Error::Elf { .. }), "{kind}");
        }
        let cut = file(X86_64, SHF_COMPRESSED, &[1, 0, 0]);
        assert!(matches!(read(&cut), Err(Error::OutOfBounds { .. })));
    }

    #[test]
    fn much_out_of_little_is_cut_at_what_was_said() {
        let data = zlib(&vec![0; 1 << 24]);
        assert!(matches!(read(&compressed(X86_64, ZLIB, 1000, &data)), Err(Error::Elf { .. })));
    }
}

//! Decompression with limits, chosen by magic; and the compression of modules.

use std::io::{self, Read, Write as _};

use crate::compression::Compression;
use crate::decoder::Decoder;
use crate::error::Error;

/// The maximum size of a module or a kernel image after decompression: 512 MiB.
///
/// A module with debug information of a large driver has about 100 MiB, a kernel's inner ELF file about 60 MiB.
pub const MAX_DECOMPRESSED: u64 = 512 << 20;

impl Compression {
    /// Decompresses `bytes` up to the end of the first compressed stream. Anything after it is ignored, because a
    /// kernel image's payload is followed by its length.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] if the output would exceed `limit` bytes, [`Error::Decompress`] if the data is damaged or
    /// ends early, [`Error::Decoder`].
    pub fn decompress(self, bytes: &[u8], limit: u64) -> Result<Vec<u8>, Error> {
        let output = read_bounded(Decoder::new(self, bytes)?, bytes.len(), limit)
            .map_err(|source| Error::Decompress { compression: self, input: bytes.len(), source })?;
        output.ok_or(Error::TooLarge { what: "the decompressed data", limit })
    }
}

/// The dictionary size for compressing modules, in bytes. The kernel allocates it during loading
/// (`scripts/Makefile.modinst`).
const XZ_DICTIONARY: u32 = 1 << 20;

impl Compression {
    /// The compression of a file, recognised by its magic.
    pub(crate) fn of_file(file: &std::fs::File, path: &std::path::Path) -> Result<Option<Self>, Error> {
        let mut magic = [0; 8];
        let mut have = 0;
        while have < magic.len() {
            let more = std::os::unix::fs::FileExt::read_at(file, &mut magic[have..], have as u64);
            match more.map_err(Error::io("read", path))? {
                0 => break,
                more => have += more,
            }
        }
        Ok(Self::detect(&magic[..have]))
    }

    /// Compresses a module so that the kernel and kmod can decompress it, as `scripts/Makefile.modinst` does: gzip without
    /// name and time, xz with CRC32 and a dictionary of 1 MiB, zstd with its usual level and checksum.
    ///
    /// # Errors
    ///
    /// [`Error::NotForModules`] for the other compressions, [`Error::Compress`].
    pub fn compress(self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            Self::Gzip => gzip(bytes),
            Self::Xz => xz(bytes),
            Self::Zstd => zstandard(bytes),
            Self::Lzma | Self::Lz4Legacy | Self::Bzip2 | Self::Lzo => {
                return Err(Error::NotForModules { compression: self });
            }
        }
        .map_err(|source| Error::Compress { compression: self, input: bytes.len(), source })
    }
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn xz(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut options = liblzma::stream::LzmaOptions::new_preset(6)?;
    options.dict_size(XZ_DICTIONARY);
    let mut filters = liblzma::stream::Filters::new();
    filters.lzma2(&options);
    let stream = liblzma::stream::Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc32)?;
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn zstandard(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), zstd::DEFAULT_COMPRESSION_LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(bytes.len() as u64))?;
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// All bytes of `reader`, or `None` if there are more than `limit`.
fn read_bounded(reader: impl Read, input: usize, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let limit_in_memory = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut output = Vec::with_capacity(input.saturating_mul(4).min(limit_in_memory));
    reader.take(limit.saturating_add(1)).read_to_end(&mut output)?;
    Ok((output.len() <= limit_in_memory).then_some(output))
}

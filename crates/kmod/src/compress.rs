//! Decompression with limits, chosen by magic; and the compression of modules.

use std::io::{self, Read, Write as _};

use util::Endian;

use crate::compression::{Compression, LZ4_LEGACY_MAGIC};
use crate::error::Error;

/// The maximum size of a module or a kernel image after decompression: 512 MiB.
///
/// A module with debug information of a large driver has about 100 MiB, a kernel's inner ELF file about 60 MiB.
pub const MAX_DECOMPRESSED: u64 = 512 << 20;

/// The maximum memory that a decompressor may use besides its output. The kernel's own xz and zstd images use windows
/// of 128 MiB (`scripts/xz_wrap.sh`, `zstd --ultra -22`).
const MAX_WINDOW: u64 = 256 << 20;

/// log2 of zstd's largest window: 128 MiB.
const ZSTD_WINDOW_LOG: u32 = 27;

/// The size of a block of lz4's legacy format after decompression, in bytes; only the last one may be shorter.
const LZ4_LEGACY_BLOCK: usize = 8 << 20;

impl Compression {
    /// Decompresses `bytes` up to the end of the first compressed stream. Anything after it is ignored, because a
    /// kernel image's payload is followed by its length.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] if the output would exceed `limit` bytes, [`Error::Decompress`] if the data is damaged or
    /// ends early, [`Error::UnsupportedCompression`].
    pub fn decompress(self, bytes: &[u8], limit: u64) -> Result<Vec<u8>, Error> {
        let output = match self {
            Self::Gzip => read_bounded(flate2::bufread::GzDecoder::new(bytes), bytes.len(), limit),
            Self::Xz => xz_decoder(bytes).and_then(|decoder| read_bounded(decoder, bytes.len(), limit)),
            Self::Lzma => lzma_decoder(bytes).and_then(|decoder| read_bounded(decoder, bytes.len(), limit)),
            Self::Zstd => zstd_decoder(bytes).and_then(|decoder| read_bounded(decoder, bytes.len(), limit)),
            Self::Bzip2 => read_bounded(bzip2::bufread::BzDecoder::new(bytes), bytes.len(), limit),
            Self::Lz4Legacy => lz4_legacy(bytes, limit),
            Self::Lzo => return Err(Error::UnsupportedCompression { compression: self }),
        }
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

fn xz_decoder(bytes: &[u8]) -> io::Result<impl Read> {
    let stream = liblzma::stream::Stream::new_stream_decoder(MAX_WINDOW, 0)?;
    Ok(liblzma::bufread::XzDecoder::new_stream(bytes, stream))
}

fn lzma_decoder(bytes: &[u8]) -> io::Result<impl Read> {
    let stream = liblzma::stream::Stream::new_lzma_decoder(MAX_WINDOW)?;
    Ok(liblzma::bufread::XzDecoder::new_stream(bytes, stream))
}

fn zstd_decoder(bytes: &[u8]) -> io::Result<impl Read> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?.single_frame();
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

/// Decompresses lz4's legacy frame: the magic, then blocks, each preceded by its compressed length in 4 bytes. The
/// kernel's build appends the decompressed length, again 4 bytes. It looks like a block's length, except that nothing
/// follows it.
fn lz4_legacy(bytes: &[u8], limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut rest = bytes.strip_prefix(&LZ4_LEGACY_MAGIC).ok_or_else(|| invalid("no lz4 magic"))?;
    let mut output = Vec::new();
    let mut block = vec![0; LZ4_LEGACY_BLOCK];
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = Endian::Little.read_u32(*length) as usize;
        if after.is_empty() && length == output.len() {
            rest = after;
            break;
        }
        let compressed = after.get(..length).filter(|block| !block.is_empty());
        let compressed = compressed.ok_or_else(|| invalid("a block reaches past the end"))?;
        let written = lz4_flex::block::decompress_into(compressed, &mut block).map_err(io::Error::other)?;
        output.extend_from_slice(&block[..written]);
        if output.len() as u64 > limit {
            return Ok(None);
        }
        rest = &after[length..];
    }
    if rest.is_empty() { Ok(Some(output)) } else { Err(invalid("a block's length is cut short")) }
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

//! Decompression as a stream, with bounded memory.

use std::fmt;
use std::io::{self, BufRead, Read};

use crate::compression::Compression;
use crate::error::Error;

mod block;
mod lz4;
mod lzop;

/// The most memory that a decompressor may ask for besides its output. The kernel's own xz and zstd images use windows of
/// 128 MiB (`scripts/xz_wrap.sh`, `zstd --ultra -22`).
const MAX_WINDOW: u64 = 256 << 20;

/// log2 of zstd's largest window: 128 MiB.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Decompresses one stream, from the position of `input` to the end of the stream. It takes nothing from `input` that
/// follows the stream.
///
/// Its memory is bounded, its output is not: read it through [`Read::take`]. A stream that is damaged or ends early is an
/// error of the kind [`io::ErrorKind::InvalidData`], [`io::ErrorKind::UnexpectedEof`] or
/// [`io::ErrorKind::Other`].
pub struct Decoder<R: BufRead> {
    compression: Compression,
    stream: Stream<R>,
}

enum Stream<R: BufRead> {
    Gzip(flate2::bufread::GzDecoder<R>),
    Liblzma(liblzma::bufread::XzDecoder<R>),
    Zstd(zstd::stream::read::Decoder<'static, R>),
    Bzip2(bzip2::bufread::BzDecoder<R>),
    Lz4(lz4::Decoder<R>),
    Lzop(lzop::Decoder<R>),
}

impl<R: BufRead> fmt::Debug for Decoder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("compression", &self.compression).finish_non_exhaustive()
    }
}

impl<R: BufRead> Decoder<R> {
    /// A decoder of the stream at the position of `input`. Nothing is read yet.
    ///
    /// # Errors
    ///
    /// [`Error::Decoder`] if the library cannot be set up.
    pub fn new(compression: Compression, input: R) -> Result<Self, Error> {
        let stream = Stream::new(compression, input).map_err(|source| Error::Decoder { compression, source })?;
        Ok(Self { compression, stream })
    }

    /// Returns the input. Its position is the end of the stream, if the stream was read to its end.
    pub fn into_inner(self) -> R {
        match self.stream {
            Stream::Gzip(decoder) => decoder.into_inner(),
            Stream::Liblzma(decoder) => decoder.into_inner(),
            Stream::Zstd(decoder) => decoder.finish(),
            Stream::Bzip2(decoder) => decoder.into_inner(),
            Stream::Lz4(decoder) => decoder.into_inner(),
            Stream::Lzop(decoder) => decoder.into_inner(),
        }
    }
}

impl<R: BufRead> Stream<R> {
    fn new(compression: Compression, input: R) -> io::Result<Self> {
        use liblzma::bufread::XzDecoder;
        use liblzma::stream::Stream as Liblzma;

        Ok(match compression {
            Compression::Gzip => Self::Gzip(flate2::bufread::GzDecoder::new(input)),
            Compression::Xz => Self::Liblzma(XzDecoder::new_stream(input, Liblzma::new_stream_decoder(MAX_WINDOW, 0)?)),
            Compression::Lzma => Self::Liblzma(XzDecoder::new_stream(input, Liblzma::new_lzma_decoder(MAX_WINDOW)?)),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?.single_frame();
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Self::Zstd(decoder)
            }
            Compression::Bzip2 => Self::Bzip2(bzip2::bufread::BzDecoder::new(input)),
            Compression::Lz4Legacy => Self::Lz4(lz4::Decoder::new(input)),
            Compression::Lzo => Self::Lzop(lzop::Decoder::new(input)),
        })
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Gzip(decoder) => decoder.read(buffer),
            Stream::Liblzma(decoder) => decoder.read(buffer),
            Stream::Zstd(decoder) => decoder.read(buffer),
            Stream::Bzip2(decoder) => decoder.read(buffer),
            Stream::Lz4(decoder) => decoder.read(buffer),
            Stream::Lzop(decoder) => decoder.read(buffer),
        }
    }
}

//! Compression as a kernel's build does it.

use std::io::Write;

use liblzma::stream::{Check, Filters, LzmaOptions, Stream};
use liblzma::write::XzEncoder;

/// The size of a block of lz4's legacy format before compression, in bytes.
const LZ4_BLOCK: usize = 8 << 20;

/// Compresses with xz and the filter for x86 code, as for kernel images.
pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut filters = Filters::new();
    filters.x86();
    filters.lzma2(&LzmaOptions::new_preset(6).unwrap());
    liblzma(bytes, Stream::new_stream_encoder(&filters, Check::Crc32).unwrap())
}

pub fn lzma_alone(bytes: &[u8]) -> Vec<u8> {
    liblzma(bytes, Stream::new_lzma_encoder(&LzmaOptions::new_preset(6).unwrap()).unwrap())
}

fn liblzma(bytes: &[u8], stream: Stream) -> Vec<u8> {
    let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Compresses to lz4's legacy frame.
pub fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut out = b"\x02\x21\x4c\x18".to_vec();
    for block in bytes.chunks(LZ4_BLOCK) {
        let compressed = lz4_flex::block::compress(block);
        out.extend((compressed.len() as u32).to_le_bytes());
        out.extend(compressed);
    }
    out
}

/// lzop's format with a checksum of each block's content, as lzop writes it.
pub fn lzop(bytes: &[u8]) -> Vec<u8> {
    let mut out = b"\x89LZO\0\r\n\x1a\n".to_vec();
    out.extend([0x10, 0x40, 0x20, 0xa0, 0x09, 0x40, 1, 5]); // Versions, method, level.
    out.extend([0, 0, 0, 1]); // Flags: Adler-32 of the content.
    out.extend([0; 12]);
    out.extend([2, b'h', b'i', 0, 0, 0, 0]);
    for block in bytes.chunks(256 << 10) {
        let compressed = lzokay::compress::compress(block).unwrap();
        let stored = if compressed.len() < block.len() { &compressed[..] } else { block };
        out.extend((block.len() as u32).to_be_bytes());
        out.extend((stored.len() as u32).to_be_bytes());
        out.extend([0; 4]);
        out.extend(stored);
    }
    out.extend([0; 4]);
    out
}

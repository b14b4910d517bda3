//! Tests of every compression: round trips, truncated data, and decompression bombs.

use kmod::{Compression, Error, MAX_DECOMPRESSED};

use crate::pack::{bzip2, gzip, lz4, lzma_alone, xz};

fn text() -> Vec<u8> {
    (0..200_000_u32).flat_map(|number| (number / 7).to_le_bytes()).collect()
}

fn every_format(bytes: &[u8]) -> Vec<(Compression, Vec<u8>)> {
    vec![
        (Compression::Gzip, gzip(bytes)),
        (Compression::Xz, xz(bytes)),
        (Compression::Zstd, zstd::encode_all(bytes, 3).unwrap()),
        (Compression::Lzma, lzma_alone(bytes)),
        (Compression::Lz4Legacy, lz4(bytes)),
        (Compression::Bzip2, bzip2(bytes)),
    ]
}

#[test]
fn every_format_is_recognised_and_comes_back() {
    for (expected, compressed) in every_format(&text()) {
        assert_eq!(Compression::detect(&compressed), Some(expected));
        assert_eq!(expected.decompress(&compressed, MAX_DECOMPRESSED).unwrap(), text(), "{expected}");
    }
}

#[test]
fn the_length_that_a_kernel_build_appends_is_ignored() {
    for (compression, mut compressed) in every_format(&text()) {
        compressed.extend((text().len() as u32).to_le_bytes());
        assert_eq!(compression.decompress(&compressed, MAX_DECOMPRESSED).unwrap(), text(), "{compression}");
    }
}

#[test]
fn a_stream_that_is_cut_is_an_error_and_not_a_short_output() {
    for (compression, compressed) in every_format(&text()) {
        for cut in [compressed.len() - 5, compressed.len() / 2, 14] {
            let error = compression.decompress(&compressed[..cut], MAX_DECOMPRESSED).unwrap_err();
            assert!(matches!(error, Error::Decompress { .. }), "{compression} cut at {cut}: {error:?}");
        }
    }
}

#[test]
fn a_bomb_ends_at_the_limit() {
    let zeroes = vec![0; 10 << 20];
    for (compression, compressed) in every_format(&zeroes) {
        assert!(compression.decompress(&compressed, zeroes.len() as u64).is_ok(), "{compression}");
        let error = compression.decompress(&compressed, (1 << 20) - 1).unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit: 1_048_575, .. }), "{compression}: {error:?}");
    }
}

#[test]
fn lzo_is_named_and_refused() {
    let lzop = b"\x89LZO\0\r\n\x1a\n";
    let compression = Compression::detect(lzop).unwrap();
    let error = compression.decompress(lzop, 100).unwrap_err();
    assert!(error.to_string().contains("lzo is not supported"), "{error}");
}

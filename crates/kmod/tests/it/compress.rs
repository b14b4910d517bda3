//! Tests of every compression: round trips, truncated data, and decompression bombs.

use std::io::{BufReader, Read};

use kmod::{Compression, Decoder, Error, MAX_DECOMPRESSED};

use crate::pack::{bzip2, gzip, lz4, lzma_alone, lzop, xz};

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
        (Compression::Lzo, lzop(bytes)),
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
fn a_decoder_takes_nothing_behind_its_stream() {
    for (compression, compressed) in every_format(&text()) {
        let is_lz4 = compression == Compression::Lz4Legacy; // It ends with the input, or with zeroes.
        let after: &[u8] = if is_lz4 { b"\0\0\0\0 and more" } else { b" and more" };
        for capacity in [1, 7, 1 << 16] {
            let input = BufReader::with_capacity(capacity, [&compressed[..], after].concat().leak() as &[u8]);
            let mut decoder = Decoder::new(compression, input).unwrap();
            let mut out = Vec::new();
            decoder.read_to_end(&mut out).unwrap();
            assert_eq!(out, text(), "{compression}");
            let mut rest = String::new();
            decoder.into_inner().read_to_string(&mut rest).unwrap();
            assert_eq!(rest, " and more", "{compression}");
        }
    }
}

#[test]
fn blocks_of_impossible_lengths_are_refused() {
    let lzop = lzop(b"short");
    let at = lzop.len() - 5 - 4 - 12;
    let patched = |at: usize, bytes: [u8; 4]| {
        let mut patched = lzop.clone();
        patched[at..at + 4].copy_from_slice(&bytes);
        Compression::Lzo.decompress(&patched, 100)
    };
    for (at, number) in [(at, [0xff; 4]), (at + 4, [0; 4]), (at + 4, [0, 0, 0, 6]), (0x11, [8, 0, 8, 0])] {
        assert!(matches!(patched(at, number), Err(Error::Decompress { .. })), "{at}");
    }
    let lz4 = [&b"\x02\x21\x4c\x18"[..], &[0xff, 0xff, 0xff, 0x7f], &[0; 40]].concat();
    assert!(matches!(Compression::Lz4Legacy.decompress(&lz4, 100), Err(Error::Decompress { .. })));
}

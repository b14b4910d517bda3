//! Damaged archives, the same ones in every run: each is read or refused, none ends the program.

use kmod::Compression;

use crate::exercise;
use crate::make::{ar, compress, cpio, rpm, rpm_header, tar, unified};

/// xorshift64*: a sequence of numbers that is the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % limit.max(1) as u64) as usize
    }
}

/// Well-formed archives of each kind, in which damage reaches what is inside.
pub fn seeds() -> Vec<Vec<u8>> {
    let files: [(&str, &[u8]); 3] = [
        ("usr", b""),
        ("usr/lib/modules/6.1/kernel/a.ko", b"module"),
        (".PKGINFO", b"pkgname = a\npkgver = 1\narch = x\n"),
    ];
    let (cpio, tar) = (cpio(&files), tar(&files));
    let header = rpm_header(&[(1000, 6, 1, b"a\0".to_vec()), (1117, 8, 1, b"b\0".to_vec())]);
    let mut seeds = vec![
        cpio.clone(),
        tar.clone(),
        ar(&[("debian-binary", b"2.0\n"), ("control.tar", &tar), ("data.tar", &tar)]),
        rpm(&header, &cpio),
        unified(&[(".linux", b"x"), (".initrd", &cpio)]),
        [&cpio[..], &compress(Compression::Zstd, &cpio), &[0; 4], &compress(Compression::Gzip, &cpio)].concat(),
        ar(&[
            ("control.tar.gz", &compress(Compression::Gzip, &tar)),
            ("data.tar.xz", &compress(Compression::Xz, &tar)),
        ]),
        rpm(&header, &compress(Compression::Zstd, &cpio)),
    ];
    for compression in [Compression::Lzma, Compression::Bzip2, Compression::Lz4Legacy, Compression::Lzo] {
        seeds.push(compress(compression, &cpio));
    }
    seeds
}

#[test]
fn damaged_archives_are_read_or_refused() {
    let mut numbers = Numbers(11);
    for (index, seed) in seeds().into_iter().enumerate() {
        exercise::archive(&seed);
        // Setting up a decompressor takes longer than reading what a damaged one gives.
        for _ in 0..if index < 5 { 400 } else { 60 } {
            let mut damaged = seed.clone();
            for _ in 0..=numbers.below(3) {
                let at = numbers.below(damaged.len());
                match numbers.below(5) {
                    0 => damaged[at] ^= 1 << numbers.below(8),
                    1 => damaged[at] = b'0' + numbers.below(10) as u8,
                    2 => damaged[at..].iter_mut().take(8).for_each(|byte| *byte = b'f'),
                    3 => damaged[at] = 0xff,
                    _ if at > 0 => damaged.truncate(at),
                    _ => {}
                }
            }
            exercise::archive(&damaged);
        }
    }
}

#[test]
fn a_bomb_ends_at_the_limit() {
    let zeroes = vec![0; 40 << 20];
    let big = [crate::make::newc("a", 0o100_644, 1, &zeroes), cpio(&[])].concat();
    for compression in [Compression::Gzip, Compression::Xz, Compression::Zstd, Compression::Bzip2] {
        exercise::archive(&compress(compression, &big));
        let text = crate::make::refused_with(
            compress(compression, &big),
            archives::Limits { total: 1 << 20, ..Default::default() },
        );
        assert!(text.contains("there are more than 1048576 bytes, the most that is accepted"), "{text}");
    }
}

//! Initramfs archives after one another.

use archives::{ArchiveKind, EntryKind, KernelFile, Part, Segment};
use kmod::Compression;

use crate::make::{all, compress, cpio, newc, open, refused, visit};

const COMPRESSIONS: [Compression; 7] = [
    Compression::Gzip,
    Compression::Xz,
    Compression::Lzma,
    Compression::Bzip2,
    Compression::Lz4Legacy,
    Compression::Lzo,
    Compression::Zstd,
];

fn microcode() -> Vec<u8> {
    let mut early = cpio(&[("kernel/x86/microcode/GenuineIntel.bin", b"code")]);
    early.resize(early.len().next_multiple_of(512), 0);
    early
}

#[test]
fn microcode_and_a_compressed_archive_follow_one_another() {
    let module = "usr/lib/modules/6.1.0-56/kernel/fs/a.ko.xz";
    let main = cpio(&[("usr", b""), (module, b"module"), ("init", b"#!/bin/sh")]);
    for compression in COMPRESSIONS {
        let mut file = microcode();
        let offset = file.len() as u64;
        file.extend(compress(compression, &main));
        file.extend([0; 300]);
        let archive = open(file);
        assert_eq!(archive.kind(), ArchiveKind::Initramfs);
        let (entries, segments) = visit(&archive).expect("well-formed");
        let expected = [
            Segment { offset: 0, compression: None, entries: 1 },
            Segment { offset, compression: Some(compression), entries: 3 },
        ];
        assert_eq!(segments, expected);
        assert_eq!((entries[0].part, entries[2].part), (Part::Segment(0), Part::Segment(1)));
        let file = KernelFile::of(entries[2].path[..].into());
        assert_eq!(file, Some(KernelFile::Module { release: "6.1.0-56", path: "kernel/fs/a.ko.xz" }));
        assert_eq!(entries[2].content, b"module");
    }
}

#[test]
fn several_compressed_archives_and_several_in_one_are_read() {
    let first = [cpio(&[("a", b"1")]), vec![0; 12], cpio(&[("b", b"2")])].concat();
    for compression in COMPRESSIONS.into_iter().filter(|&compression| compression != Compression::Lz4Legacy) {
        let file =
            [compress(compression, &first), compress(Compression::Gzip, &cpio(&[("c", b"3")])), vec![0; 8]].concat();
        let (entries, segments) = all(file);
        let paths: Vec<_> = entries.iter().map(|entry| &entry.path[..]).collect();
        assert_eq!(paths, ["a", "b", "c"], "{compression}");
        assert_eq!(segments.iter().map(|segment| segment.entries).collect::<Vec<_>>(), [2, 1]);
    }
}

#[test]
fn links_and_checksums_of_cpio_are_read() {
    let mut with_checksum = newc("plain", 0o100_644, 1, b"12345");
    with_checksum[..6].copy_from_slice(b"070702");
    let file = [
        with_checksum,
        newc("link", 0o120_777, 1, b"usr/bin"),
        newc("again", 0o100_644, 2, b""),
        newc("device", 0o020_644, 1, b""),
    ]
    .concat();
    let (entries, _) = all(file);
    let kinds: Vec<_> = entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::File, EntryKind::Symlink, EntryKind::HardLink, EntryKind::Other]);
    assert_eq!((entries[0].content.as_slice(), entries[1].target.as_deref()), (&b"12345"[..], Some("usr/bin")));
}

#[test]
fn the_initramfs_of_a_unified_image_is_read() {
    let kernel = [0; 16];
    let initrd = compress(Compression::Zstd, &cpio(&[("init", b"x")]));
    let image = crate::make::unified(&[(".linux", &kernel), (".initrd", &initrd), (".ucode", &microcode())]);
    let archive = open(image);
    assert_eq!(archive.kind(), ArchiveKind::Unified);
    let (entries, segments) = visit(&archive).expect("well-formed");
    assert_eq!(entries.iter().map(|entry| &entry.path[..]).collect::<Vec<_>>()[1..], ["init"]);
    assert!(segments[0].offset > segments[1].offset && segments[1].compression == Some(Compression::Zstd));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let good = microcode();
    let cut = [&good[..], &compress(Compression::Zstd, &cpio(&[("a", &[7; 900])]))[..60]].concat();
    let text = refused(cut);
    assert!(text.starts_with(&format!("cannot read the zstd archive at offset {:#x}", good.len())), "{text}");
    let text = refused([&good[..], b"junk that is no archive"].concat());
    assert!(text.contains("neither cpio nor compressed data: it begins with 6a756e6b"), "{text}");
    let mut odd = good.clone();
    odd[54..62].copy_from_slice(b"0000x004");
    assert!(refused(odd).contains("0000x004 is no hexadecimal number"));
    let mut long = good.clone();
    long[94..102].copy_from_slice(b"ffffffff");
    assert!(refused(long).contains("the name has 4294967295 bytes; 1 to 4096 are accepted"));
    let mut cut = good;
    cut.truncate(130);
    assert!(refused(cut).contains("are needed, but there are only"));
    assert!(refused([cpio(&[("a", b"1")]), b"070707".to_vec(), vec![b'0'; 200]].concat()).contains("the old format"));
}

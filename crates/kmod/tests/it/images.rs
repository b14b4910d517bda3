//! Tests of reading the BTF of each kind of kernel image.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use kmod::{Compression, Error, ImageKind, MAX_DECOMPRESSED, kernel_btf, kernel_btf_from_bytes};

use crate::build::module;
use crate::pack::{bzip2, gzip, lz4, lzma_alone, lzop, xz};
use test_elf::{Builder, X86_64};

const BTF: &[u8] = b"\x9f\xeb\x01\0 and so on";

pub fn vmlinux() -> Vec<u8> {
    Builder::new(X86_64).elf_type(2).section(".text", &[0x90; 3000]).section(".BTF", BTF).bytes()
}

/// A boot image with `setup_sectors` (0 means 4) and a payload 40 bytes into its code.
pub fn bzimage(setup_sectors: u8, payload: &[u8]) -> Vec<u8> {
    let code = (usize::from(if setup_sectors == 0 { 4 } else { setup_sectors }) + 1) * 512;
    let mut image = vec![0; code + 40];
    image[0x1f1] = setup_sectors;
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x206..0x208].copy_from_slice(&0x020f_u16.to_le_bytes());
    image[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
    image[0x248..0x24c].copy_from_slice(&40_u32.to_le_bytes());
    image[0x24c..0x250].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    let version = b"6.1.0-56-cloud-amd64 (someone@example.org) #1 SMP\0";
    image[0x300..0x300 + version.len()].copy_from_slice(version);
    image.extend(payload);
    image.extend([0xcc; 100]);
    image
}

#[test]
fn a_bzimage_of_every_compression_gives_up_its_btf() {
    let length = (vmlinux().len() as u32).to_le_bytes();
    let cases = [
        (Compression::Gzip, gzip(&vmlinux())),
        (Compression::Xz, [&xz(&vmlinux())[..], &length].concat()),
        (Compression::Zstd, [&zstd::encode_all(&vmlinux()[..], 3).unwrap()[..], &length].concat()),
        (Compression::Lz4Legacy, [&lz4(&vmlinux())[..], &length].concat()),
        (Compression::Lzma, [&lzma_alone(&vmlinux())[..], &length].concat()),
        (Compression::Bzip2, [&bzip2(&vmlinux())[..], &length].concat()),
        (Compression::Lzo, [&lzop(&vmlinux())[..], &length].concat()),
    ];
    for (compression, payload) in cases {
        for setup_sectors in [0, 1, 4, 39] {
            let found = kernel_btf_from_bytes(bzimage(setup_sectors, &payload)).unwrap();
            assert_eq!(found.bytes, BTF, "{compression}");
            assert_eq!(found.kind, ImageKind::BzImage(compression));
            assert_eq!(found.release.as_deref(), Some("6.1.0-56-cloud-amd64"));
        }
    }
}

#[test]
fn a_damaged_boot_header_is_an_error() {
    let good = bzimage(4, &gzip(&vmlinux()));
    let patch = |at: usize, bytes: &[u8]| {
        let mut patched = good.clone();
        patched[at..at + bytes.len()].copy_from_slice(bytes);
        kernel_btf_from_bytes(patched)
    };
    assert!(matches!(patch(0x206, &[7, 2]), Err(Error::BootHeader { reason }) if reason.contains("0x0207")));
    assert!(matches!(patch(0x248, &[0xff; 4]), Err(Error::OutOfBounds { .. })));
    assert!(matches!(patch(0x24c, &[0xff; 4]), Err(Error::OutOfBounds { .. })));
    assert!(matches!(patch(0x24c, &[20, 0, 0, 0]), Err(Error::Decompress { .. })));
    assert!(matches!(patch(0x248, &[0; 4]), Err(Error::BootHeader { .. })));
    assert_eq!(patch(0x20e, &[0, 0]).unwrap().release, None);
    assert_eq!(patch(0x20e, &[0xff, 0xff]).unwrap().release, None);
    for cut in [0x206, 0x208, 0x24a, 0x250] {
        assert!(matches!(kernel_btf_from_bytes(good[..cut].to_vec()), Err(Error::OutOfBounds { .. })), "{cut:#x}");
    }
}

#[test]
fn raw_btf_of_either_byte_order_is_taken_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    for magic in [[0x9f, 0xeb], [0xeb, 0x9f]] {
        let bytes = [&magic[..], b"\x01\0 and so on"].concat();
        let path = dir.path().join("vmlinux");
        fs::write(&path, &bytes).unwrap();
        let found = kernel_btf(&path).unwrap();
        assert_eq!((found.kind, found.bytes), (ImageKind::RawBtf, bytes));
    }
}

#[test]
fn other_wrappings_are_opened() {
    let found = kernel_btf_from_bytes(xz(&vmlinux())).unwrap();
    assert_eq!((found.kind, &found.bytes[..]), (ImageKind::Compressed(Compression::Xz), BTF));

    let payload = gzip(&vmlinux());
    let mut zboot = b"MZ\0\0zimg".to_vec();
    zboot.extend(64_u32.to_le_bytes());
    zboot.extend((payload.len() as u32).to_le_bytes());
    zboot.resize(64, 0);
    zboot.extend(payload);
    let found = kernel_btf_from_bytes(zboot.clone()).unwrap();
    assert_eq!((found.kind, &found.bytes[..]), (ImageKind::EfiZboot(Compression::Gzip), BTF));
    zboot[12..16].fill(0xff);
    assert!(matches!(kernel_btf_from_bytes(zboot), Err(Error::OutOfBounds { .. })));

    let header = [24_u32, 0, 12, 12, 2].map(u32::to_le_bytes).concat();
    let btf = [&[0x9f, 0xeb, 1, 0][..], &header, &[5; 12], b"\0\0"].concat();
    let mut image = vec![0; 0x100];
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    image.extend(&btf);
    image.extend([1; 50]);
    assert_eq!(kernel_btf_from_bytes(image.clone()).unwrap().kind, ImageKind::Flat);
    let found = kernel_btf_from_bytes(gzip(&image)).unwrap();
    assert_eq!((found.kind, found.bytes), (ImageKind::Compressed(Compression::Gzip), btf));
}

#[test]
fn files_without_a_kernel_s_btf_are_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let without = Builder::new(X86_64).elf_type(2).section(".text", b"x").bytes();
    for (bytes, expected) in [
        (without, "cannot find BTF in the ELF kernel image: it was built without CONFIG_DEBUG_INFO_BTF"),
        (module(X86_64).bytes(), "this is a relocatable file, such as a module; its BTF is not a base"),
        (b"#!/bin/sh".to_vec(), "(it begins with 23212f62696e2f73)"),
        (Vec::new(), "cannot recognise the kernel image"),
    ] {
        let error = kernel_btf_from_bytes(bytes.clone()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        fs::write(&path, bytes).unwrap();
        let error = kernel_btf(&path).unwrap_err();
        let Error::File { source, .. } = error else { panic!("{error:?}") };
        assert_eq!(source.to_string(), kernel_btf_from_bytes(fs::read(&path).unwrap()).unwrap_err().to_string());
    }
}

#[test]
fn kernel_btf_reads_only_headers_and_btf_of_an_elf_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vmlinux");
    let file = File::create(&path).unwrap();
    let bytes = vmlinux();
    file.write_all_at(&bytes, 0).unwrap();
    file.set_len(MAX_DECOMPRESSED * 3).unwrap();
    let found = kernel_btf(&path).unwrap();
    assert_eq!((found.kind, &found.bytes[..]), (ImageKind::Elf, BTF));

    let table = u64::from_le_bytes(bytes[40..48].try_into().unwrap());
    let len_of_btf = table + 2 * 64 + 32;
    file.write_all_at(&(MAX_DECOMPRESSED + 1).to_le_bytes(), len_of_btf).unwrap();
    let refused = kernel_btf(&path).map(|found| found.bytes.len());
    assert!(matches!(refused, Err(Error::File { source, .. }) if matches!(*source, Error::TooLarge { .. })));
}

//! How kernel images name themselves, and the images in which a kernel is harder to find.

use kmod::{
    Compression, Error, ImageKind, KernelImage, UnifiedImage, kernel_btf_from_bytes, kernel_version,
    kernel_version_from_bytes,
};
use test_elf::{Builder, X86_64};

use crate::build::module;
use crate::images::{bzimage, vmlinux};
use crate::pack::{gzip, lzma_alone, lzop, xz};

const TEXT: &str = "6.12.1-s390x (me@there) (gcc 14) #1 SMP Debian 6.12.1-1 (2026-01-02)";

fn banner() -> Vec<u8> {
    format!("Linux version %s\0Linux version {TEXT}\n\0").into_bytes()
}

/// A kernel without section table: banner, configuration and BTF of `endian`'s byte order.
fn flat(number: fn(u32) -> [u8; 4], magic: [u8; 2]) -> Vec<u8> {
    let mut image = vec![0; 6000];
    image.extend(banner());
    image.extend(b"IKCFG_ST but no configuration");
    image.extend(b"IKCFG_ST");
    image.extend(gzip(b"CONFIG_DEBUG_INFO_BTF=y\n"));
    image.extend(b"IKCFG_ED");
    image.extend(magic);
    image.extend([1, 0]);
    image.extend([24, 0, 12, 12, 2].map(number).concat());
    image.extend([5; 12]);
    image.extend([0; 2]);
    image
}

fn arm64() -> Vec<u8> {
    let mut image = flat(u32::to_le_bytes, [0x9f, 0xeb]);
    image[..2].copy_from_slice(b"MZ");
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    image
}

fn s390(payload: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 0x12000];
    image[0x10008..0x1000e].copy_from_slice(b"S390EP");
    image[0x10428..0x10430].copy_from_slice(&0x11800_u64.to_be_bytes());
    image[0x11800..0x11800 + TEXT.len()].copy_from_slice(TEXT.as_bytes());
    image[0x11100..0x11106].copy_from_slice(b"\x1f\x8b\x08 no"); // Not the kernel.
    image.extend(payload);
    image.extend([0xcc; 100]);
    image
}

fn zboot(payload: &[u8]) -> Vec<u8> {
    let mut image = b"MZ\0\0zimg".to_vec();
    image.extend(64_u32.to_le_bytes());
    image.extend((payload.len() as u32).to_le_bytes());
    image.resize(64, 0);
    image.extend(payload);
    image
}

/// A PE file with these sections, each padded to 512 bytes.
pub fn unified(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut image = vec![0; 0x400];
    image[..2].copy_from_slice(b"MZ");
    image[0x3c] = 0x80;
    image[0x80..0x84].copy_from_slice(b"PE\0\0");
    image[0x86] = sections.len() as u8;
    image[0x94] = 0xf0;
    for (index, (name, bytes)) in sections.iter().enumerate() {
        let at = 0x80 + 24 + 0xf0 + index * 40;
        let padded = bytes.len().next_multiple_of(512);
        let offset = image.len() as u32;
        image[at..at + name.len()].copy_from_slice(name.as_bytes());
        image[at + 8..at + 12].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
        image[at + 16..at + 20].copy_from_slice(&(padded as u32).to_le_bytes());
        image[at + 20..at + 24].copy_from_slice(&offset.to_le_bytes());
        image.extend(*bytes);
        image.resize(offset as usize + padded, 0);
    }
    image
}

#[test]
fn the_version_is_found_in_every_kind_of_image() {
    let elf = Builder::new(X86_64).elf_type(2).section(".rodata", &banner()).bytes();
    for (image, expected) in [
        (bzimage(4, b"the payload is not read"), "6.1.0-56-cloud-amd64 (someone@example.org) #1 SMP"),
        (s390(b"nor is this"), TEXT),
        (arm64(), TEXT),
        (gzip(&arm64()), TEXT),
        (zboot(&gzip(&arm64())), TEXT),
        (zboot(&zstd::encode_all(&arm64()[..], 3).unwrap()), TEXT),
        (xz(&elf), TEXT),
        (elf, TEXT),
        (unified(&[(".uname", b"ignored"), (".linux", &arm64())]), TEXT),
        (unified(&[(".uname", b"6.1.0-56"), (".linux", &vmlinux())]), "6.1.0-56"),
    ] {
        let found = kernel_version_from_bytes(&image).unwrap().unwrap();
        assert_eq!(found.as_str(), expected);
        assert_eq!(found.release(), expected.split(' ').next().unwrap());
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), &image).unwrap();
        assert_eq!(kernel_version(path.path()).unwrap(), Some(found));
    }
    for none in [vmlinux(), b"\x9f\xeb\x01\0".to_vec(), unified(&[(".linux", &vmlinux())])] {
        assert_eq!(kernel_version_from_bytes(&none).unwrap(), None);
    }
}

#[test]
fn a_bzimage_without_a_version_string_is_decompressed_for_the_banner() {
    let elf = Builder::new(X86_64).elf_type(2).section(".rodata", &banner()).section(".BTF", b"x").bytes();
    let mut image = bzimage(4, &gzip(&elf));
    image[0x20e..0x210].fill(0);
    assert_eq!(kernel_version_from_bytes(&image).unwrap().unwrap().as_str(), TEXT);
    let opened = KernelImage::from_bytes(image.clone()).unwrap();
    assert_eq!((opened.release(), opened.version().unwrap().as_str()), (None, TEXT));
    let len = image.len();
    image.truncate(len - 200);
    assert!(matches!(kernel_version_from_bytes(&image), Err(Error::OutOfBounds { .. })));
}

#[test]
fn an_s390_image_of_every_compression_gives_up_its_btf() {
    let kernel = flat(u32::to_be_bytes, [0xeb, 0x9f]);
    for (compression, payload) in [
        (Some(Compression::Gzip), gzip(&kernel)),
        (Some(Compression::Xz), xz(&kernel)),
        (Some(Compression::Zstd), zstd::encode_all(&kernel[..], 3).unwrap()),
        (Some(Compression::Lzma), lzma_alone(&kernel)),
        (Some(Compression::Lzo), lzop(&kernel)),
        (None, kernel.clone()),
    ] {
        let image = KernelImage::from_bytes(s390(&payload)).unwrap();
        assert_eq!((image.kind(), image.release()), (ImageKind::S390(compression), Some("6.12.1-s390x")));
        assert_eq!(image.btf().unwrap(), &kernel[kernel.len() - 38..]);
    }
}

#[test]
fn the_embedded_configuration_is_read() {
    let image = KernelImage::from_bytes(zboot(&gzip(&arm64()))).unwrap();
    assert_eq!(image.config().unwrap().as_deref(), Some(&b"CONFIG_DEBUG_INFO_BTF=y\n"[..]));
    assert_eq!(KernelImage::from_bytes(vmlinux()).unwrap().config().unwrap(), None);
    let mut cut = arm64();
    let end = cut.windows(8).position(|eight| eight == b"IKCFG_ED").unwrap();
    cut[end - 8..end].fill(0);
    assert!(matches!(KernelImage::from_bytes(cut).unwrap().config(), Err(Error::Decompress { .. })));
}

#[test]
fn a_unified_image_has_a_kernel_and_other_sections() {
    let kernel = bzimage(4, &gzip(&vmlinux()));
    let image = unified(&[(".osrel", b"ID=debian"), (".linux", &kernel), (".initrd", b"070701"), (".uname", b"6.1")]);
    let found = kernel_btf_from_bytes(image.clone()).unwrap();
    assert_eq!((found.kind, found.release.as_deref()), (ImageKind::Unified, Some("6.1.0-56-cloud-amd64")));
    let sections = UnifiedImage::from_bytes(&image).unwrap().unwrap();
    let initrd = sections.sections(".initrd").next().unwrap();
    assert_eq!(&image[initrd.start as usize..initrd.end as usize], b"070701");
    assert_eq!(sections.sections(".ucode").count(), 0);

    assert!(matches!(kernel_btf_from_bytes(image[..0x900].to_vec()), Err(Error::OutOfBounds { .. })));
    assert!(matches!(kernel_btf_from_bytes(unified(&[(".linux", &image)])), Err(Error::NestedImage)));
    let other = unified(&[(".text", &kernel)]);
    assert!(UnifiedImage::from_bytes(&other).unwrap().is_none());
    assert!(matches!(kernel_btf_from_bytes(other), Err(Error::UnknownImage { .. })));
}

#[test]
fn what_is_no_kernel_has_no_version() {
    let refused = |bytes: &[u8]| kernel_version_from_bytes(bytes).unwrap_err();
    assert!(matches!(refused(b"#!/bin/sh"), Error::UnknownImage { .. }));
    assert!(matches!(refused(&[]), Error::UnknownImage { .. }));
    assert!(matches!(refused(&module(X86_64).bytes()), Error::NotAKernel));
    assert!(matches!(refused(&gzip(&arm64())[..60]), Error::Decompress { .. }));
    let twice = unified(&[(".linux", &unified(&[(".linux", b"x")]))]);
    assert!(matches!(refused(&twice), Error::NestedImage));
}

//! Any bytes as a kernel image: its version, its BTF, its configuration, its exports, its sections.
#![no_main]

use kmod::{KernelImage, UnifiedImage, kernel_version_from_bytes};
use libfuzzer_sys::fuzz_target;

/// An s390 boot image up to what is behind its header.
fn s390(bytes: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 0x11000];
    image[0x10008..0x1000e].copy_from_slice(b"S390EP");
    image[0x1042e] = 1;
    image.extend(bytes);
    image
}

fn image(bytes: Vec<u8>) {
    let version = kernel_version_from_bytes(&bytes);
    let unified = UnifiedImage::from_bytes(&bytes);
    let len = bytes.len() as u64;
    if let Ok(Some(unified)) = unified {
        assert!(unified.sections(".linux").all(|range| range.start <= range.end && range.end <= len));
    }
    let Ok(image) = KernelImage::from_bytes(bytes) else { return };
    let (_, _, _) = (image.btf().map(<[u8]>::len), image.config(), image.exports().map(|all| all.len()));
    assert_eq!(version.expect("what can be read has been searched"), image.version());
}

fuzz_target!(|bytes: &[u8]| {
    // No archive or image begins with one of these bytes.
    let (choice, bytes) = match bytes {
        [choice @ 0xf0..=0xf7, rest @ ..] => (choice - 0xf0, rest),
        _ => (7, bytes),
    };
    let packed = || zstd::bulk::compress(bytes, 1).expect("it goes to memory");
    image(match choice {
        0 => packed(),
        1 => s390(bytes),
        2 => s390(&packed()),
        _ => bytes.to_vec(),
    });
});

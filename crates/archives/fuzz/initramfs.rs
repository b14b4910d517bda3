//! Any bytes as an initramfs, and as one of its archives that is packed, before and after others.
#![no_main]

#[path = "../tests/it/exercise.rs"]
mod exercise;

use libfuzzer_sys::fuzz_target;

const FIRST: &[u8] = include_bytes!("../tests/samples/initrd.lzop");

fuzz_target!(|bytes: &[u8]| {
    // No archive or image begins with one of these bytes.
    let (choice, bytes) = match bytes {
        [choice @ 0xf0..=0xf7, rest @ ..] => (choice - 0xf0, rest),
        _ => (7, bytes),
    };
    let packed = || zstd::bulk::compress(bytes, 1).expect("it goes to memory");
    exercise::archive(&match choice {
        0 => packed(),
        1 => [FIRST, &packed(), FIRST].concat(),
        2 => [FIRST, bytes].concat(),
        _ => bytes.to_vec(),
    });
});

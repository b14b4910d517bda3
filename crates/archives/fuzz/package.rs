//! Any bytes as a package, as the content of a Debian package, and as the payload of an RPM package, packed and not.
#![no_main]

#[path = "../tests/it/exercise.rs"]
mod exercise;

use libfuzzer_sys::fuzz_target;

/// An RPM package up to its payload: a lead, and twice a header with a list of two files, the first of which is 4 bytes long.
fn rpm(payload: &[u8]) -> Vec<u8> {
    let store = b"usr/\0a\0b\0\0\x81\xa4\x81\xa4\0\0\0\0\0\0\0\0\0\0\0\x04\0\0\0\x01";
    let index: [[u32; 4]; 5] = [[1118, 8, 0, 1], [1117, 8, 5, 2], [1030, 3, 10, 2], [1116, 4, 14, 2], [1028, 4, 22, 2]];
    let mut header = b"\x8e\xad\xe8\x01\0\0\0\0\0\0\0\x05".to_vec();
    header.extend((store.len() as u32).to_be_bytes());
    header.extend(index.as_flattened().iter().flat_map(|number| number.to_be_bytes()));
    header.extend(store);
    let mut package = vec![0; 96];
    package[..4].copy_from_slice(b"\xed\xab\xee\xdb");
    package.extend(&header);
    package.resize(package.len().next_multiple_of(8), 0);
    [&package, &header[..], payload].concat()
}

fn deb(data: &[u8]) -> Vec<u8> {
    let mut package = format!("!<arch>\n{:<16}{:<32}{:<10}`\n", "data.tar", 0, data.len()).into_bytes();
    package.extend(data);
    package
}

fuzz_target!(|bytes: &[u8]| {
    // No archive or image begins with one of these bytes.
    let (choice, bytes) = match bytes {
        [choice @ 0xf0..=0xf7, rest @ ..] => (choice - 0xf0, rest),
        _ => (7, bytes),
    };
    let packed = || zstd::bulk::compress(bytes, 1).expect("it goes to memory");
    exercise::archive(&match choice {
        0 => deb(bytes),
        1 => deb(&packed()),
        2 => rpm(bytes),
        3 => rpm(&packed()),
        4 => packed(),
        _ => bytes.to_vec(),
    });
});

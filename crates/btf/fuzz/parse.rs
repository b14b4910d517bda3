//! Fuzzes arbitrary bytes: as BTF without a base, over themselves, over a module's BTF, and as its base.
#![no_main]

#[path = "../tests/it/exercise.rs"]
mod exercise;

use libfuzzer_sys::fuzz_target;

const OTHER: &[u8] = include_bytes!("../tests/samples/dummy-6.1.0-56.btf");

fuzz_target!(|bytes: &[u8]| {
    if exercise::alone(bytes).is_err() {
        return;
    }
    for (base, top) in [(bytes, bytes), (OTHER, bytes), (bytes, OTHER)] {
        exercise::split(base, top).expect("both parse alone");
    }
});

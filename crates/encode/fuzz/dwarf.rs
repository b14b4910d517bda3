//! Any bytes as sections of DWARF, in a file that is well-formed but for them.
#![no_main]

#[path = "../tests/it/exercise.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exercise::file(&exercise::join(bytes)));

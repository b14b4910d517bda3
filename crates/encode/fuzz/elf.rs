//! Any bytes as a file: its headers, its symbols, its compressed sections, and its DWARF.
#![no_main]

#[path = "../tests/it/exercise.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exercise::file(bytes));

//! Any bytes as a log.
#![no_main]

#[path = "../tests/it/exercise.rs"]
mod exercise;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| exercise::log(bytes));

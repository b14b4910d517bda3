//! Tests of the crate's public interface.

mod common;
mod distill;
mod exercise;
mod mutate;
mod parse;
mod relocate;
mod roundtrip;
mod split;
mod types;
mod words;

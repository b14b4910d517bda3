//! The format as a user of the crate sees it.

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

//! The format as a user of the crate sees it.

mod common;
mod exercise;
mod mutate;
mod parse;
mod roundtrip;
mod split;
mod types;
mod words;

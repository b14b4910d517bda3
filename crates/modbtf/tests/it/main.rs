//! Tests of the two programs, on generated files.

mod documents;
mod encode;
mod help;
mod pahole;
mod support;

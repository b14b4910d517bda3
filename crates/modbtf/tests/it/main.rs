//! Tests of the two programs, on generated files.

mod documents;
mod encode;
mod explain;
mod help;
mod pahole;
mod support;

//! The two programs, on files that are made here.

mod documents;
mod encode;
mod help;
mod pahole;
mod support;

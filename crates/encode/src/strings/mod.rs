//! Strings as numbers, so that names are compared and kept as integers.

pub(crate) mod base;
pub(crate) mod cache;
pub(crate) mod interner;

//! Tests on ELF files that are built byte by byte, and on one real module.

mod btf_ids;
mod build;
mod compress;
mod edits;
mod exports;
mod images;
mod modules;
mod mutation;
mod pack;
mod sample;
mod versions;

//! Linux kernel objects: modules, their sections, versions and load order, and the BTF of every kind of kernel image.
//!
//! This crate treats BTF as bytes: it finds BTF, but does not interpret it.
//!
//! - [`Module`]: a `.ko`, `.ko.xz`, `.ko.zst` or `.ko.gz`, its sections, `.modinfo`, versions, exports and imports;
//! - [`Elf`], [`ElfFile`]: any ELF file, in memory or read section by section;
//! - [`SectionEdits`]: sections added to an ELF file, replaced or removed, in place;
//! - [`BtfIds`]: the type ids in `.BTF_ids`, resolved or replaced by others;
//! - [`kernel_btf`], [`kernel_version`], [`KernelImage`]: `vmlinux`, `vmlinuz`, raw BTF; [`UnifiedImage`]: its sections;
//! - [`Decoder`], [`Compression`]: one compressed stream;
//! - [`Symvers`], [`ModulesDep`]: text files of a build and of depmod;
//! - [`ModuleTree`], [`LoadGraph`]: a directory of modules and their load order;
//! - [`abi`]: whether an upgrade keeps the module ABI.
//!
//! Every input is treated as hostile: lengths and offsets are checked before use, decompression stops at
//! [`MAX_DECOMPRESSED`], and every problem is an [`Error`].

pub mod abi;
mod btf_ids;
mod compress;
mod compression;
mod decoder;
mod edit;
mod elf;
mod error;
mod image;
mod image_kind;
mod modinfo;
mod module;
mod modules_dep;
mod order;
mod signature;
mod source;
mod symbols;
mod symvers;
mod tree;
mod unified;
mod versions;

pub use btf_ids::{BtfIdSymbol, BtfIds};
pub use compress::MAX_DECOMPRESSED;
pub use compression::Compression;
pub use decoder::Decoder;
pub use edit::SectionEdits;
pub use elf::{Content, Elf, ElfFile, Section, SectionHead, Symbol, SymbolTable};
pub use error::Error;
pub use image::{
    KernelBanner, KernelBtf, KernelImage, kernel_btf, kernel_btf_from_bytes, kernel_version, kernel_version_from_bytes,
};
pub use image_kind::ImageKind;
pub use modinfo::{Modinfo, Softdep, Vermagic, normalise_name};
pub use module::{Module, module_name_from_path};
pub use modules_dep::{ModulesDep, parse_modules_order};
pub use order::{LoadGraph, ModuleInfo, OrderNote};
pub use signature::Signature;
pub use symbols::{Export, Import};
pub use symvers::{Symvers, SymversDiff, SymversEntry};
pub use tree::ModuleTree;
pub use unified::UnifiedImage;
pub use versions::Version;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

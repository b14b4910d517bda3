//! What can go wrong.

use std::io;
use std::path::{Path, PathBuf};

use crate::compression::Compression;
use crate::image_kind::ImageKind;

/// What can go wrong while a kernel object is read or changed.
///
/// A variant that wraps another error names it as its `source`: print the whole chain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be read or written at all.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was being done: `open`, `read`, `list`, `replace`.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file's content is not what was expected; `source` says what is wrong with it.
    #[error("cannot read {} as {expected}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What was expected: `a kernel image`, `a module`, `Module.symvers`.
        expected: &'static str,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// A file could not be changed as was asked; it is as it was, and `source` says why.
    #[error("cannot change {}", path.display())]
    Change {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: Box<Error>,
    },
    /// Compressed data does not decompress.
    #[error("cannot decompress {input} bytes of {compression} data: it is damaged or cut short")]
    Decompress {
        /// How the data is compressed, by its magic.
        compression: Compression,
        /// The length of the compressed data, in bytes.
        input: usize,
        /// What the decompressor said.
        source: io::Error,
    },
    /// A compression that is recognised and not supported.
    #[error("cannot decompress: {compression} is not supported; decompress the file by other means first")]
    UnsupportedCompression {
        /// Which one.
        compression: Compression,
    },
    /// The content is larger than any real kernel object: a decompression bomb, or not a kernel object.
    #[error("cannot read {what}: it has more than {limit} bytes, the most that is accepted")]
    TooLarge {
        /// What was being read.
        what: &'static str,
        /// The limit that was passed, in bytes.
        limit: u64,
    },
    /// Something reaches past the end of what holds it.
    #[error("cannot read {what}: {len} bytes at offset {offset:#x} are needed, but there are only {have} bytes in all")]
    OutOfBounds {
        /// What was being read.
        what: &'static str,
        /// Where it begins, in bytes.
        offset: u64,
        /// Its length, in bytes.
        len: u64,
        /// The length of what should hold it, in bytes.
        have: u64,
    },
    /// The ELF headers are not usable.
    #[error("cannot read the ELF headers: {reason}")]
    Elf {
        /// What is wrong, with the offending value.
        reason: String,
    },
    /// goblin refused the ELF headers.
    #[error("cannot read the ELF {what}")]
    Goblin {
        /// Which part.
        what: &'static str,
        /// What goblin said.
        source: goblin::error::Error,
    },
    /// A module was expected, and this is another ELF file.
    #[error("cannot read a module: the ELF type is {elf_type}, but modules are relocatable files (type 1)")]
    NotAModule {
        /// `e_type` of the ELF header.
        elf_type: u16,
    },
    /// A kernel image was expected, and this is a module.
    #[error("cannot read a kernel image: this is a relocatable file, such as a module; its BTF is not a base")]
    NotAKernel,
    /// No known kind of kernel image.
    #[error(
        "cannot recognise the kernel image: {}",
        if magic.is_empty() {
            "the file is empty".to_owned()
        } else {
            format!("neither ELF, raw BTF, bzImage nor compressed (it begins with {})", hex::encode(magic))
        }
    )]
    UnknownImage {
        /// Its first bytes, at most eight.
        magic: Vec<u8>,
    },
    /// An x86 boot image without what is needed to find the kernel in it.
    #[error("cannot find the kernel in the bzImage: {reason}")]
    BootHeader {
        /// What is wrong with the boot header, with the offending value.
        reason: String,
    },
    /// The kernel image is intact and carries no BTF.
    #[error("cannot find BTF in the {kind}: it was built without CONFIG_DEBUG_INFO_BTF, or its .BTF was stripped")]
    NoBtf {
        /// What kind of image it is.
        kind: ImageKind,
    },
    /// A record of a section is not usable.
    #[error("cannot read record {index} of section {section}: {reason}")]
    Record {
        /// The section.
        section: &'static str,
        /// Which record, from 0.
        index: usize,
        /// What is wrong with it, with the offending value.
        reason: String,
    },
    /// A section as a whole is not usable.
    #[error("cannot read section {section}: {reason}")]
    Section {
        /// The section.
        section: &'static str,
        /// What is wrong with it, with the offending value.
        reason: String,
    },
    /// A module is signed, which any change to it would void.
    #[error(
        "cannot keep the signature: the module is signed, and a change voids that; drop the signature, and sign it again"
    )]
    Signed,
    /// A module claims to be signed, with lengths that do not fit.
    #[error(
        "cannot find the module's signature: it ends like a signed module, but the lengths that it gives do not fit"
    )]
    BrokenSignature,
    /// A section to be changed is part of what is loaded, where nothing can move.
    #[error(
        "cannot replace section {section}: it is loaded at {address:#x}, where nothing can be moved; \
         that can be done before the file is linked only"
    )]
    LoadedSection {
        /// Its name.
        section: String,
        /// `sh_addr`: where it is loaded.
        address: u64,
    },
    /// A file could not be replaced by its new content.
    #[error(transparent)]
    Replace(#[from] util::atomic::Error),
    /// Data could not be compressed.
    #[error("cannot compress {input} bytes with {compression}")]
    Compress {
        /// How.
        compression: Compression,
        /// The length of the data, in bytes.
        input: usize,
        /// What the compressor said.
        source: io::Error,
    },
    /// A compression that modules do not have: the kernel does not load such files.
    #[error(
        "cannot compress again with {compression}: modules are compressed with gzip, xz or zstd; decompress the file first"
    )]
    NotForModules {
        /// Which one.
        compression: Compression,
    },
    /// A line of a text file is not usable.
    #[error("cannot read line {line} of {file}: {reason}")]
    Line {
        /// The kind of file: `Module.symvers`, `modules.dep`.
        file: &'static str,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it, with the offending text.
        reason: String,
    },
    /// There is no module directory below a root.
    #[error(
        "cannot find the modules of {release} below {}: neither lib/modules/{release} nor \
         usr/lib/modules/{release} is a directory there", root.display()
    )]
    NoModuleTree {
        /// Where it was looked for.
        root: PathBuf,
        /// The kernel release.
        release: String,
    },
    /// A module that was asked for is not there.
    #[error("cannot find module {name} among {modules} modules")]
    NoSuchModule {
        /// Its name as the kernel knows it.
        name: String,
        /// How many there are.
        modules: usize,
    },
    /// Modules need each other, so there is no order in which they load.
    #[error("cannot order the modules: they need each other: {}", modules.join(" -> "))]
    Cycle {
        /// Their names; each needs the next, and the last one is the first again.
        modules: Vec<String>,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    pub(crate) fn changing(path: &Path) -> impl FnOnce(Self) -> Self {
        move |error| match error {
            already @ (Self::Io { .. } | Self::Replace(_)) => already,
            other => Self::Change { path: path.to_owned(), source: Box::new(other) },
        }
    }

    pub(crate) fn reading(path: &Path, expected: &'static str) -> impl FnOnce(Self) -> Self {
        move |error| match error {
            already @ (Self::Io { .. } | Self::File { .. } | Self::Replace(_)) => already,
            other => Self::File { path: path.to_owned(), expected, source: Box::new(other) },
        }
    }
}

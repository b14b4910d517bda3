//! The crate's errors.

use std::io;
use std::path::{Path, PathBuf};

use util::FileError;

use crate::compression::Compression;
use crate::image_kind::ImageKind;

/// An error while reading or changing a kernel object.
///
/// A variant that wraps another error names it as its `source`: print the whole chain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be read or written at all.
    #[error(transparent)]
    Io(#[from] FileError),
    /// A file's content is not what was expected; see `source`.
    #[error("cannot read {} as {expected}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was expected: `a kernel image`, `a module`, `Module.symvers`.
        expected: &'static str,
        /// The problem.
        source: Box<Error>,
    },
    /// A requested change to a file is impossible; see `source`. The file is unchanged.
    #[error("cannot change {}", path.display())]
    Change {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: Box<Error>,
    },
    /// Compressed data cannot be decompressed.
    #[error("cannot decompress {input} bytes of {compression} data: it is damaged or cut short")]
    Decompress {
        /// The compression, recognised by its magic.
        compression: Compression,
        /// The length of the compressed data, in bytes.
        input: usize,
        /// The decompressor's error.
        source: io::Error,
    },
    /// A decompressor could not be set up.
    #[error("cannot begin to decompress {compression} data")]
    Decoder {
        /// The compression.
        compression: Compression,
        /// The library's error.
        source: io::Error,
    },
    /// A file could not be searched for the kernel's banner.
    #[error("cannot search the image for the kernel's version")]
    Scan {
        /// The cause.
        source: io::Error,
    },
    /// The content is larger than any real kernel object: a decompression bomb, or not a kernel object.
    #[error("cannot read {what}: it has more than {limit} bytes, the most that is accepted")]
    TooLarge {
        /// What was being read.
        what: &'static str,
        /// The limit that was exceeded, in bytes.
        limit: u64,
    },
    /// Something extends beyond the end of its container.
    #[error("cannot read {what}: {len} bytes at offset {offset:#x} are needed, but there are only {have} bytes in all")]
    OutOfBounds {
        /// What was being read.
        what: &'static str,
        /// Its start, in bytes.
        offset: u64,
        /// Its length, in bytes.
        len: u64,
        /// The length of the container, in bytes.
        have: u64,
    },
    /// The ELF headers are not usable.
    #[error("cannot read the ELF headers: {reason}")]
    Elf {
        /// The problem, with the offending value.
        reason: String,
    },
    /// goblin refused the ELF headers.
    #[error("cannot read the ELF {what}")]
    Goblin {
        /// The part of the headers.
        what: &'static str,
        /// goblin's error.
        source: goblin::error::Error,
    },
    /// A module was expected, but this is another kind of ELF file.
    #[error("cannot read a module: the ELF type is {elf_type}, but modules are relocatable files (type 1)")]
    NotAModule {
        /// `e_type` of the ELF header.
        elf_type: u16,
    },
    /// A kernel image was expected, but this is a module.
    #[error("cannot read a kernel image: this is a relocatable file, such as a module; its BTF is not a base")]
    NotAKernel,
    /// The file is not a known kind of kernel image.
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
    /// In an x86 boot image the kernel cannot be found.
    #[error("cannot find the kernel in the bzImage: {reason}")]
    BootHeader {
        /// The problem with the boot header, with the offending value.
        reason: String,
    },
    /// A unified kernel image inside another one.
    #[error("cannot read the kernel of the unified kernel image: it is another unified kernel image")]
    NestedImage,
    /// The kernel image is intact, but has no BTF.
    #[error("cannot find BTF in the {kind}: it was built without CONFIG_DEBUG_INFO_BTF, or its .BTF was stripped")]
    NoBtf {
        /// The kind of image.
        kind: ImageKind,
    },
    /// A record of a section is not usable.
    #[error("cannot read record {index} of section {section}: {reason}")]
    Record {
        /// The section.
        section: &'static str,
        /// The record's index, from 0.
        index: usize,
        /// The problem, with the offending value.
        reason: String,
    },
    /// A section as a whole is not usable.
    #[error("cannot read section {section}: {reason}")]
    Section {
        /// The section.
        section: &'static str,
        /// The problem, with the offending value.
        reason: String,
    },
    /// The module is signed, and any change would make the signature invalid.
    #[error(
        "cannot keep the signature: the module is signed, and a change voids that; drop the signature, and sign it again"
    )]
    Signed,
    /// The module has a signature marker, but the lengths before it are invalid.
    #[error(
        "cannot find the module's signature: it ends like a signed module, but the lengths that it gives do not fit"
    )]
    BrokenSignature,
    /// The section to change is loaded, so it cannot move.
    #[error(
        "cannot replace section {section}: it is loaded at {address:#x}, where nothing can be moved; \
         that can be done before the file is linked only"
    )]
    LoadedSection {
        /// Its name.
        section: String,
        /// `sh_addr`: the address at which it is loaded.
        address: u64,
    },
    /// A file could not be replaced by its new content.
    #[error(transparent)]
    Replace(#[from] util::atomic::Error),
    /// Data could not be compressed.
    #[error("cannot compress {input} bytes with {compression}")]
    Compress {
        /// The compression.
        compression: Compression,
        /// The length of the data, in bytes.
        input: usize,
        /// The compressor's error.
        source: io::Error,
    },
    /// A compression that the kernel does not support for modules.
    #[error(
        "cannot compress again with {compression}: modules are compressed with gzip, xz or zstd; decompress the file first"
    )]
    NotForModules {
        /// The compression.
        compression: Compression,
    },
    /// A line of a text file is not usable.
    #[error("cannot read line {line} of {file}: {reason}")]
    Line {
        /// The kind of file: `Module.symvers`, `modules.dep`.
        file: &'static str,
        /// The line, from 1.
        line: usize,
        /// The problem, with the offending text.
        reason: String,
    },
    /// A root has no directory of modules.
    #[error(
        "cannot find the modules of {release} below {}: neither lib/modules/{release} nor \
         usr/lib/modules/{release} is a directory there", root.display()
    )]
    NoModuleTree {
        /// The root.
        root: PathBuf,
        /// The kernel release.
        release: String,
    },
    /// A module does not exist.
    #[error("cannot find module {name} among {modules} modules")]
    NoSuchModule {
        /// Its name as the kernel knows it.
        name: String,
        /// The number of modules.
        modules: usize,
    },
    /// Modules depend on each other in a cycle, so there is no load order.
    #[error("cannot order the modules: they need each other: {}", modules.join(" -> "))]
    Cycle {
        /// Their names; each depends on the next, and the last one equals the first.
        modules: Vec<String>,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| FileError::on(action, path)(source).into()
    }

    pub(crate) fn changing(path: &Path) -> impl FnOnce(Self) -> Self {
        move |error| match error {
            already @ (Self::Io(_) | Self::Replace(_)) => already,
            other => Self::Change { path: path.to_owned(), source: Box::new(other) },
        }
    }

    pub(crate) fn reading(path: &Path, expected: &'static str) -> impl FnOnce(Self) -> Self {
        move |error| match error {
            already @ (Self::Io(_) | Self::File { .. } | Self::Replace(_)) => already,
            other => Self::File { path: path.to_owned(), expected, source: Box::new(other) },
        }
    }
}

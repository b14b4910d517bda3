//! One file in an archive.

use std::borrow::Cow;
use std::io::{self, Read};
use std::ops::ControlFlow;

use bstr::{BStr, ByteSlice as _};
use kmod::{KernelImage, Module};

use crate::error::Error;
use crate::kernel_file::KernelFile;
use crate::limits::Limits;

/// Called for each entry. It returns whether to continue. An error ends the visit, too, and the visit returns it.
pub type Visitor<'v> = dyn FnMut(&mut Entry<'_>) -> Result<ControlFlow<()>, Error> + 'v;

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; see [`Entry::target`].
    Symlink,
    /// Another name of a file of this archive, without content of its own. Tar archives name that file
    /// ([`Entry::target`]); in cpio archives it is the one of the same inode with content, before or after this entry.
    HardLink,
    /// A device, a socket, a pipe.
    Other,
}

/// The part of the archive that an entry is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// What the package manager keeps for itself: `control.tar` of a `.deb`, `.PKGINFO` and the like.
    Control,
    /// What the package installs.
    Data,
    /// An archive of an initramfs, counted from 0; see [`crate::Segment`].
    Segment(usize),
}

/// One file in an archive. Its content is its [`Read`]; content that is not read is skipped.
pub struct Entry<'a> {
    pub(crate) path: &'a BStr,
    pub(crate) kind: EntryKind,
    pub(crate) target: Option<&'a BStr>,
    pub(crate) size: u64,
    pub(crate) offset: u64,
    pub(crate) part: Part,
    pub(crate) content: &'a mut dyn Read,
    pub(crate) limits: Limits,
}

impl std::fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, kind, size, offset, part, .. } = self;
        f.debug_struct("Entry")
            .field("path", path)
            .field("kind", kind)
            .field("size", size)
            .field("offset", offset)
            .field("part", part)
            .finish_non_exhaustive()
    }
}

impl Entry<'_> {
    /// Its path, without `/` or `./` at the beginning. It may have `..` in it: nothing is written by it here.
    #[must_use]
    pub fn path(&self) -> &BStr {
        self.path
    }

    /// Its path as text; bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn path_str(&self) -> Cow<'_, str> {
        self.path.to_str_lossy()
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> EntryKind {
        self.kind
    }

    /// Where a link points to, if the archive says it.
    #[must_use]
    pub fn target(&self) -> Option<&BStr> {
        self.target
    }

    /// The size of its content in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where its header is, in bytes, in the decompressed archive that it is in.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// In which part of the archive it is.
    #[must_use]
    pub fn part(&self) -> Part {
        self.part
    }

    /// What it is to a kernel: see [`KernelFile`]. Only a regular file is anything.
    #[must_use]
    pub fn kernel_file(&self) -> Option<KernelFile<'_>> {
        KernelFile::of(self.path).filter(|_| self.kind == EntryKind::File)
    }

    /// Reads it as a module.
    ///
    /// # Errors
    ///
    /// Those of [`Entry::read_all`], and [`Error::Object`].
    pub fn module(&mut self) -> Result<Module, Error> {
        Module::from_bytes(self.bytes()?).map_err(|source| self.not_an_object(source))
    }

    /// Reads it as a kernel image.
    ///
    /// # Errors
    ///
    /// Those of [`Entry::read_all`], and [`Error::Object`].
    pub fn kernel_image(&mut self) -> Result<KernelImage, Error> {
        KernelImage::from_bytes(self.bytes()?).map_err(|source| self.not_an_object(source))
    }

    fn not_an_object(&self, source: kmod::Error) -> Error {
        Error::Object { path: self.path.to_string(), source }
    }

    /// Puts the whole content into `buffer`, in place of what that holds.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] if it has more bytes than [`Limits::in_memory`]; [`Error::Entry`] if it is damaged or cut short.
    pub fn read_all(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        let limit = self.limits.in_memory;
        if self.size > limit {
            return Err(Error::Limit { what: "an entry's bytes", offset: self.offset, limit });
        }
        buffer.clear();
        // A size is not believed before its bytes have come.
        buffer.reserve(usize::try_from(self.size).unwrap_or(0).min(1 << 20));
        let size = self.size;
        let read = self.read_to_end(buffer).and_then(|read| {
            let reason = || format!("{size} bytes are needed, but there are only {read}");
            if read as u64 == size { Ok(()) } else { Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason())) }
        });
        read.map_err(|source| Error::Entry { path: self.path.to_string(), source })
    }

    /// The whole content.
    ///
    /// # Errors
    ///
    /// As for [`Entry::read_all`].
    pub fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        let mut buffer = Vec::new();
        self.read_all(&mut buffer)?;
        Ok(buffer)
    }
}

impl Read for Entry<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.content.read(buffer)
    }
}

/// What is common to the entries of one part of an archive: who sees them, and what is accepted.
pub(crate) struct Visit<'v, 'f> {
    pub(crate) visitor: &'v mut Visitor<'f>,
    pub(crate) part: Part,
    pub(crate) limits: Limits,
    /// How many entries there were.
    pub(crate) entries: u64,
}

/// An entry as its header describes it.
pub(crate) struct Head<'a> {
    pub(crate) path: &'a [u8],
    pub(crate) kind: EntryKind,
    pub(crate) target: Option<&'a [u8]>,
    pub(crate) size: u64,
    pub(crate) offset: u64,
}

impl Visit<'_, '_> {
    /// Shows an entry to the visitor.
    pub(crate) fn entry(&mut self, head: &Head<'_>, content: &mut dyn Read) -> Result<ControlFlow<()>, Error> {
        let limit = self.limits.entries;
        self.entries += 1;
        if self.entries > limit {
            return Err(Error::Limit { what: "the entries", offset: head.offset, limit });
        }
        (self.visitor)(&mut Entry {
            path: normalise(head.path).as_bstr(),
            kind: head.kind,
            target: head.target.map(BStr::new),
            size: head.size,
            offset: head.offset,
            part: self.part,
            content,
            limits: self.limits,
        })
    }
}

/// The path without `/` or `./` at the beginning.
fn normalise(mut path: &[u8]) -> &[u8] {
    while let Some(rest) = path.strip_prefix(b"/").or_else(|| path.strip_prefix(b"./")) {
        path = rest;
    }
    path
}

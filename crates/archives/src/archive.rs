//! A file with other files in it, whatever its format.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use kmod::{Compression, Decoder, UnifiedImage};
use tracing::debug_span;
use util::FileError;

use crate::entry::{Part, Visit, Visitor};
use crate::error::Error;
use crate::initramfs::{self, Segment};
use crate::input::{Content, Input};
use crate::limits::Limits;
use crate::package_id::{self, Description, PackageId};
use crate::{ar, cpio, rpm, tar_stream};

/// The formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ArchiveKind {
    /// A package of Debian and its derivatives: ar with two tar archives in it.
    Deb,
    /// A package of Fedora, SUSE and others: RPM.
    Rpm,
    /// A tar archive: a package of Arch (`.pkg.tar.zst`) or Alpine (`.apk`), or any other.
    Tar,
    /// An initramfs: cpio archives after one another.
    Initramfs,
    /// A unified kernel image, whose initramfs is read.
    Unified,
}

impl fmt::Display for ArchiveKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deb => "Debian package",
            Self::Rpm => "RPM package",
            Self::Tar => "tar archive",
            Self::Initramfs => "initramfs",
            Self::Unified => "unified kernel image",
        })
    }
}

/// A package, an initramfs, or a unified kernel image. Nothing of it is kept in memory.
#[derive(Debug)]
pub struct Archive {
    source: Source,
    kind: ArchiveKind,
    unified: Option<UnifiedImage>,
    limits: Limits,
}

#[derive(Debug)]
enum Source {
    File { file: File, path: PathBuf },
    Bytes(Vec<u8>),
}

/// How much of a file decides what it is, in bytes: tar's magic ends at 262.
const START: usize = 512;

impl Archive {
    /// Finds out what `path` is, by its first bytes. `None` if it is none of [`ArchiveKind`].
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::File`] around [`Error::Read`] if compressed data is damaged at its beginning,
    /// [`Error::Unsupported`] for the second format of `.apk`, and [`Error::Kmod`] for a damaged unified kernel image.
    pub fn open(path: impl AsRef<Path>) -> Result<Option<Self>, Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(FileError::on("open", path))?;
        Self::of(Source::File { file, path: path.to_owned() })
    }

    /// Like [`Archive::open`], of the content of a file.
    ///
    /// # Errors
    ///
    /// As for [`Archive::open`], without the file.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Option<Self>, Error> {
        Self::of(Source::Bytes(bytes))
    }

    fn of(source: Source) -> Result<Option<Self>, Error> {
        let found = source.detect().map_err(|error| source.named(error))?;
        Ok(found.map(|(kind, unified)| Self { source, kind, unified, limits: Limits::default() }))
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> ArchiveKind {
        self.kind
    }

    /// Shows each entry to `visitor`, in the order of the archive, until that breaks. The archives of an initramfs that were
    /// read are returned; packages have none.
    ///
    /// # Errors
    ///
    /// [`Error::File`] around what is wrong with the archive, or what the visitor returned. Entries before the damage have been
    /// shown.
    pub fn visit(&self, visitor: &mut Visitor<'_>) -> Result<Vec<Segment>, Error> {
        let _span = debug_span!("read archive", kind = %self.kind).entered();
        self.visit_parts(visitor).map_err(|error| self.source.named(error))
    }

    fn visit_parts(&self, visitor: &mut Visitor<'_>) -> Result<Vec<Segment>, Error> {
        let mut visit = Visit { visitor, part: Part::Data, limits: self.limits, entries: 0 };
        let mut segments = Vec::new();
        let mut input = Input::new(self.source.reader(0..u64::MAX), u64::MAX);
        // Whether the visitor ended it does not matter here.
        let _flow = match self.kind {
            ArchiveKind::Deb => deb(&mut input, &mut visit)?,
            ArchiveKind::Rpm => rpm::read(&mut input, &mut visit)?,
            ArchiveKind::Tar => {
                let content = Input::new(Content::new(input)?, self.limits.total);
                tar_stream::read(content, &mut visit, Some(tar_stream::part_by_name))?
            }
            ArchiveKind::Initramfs => initramfs::read(&mut input, 0, &mut visit, &mut segments)?,
            ArchiveKind::Unified => self.visit_unified(&mut visit, &mut segments)?,
        };
        Ok(segments)
    }

    fn visit_unified(&self, visit: &mut Visit<'_, '_>, segments: &mut Vec<Segment>) -> Result<ControlFlow<()>, Error> {
        for section in self.initramfs_sections() {
            let base = section.start;
            let mut input = Input::new(self.source.reader(section), u64::MAX);
            if initramfs::read(&mut input, base, visit, segments)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The sections of a unified kernel image that are unpacked, in the order in which its stub joins them: microcode first.
    fn initramfs_sections(&self) -> impl Iterator<Item = Range<u64>> {
        let sections = |name| self.unified.iter().flat_map(move |unified| unified.sections(name));
        sections(".ucode").chain(sections(".initrd"))
    }

    /// Which package it is; `None` if it is no package, and if the package does not say it.
    ///
    /// # Errors
    ///
    /// As for [`Archive::visit`], of what precedes the files.
    pub fn package_id(&self) -> Result<Option<PackageId>, Error> {
        let description = match self.kind {
            ArchiveKind::Rpm => {
                let header = rpm::read_header(&mut Input::new(self.source.reader(0..u64::MAX), u64::MAX));
                return header.map(|header| header.id()).map_err(|error| self.source.named(error));
            }
            ArchiveKind::Deb => package_id::CONTROL,
            ArchiveKind::Tar => package_id::PKGINFO,
            ArchiveKind::Initramfs | ArchiveKind::Unified => return Ok(None),
        };
        let mut id = None;
        self.visit(&mut |entry| {
            if entry.part() != Part::Control {
                return Ok(ControlFlow::Break(()));
            }
            if entry.path() != description.file || entry.size() > Description::MAX {
                return Ok(ControlFlow::Continue(()));
            }
            id = description.parse(&String::from_utf8_lossy(&entry.bytes()?));
            Ok(ControlFlow::Break(()))
        })?;
        Ok(id)
    }
}

/// Shows the entries of both tar archives of a Debian package.
fn deb<R: Read>(input: &mut Input<R>, visit: &mut Visit<'_, '_>) -> Result<ControlFlow<()>, Error> {
    let mut has_data = false;
    let flow = ar::read(input, |member, content| {
        visit.part = match member.name.split_once(".tar").map_or(member.name, |(name, _)| name) {
            "control" => Part::Control,
            "data" => Part::Data,
            _ => return Ok(ControlFlow::Continue(())),
        };
        has_data |= visit.part == Part::Data;
        let total = visit.limits.total;
        let read = Content::new(content).and_then(|content| tar_stream::read(Input::new(content, total), visit, None));
        read.map_err(Error::part(member.name, member.offset))
    })?;
    if has_data || flow.is_break() {
        return Ok(flow);
    }
    let reason = "it has no member data.tar".to_owned();
    Err(Error::Record { what: "the Debian package", offset: input.offset(), reason })
}

impl Source {
    fn reader(&self, range: Range<u64>) -> SourceReader<'_> {
        SourceReader { source: self, range }
    }

    /// Names the file in an error.
    fn named(&self, error: Error) -> Error {
        match self {
            Self::File { path, .. } => Error::file(path)(error),
            Self::Bytes(_) => error,
        }
    }

    fn detect(&self) -> Result<Option<(ArchiveKind, Option<UnifiedImage>)>, Error> {
        let start = first_bytes(self.reader(0..u64::MAX))?;
        if start.starts_with(b"ADB") {
            return Err(Error::Unsupported { what: "a package in the format of apk-tools 3".to_owned() });
        }
        if start.starts_with(b"MZ") {
            let unified = match self {
                Self::File { path, .. } => UnifiedImage::open(path)?,
                Self::Bytes(bytes) => UnifiedImage::from_bytes(bytes)?,
            };
            return Ok(unified.map(|unified| (ArchiveKind::Unified, Some(unified))));
        }
        let kind = match Compression::detect(&start) {
            None => kind_of(&start),
            Some(compression) => {
                let input = BufReader::new(self.reader(0..u64::MAX));
                // Of what is compressed only an archive of files is known.
                kind_of(&first_bytes(Decoder::new(compression, input)?)?)
                    .filter(|kind| matches!(kind, ArchiveKind::Tar | ArchiveKind::Initramfs))
            }
        };
        Ok(kind.map(|kind| (kind, None)))
    }
}

fn first_bytes(reader: impl Read) -> Result<Vec<u8>, Error> {
    let mut start = Vec::new();
    let read = reader.take(START as u64).read_to_end(&mut start);
    read.map_err(|source| Error::Read { what: "the beginning", offset: 0, source })?;
    Ok(start)
}

fn kind_of(start: &[u8]) -> Option<ArchiveKind> {
    if start.starts_with(ar::MAGIC) {
        Some(ArchiveKind::Deb)
    } else if start.starts_with(rpm::MAGIC) {
        Some(ArchiveKind::Rpm)
    } else if cpio::is_cpio(start) {
        Some(ArchiveKind::Initramfs)
    } else if tar_stream::is_tar(start) {
        Some(ArchiveKind::Tar)
    } else {
        None
    }
}

/// Reads a range of a file, or up to the file's end, without moving a position that others share.
struct SourceReader<'a> {
    source: &'a Source,
    range: Range<u64>,
}

impl Read for SourceReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.range.end - self.range.start).unwrap_or(usize::MAX);
        let len = buffer.len().min(left);
        let buffer = &mut buffer[..len];
        let read = match self.source {
            Source::File { file, .. } => file.read_at(buffer, self.range.start)?,
            Source::Bytes(bytes) => {
                let rest = usize::try_from(self.range.start).ok().and_then(|start| bytes.get(start..));
                rest.unwrap_or_default().read(buffer)?
            }
        };
        self.range.start += read as u64;
        Ok(read)
    }
}

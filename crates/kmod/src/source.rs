//! Bytes in memory, or in a file of which only small parts are read.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::Error;

/// Something with a known length from which parts can be read.
pub(crate) trait ByteSource {
    /// Its length in bytes.
    fn len(&self) -> u64;

    /// Reads `len` bytes from `offset`, or fails if they are not all there. The check comes before any allocation.
    fn read(&self, offset: u64, len: u64, what: &'static str) -> Result<Cow<'_, [u8]>, Error>;
}

impl ByteSource for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read(&self, offset: u64, len: u64, what: &'static str) -> Result<Cow<'_, [u8]>, Error> {
        let range = checked_range(self, offset, len, what)?;
        Ok(Cow::Borrowed(&self[range.0..range.1]))
    }
}

/// A regular file.
pub(crate) struct FileBytes<'a> {
    file: &'a File,
    path: &'a Path,
    len: u64,
}

impl<'a> FileBytes<'a> {
    pub(crate) fn new(file: &'a File, path: &'a Path) -> Result<Self, Error> {
        let len = file.metadata().map_err(Error::io("read", path))?.len();
        Ok(Self { file, path, len })
    }
}

impl ByteSource for FileBytes<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, len: u64, what: &'static str) -> Result<Cow<'_, [u8]>, Error> {
        let limit = crate::compress::MAX_DECOMPRESSED;
        if len > limit {
            return Err(Error::TooLarge { what, limit });
        }
        let (start, end) = checked_range(self, offset, len, what)?;
        let mut buffer = vec![0; end - start];
        self.file.read_exact_at(&mut buffer, offset).map_err(Error::io("read", self.path))?;
        Ok(Cow::Owned(buffer))
    }
}

/// A part of something else.
pub(crate) struct Part<'a, S: ?Sized> {
    source: &'a S,
    start: u64,
    len: u64,
}

impl<'a, S: ByteSource + ?Sized> Part<'a, S> {
    /// `len` bytes of `source` from `start`, which are there.
    pub(crate) fn new(source: &'a S, start: u64, len: u64, what: &'static str) -> Result<Self, Error> {
        checked_range(source, start, len, what)?;
        Ok(Self { source, start, len })
    }
}

impl<S: ByteSource + ?Sized> ByteSource for Part<'_, S> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, len: u64, what: &'static str) -> Result<Cow<'_, [u8]>, Error> {
        checked_range(self, offset, len, what)?;
        self.source.read(self.start + offset, len, what)
    }
}

/// Reads from one end to the other.
pub(crate) struct SourceReader<'a, S: ?Sized> {
    source: &'a S,
    offset: u64,
}

impl<'a, S: ByteSource + ?Sized> SourceReader<'a, S> {
    pub(crate) fn new(source: &'a S) -> Self {
        Self { source, offset: 0 }
    }
}

impl<S: ByteSource + ?Sized> Read for SourceReader<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = (self.source.len() - self.offset).min(buffer.len() as u64);
        let bytes = self.source.read(self.offset, len, "the file").map_err(std::io::Error::other)?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.offset += len;
        Ok(bytes.len())
    }
}

fn checked_range(
    source: &(impl ByteSource + ?Sized),
    offset: u64,
    len: u64,
    what: &'static str,
) -> Result<(usize, usize), Error> {
    let have = source.len();
    let out_of_bounds = || Error::OutOfBounds { what, offset, len, have };
    let end = offset.checked_add(len).filter(|&end| end <= have).ok_or_else(out_of_bounds)?;
    usize::try_from(offset).ok().zip(usize::try_from(end).ok()).ok_or_else(out_of_bounds)
}

/// Reads a whole file of up to [`crate::compress::MAX_DECOMPRESSED`] bytes. The length in its metadata is ignored,
/// because sysfs reports a wrong one.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let limit = crate::compress::MAX_DECOMPRESSED;
    let expected = file.metadata().map_or(0, |metadata| metadata.len()).min(limit);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0).saturating_add(1));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(Error::reading(path, "a kernel object")(Error::TooLarge { what: "the file", limit }));
    }
    Ok(bytes)
}

/// Reads a whole text file.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    String::from_utf8(read_file(path)?).map_err(|error| {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error());
        Error::io("read as text", path)(source)
    })
}

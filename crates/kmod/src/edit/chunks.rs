//! The parts from which a changed file is assembled.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use crate::error::Error;

/// A part of the new file, after all those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chunk<'a> {
    /// Bytes of the old file.
    Old {
        /// The offset in the old file.
        offset: u64,
        /// The number of bytes.
        length: u64,
    },
    /// New bytes.
    New(Cow<'a, [u8]>),
    /// This many zeros.
    Zeros(u64),
}

impl Chunk<'_> {
    /// Appends the chunk to the new content.
    pub(super) fn append(&self, old: &[u8], output: &mut Vec<u8>) -> Result<(), Error> {
        let out_of_bounds =
            |offset, len| Error::OutOfBounds { what: "what is kept", offset, len, have: old.len() as u64 };
        match self {
            Self::Old { offset, length } => {
                let range = usize::try_from(*offset).ok().zip(usize::try_from(offset.saturating_add(*length)).ok());
                let bytes = range.and_then(|(start, end)| old.get(start..end));
                output.extend_from_slice(bytes.ok_or_else(|| out_of_bounds(*offset, *length))?);
            }
            Self::New(bytes) => output.extend_from_slice(bytes),
            Self::Zeros(count) => output.resize(output.len().saturating_add(usize::try_from(*count).unwrap_or(0)), 0),
        }
        Ok(())
    }

    /// Appends the chunk to the new file, without loading the old file into memory.
    pub(super) fn copy(&self, old: &mut File, mut new: &File) -> io::Result<()> {
        match self {
            Self::Old { offset, length } => {
                old.seek(SeekFrom::Start(*offset))?;
                let copied = io::copy(&mut old.take(*length), &mut new)?;
                if copied < *length {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter meanwhile"));
                }
                Ok(())
            }
            Self::New(bytes) => new.write_all(bytes),
            Self::Zeros(count) => io::copy(&mut io::repeat(0).take(*count), &mut new).map(drop),
        }
    }
}

/// A list of chunks and their total length.
#[derive(Debug, Default)]
pub(super) struct Chunks<'a> {
    chunks: Vec<Chunk<'a>>,
    length: u64,
}

impl<'a> Chunks<'a> {
    /// The length so far, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Adds bytes of the old file.
    pub(super) fn old(&mut self, offset: u64, length: u64) {
        self.length = self.length.saturating_add(length);
        if let Some(Chunk::Old { offset: before, length: so_far }) = self.chunks.last_mut()
            && before.checked_add(*so_far) == Some(offset)
        {
            *so_far = so_far.saturating_add(length);
        } else if length > 0 {
            self.chunks.push(Chunk::Old { offset, length });
        }
    }

    /// Adds new bytes.
    pub(super) fn add(&mut self, bytes: Cow<'a, [u8]>) {
        self.length = self.length.saturating_add(bytes.len() as u64);
        self.chunks.push(Chunk::New(bytes));
    }

    /// Adds zeros until the length is a multiple of `alignment`, a power of two.
    pub(super) fn align(&mut self, alignment: u64) {
        let missing = self.length.wrapping_neg() & alignment.saturating_sub(1);
        if missing > 0 {
            self.length = self.length.saturating_add(missing);
            self.chunks.push(Chunk::Zeros(missing));
        }
    }

    /// The chunks and their length, with the first chunk replaced by one of the same length.
    pub(super) fn finish(mut self, first_chunk: Vec<u8>) -> (Vec<Chunk<'a>>, u64) {
        if let Some(first) = self.chunks.first_mut() {
            *first = Chunk::New(Cow::Owned(first_chunk));
        }
        (self.chunks, self.length)
    }
}

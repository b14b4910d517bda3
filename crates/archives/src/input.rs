//! A stream whose place is known, of which the next bytes can be looked at, and which ends at a limit; and several compressed
//! streams after one another as one.

use std::io::{self, BufRead, Read};

use kmod::{Compression, Decoder};

use crate::error::Error;

/// The size of the buffer in bytes.
const BUFFER: usize = 64 << 10;

/// A buffered stream.
pub(crate) struct Input<R> {
    inner: R,
    buffer: Vec<u8>,
    /// The part of the buffer that has not been taken.
    start: usize,
    end: usize,
    /// How many bytes have been taken.
    offset: u64,
    /// How many bytes may still be read from `inner`.
    budget: u64,
    limit: u64,
}

impl<R: Read> Input<R> {
    /// A stream that is an error after `limit` bytes.
    pub(crate) fn new(inner: R, limit: u64) -> Self {
        Self { inner, buffer: Vec::new(), start: 0, end: 0, offset: 0, budget: limit, limit }
    }

    /// How many bytes have been taken.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads from the stream itself; more than the limit is an error.
    fn read_inner(inner: &mut R, budget: &mut u64, limit: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let read = loop {
            match inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        *budget = budget.checked_sub(read as u64).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("there are more than {limit} bytes, the most that is accepted"),
            )
        })?;
        Ok(read)
    }

    /// The next bytes, at least `len` of them unless the stream ends before; `len` is small.
    pub(crate) fn peek(&mut self, len: usize) -> io::Result<&[u8]> {
        if self.buffer.is_empty() {
            self.buffer = vec![0; BUFFER];
        }
        if self.buffer.len() - self.start < len {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        while self.end - self.start < len {
            let free = &mut self.buffer[self.end..];
            match Self::read_inner(&mut self.inner, &mut self.budget, self.limit, free)? {
                0 => break,
                read => self.end += read,
            }
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Whether nothing is left.
    pub(crate) fn is_at_end(&mut self) -> io::Result<bool> {
        Ok(self.peek(1)?.is_empty())
    }

    /// Puts exactly `len` bytes into `buffer`, in place of what it holds. Memory is asked for as the bytes arrive.
    pub(crate) fn take_exactly(&mut self, len: usize, buffer: &mut Vec<u8>, what: &'static str) -> Result<(), Error> {
        let offset = self.offset;
        buffer.clear();
        let read = self.by_ref().take(len as u64).read_to_end(buffer);
        let read = read.map_err(|source| Error::Read { what, offset, source })?;
        if read == len { Ok(()) } else { Err(cut_short(what, offset, len as u64, read as u64)) }
    }

    /// Passes over `len` bytes.
    pub(crate) fn skip(&mut self, len: u64, what: &'static str) -> Result<(), Error> {
        let offset = self.offset;
        let mut left = len;
        while left > 0 {
            let have = self.peek(1).map_err(|source| Error::Read { what, offset, source })?.len() as u64;
            if have == 0 {
                return Err(cut_short(what, offset, len, len - left));
            }
            let step = have.min(left);
            self.consume(usize::try_from(step).unwrap_or(usize::MAX));
            left -= step;
        }
        Ok(())
    }

    /// Passes over zeroes.
    pub(crate) fn skip_zeroes(&mut self) -> io::Result<()> {
        loop {
            let have = self.peek(1)?;
            let zeroes = have.iter().position(|&byte| byte != 0).unwrap_or(have.len());
            let is_all = zeroes == have.len() && zeroes > 0;
            self.consume(zeroes);
            if !is_all {
                return Ok(());
            }
        }
    }
}

pub(crate) fn cut_short(what: &'static str, offset: u64, len: u64, have: u64) -> Error {
    let reason = format!("{len} bytes are needed, but there are only {have}");
    Error::Read { what, offset, source: io::Error::new(io::ErrorKind::UnexpectedEof, reason) }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = if self.start == self.end && buffer.len() >= BUFFER {
            Self::read_inner(&mut self.inner, &mut self.budget, self.limit, buffer)?
        } else {
            let have = self.peek(1)?;
            let len = have.len().min(buffer.len());
            buffer[..len].copy_from_slice(&have[..len]);
            self.start += len;
            len
        };
        self.offset += read as u64;
        Ok(read)
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.peek(1)
    }

    fn consume(&mut self, amount: usize) {
        let amount = amount.min(self.end - self.start);
        self.start += amount;
        self.offset += amount as u64;
    }
}

/// What `inner` holds, decompressed: one compressed stream after another as one, or the bytes as they are.
pub(crate) enum Content<R: Read> {
    Plain(Input<R>),
    Compressed(Compression, Option<Decoder<Input<R>>>),
}

impl<R: Read> Content<R> {
    /// Finds out from the first bytes whether there is compressed data.
    pub(crate) fn new(inner: R) -> Result<Self, Error> {
        let mut input = Input::new(inner, u64::MAX);
        let magic = input.peek(8).map_err(|source| Error::Read { what: "the beginning", offset: 0, source })?;
        Ok(match Compression::detect(magic) {
            None => Self::Plain(input),
            Some(compression) => Self::Compressed(compression, Some(Decoder::new(compression, input)?)),
        })
    }

    /// How it is compressed.
    pub(crate) fn compression(&self) -> Option<Compression> {
        match self {
            Self::Plain(_) => None,
            Self::Compressed(compression, _) => Some(*compression),
        }
    }
}

impl<R: Read> Read for Content<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (compression, stream) = match self {
            Self::Plain(input) => return input.read(buffer),
            Self::Compressed(compression, stream) => (*compression, stream),
        };
        while let Some(decoder) = stream {
            let read = decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let next = stream.take().map(Decoder::into_inner);
            let Some(mut input) = next else { break };
            // Padding that is no stream is ignored, as the tools do.
            if Compression::detect(input.peek(8)?) == Some(compression) {
                *stream = Some(Decoder::new(compression, input).map_err(io::Error::other)?);
            }
        }
        Ok(0)
    }
}

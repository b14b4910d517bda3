//! What the formats of blocks share: a decompressed block that is handed out in parts, and reads of an exact length.

use std::io::{self, Read};

/// A block after decompression, of which some has been handed out.
#[derive(Default)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) taken: usize,
}

impl Block {
    /// The bytes that have not been handed out.
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    /// Hands out what fits into `buffer`.
    pub(super) fn take(&mut self, buffer: &mut [u8]) -> usize {
        let rest = self.rest();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.taken += len;
        len
    }
}

/// Puts exactly `len` bytes into `buffer`, in place of what it holds. Memory is asked for as the bytes arrive.
pub(super) fn read_exactly(
    input: &mut impl Read,
    len: usize,
    buffer: &mut Vec<u8>,
    what: &'static str,
) -> io::Result<()> {
    buffer.clear();
    input.by_ref().take(len as u64).read_to_end(buffer)?;
    if buffer.len() == len { Ok(()) } else { Err(io::Error::new(io::ErrorKind::UnexpectedEof, what)) }
}

pub(super) fn invalid(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}

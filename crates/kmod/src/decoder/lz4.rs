//! lz4's legacy frame, as the kernel reads it (`lib/decompress_unlz4.c`): the magic, then blocks, each after its compressed
//! length in 4 bytes. It ends with the input or with a length of 0, which zeroes after the frame are.
//!
//! The kernel's build appends the decompressed length, again 4 bytes, which differs from a block's length only by being the last
//! thing there is.

use std::io::{self, BufRead, Read};

use util::Endian;

use super::block::{Block, invalid, read_exactly};
use crate::compression::LZ4_LEGACY_MAGIC;

/// The size of a block after decompression, in bytes; only the last one may be shorter.
const BLOCK: usize = 8 << 20;

/// The largest size of a compressed block, in bytes: `LZ4_COMPRESSBOUND` of a whole one.
const MAX_COMPRESSED: usize = BLOCK + BLOCK / 255 + 16;

/// Decompresses one frame.
pub(super) struct Decoder<R> {
    input: R,
    compressed: Vec<u8>,
    block: Block,
    /// How many bytes all blocks had so far.
    total: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Blocks,
    End,
}

impl<R: BufRead> Decoder<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, compressed: Vec::new(), block: Block::default(), total: 0, state: State::Start }
    }

    pub(super) fn into_inner(self) -> R {
        self.input
    }

    /// The length of the next block; `None` at the end of the frame.
    fn next_length(&mut self) -> io::Result<Option<usize>> {
        loop {
            if self.input.fill_buf()?.is_empty() {
                return Ok(None);
            }
            read_exactly(&mut self.input, 4, &mut self.compressed, "a block's length is cut short")?;
            if self.compressed == LZ4_LEGACY_MAGIC {
                continue;
            }
            let length = Endian::Little.u32_at(&self.compressed, 0).unwrap_or_default();
            let is_appended = u64::from(length) == self.total && self.input.fill_buf()?.is_empty();
            if length == 0 || is_appended {
                return Ok(None);
            }
            let length = length as usize;
            if length > MAX_COMPRESSED {
                return Err(invalid(format!("a block has {length} compressed bytes, more than {MAX_COMPRESSED}")));
            }
            return Ok(Some(length));
        }
    }

    /// Decompresses the next block, or notes that there is none.
    fn advance(&mut self) -> io::Result<()> {
        if self.state == State::Start {
            read_exactly(&mut self.input, LZ4_LEGACY_MAGIC.len(), &mut self.compressed, "the magic is cut short")?;
            if self.compressed != LZ4_LEGACY_MAGIC {
                return Err(invalid("no lz4 magic"));
            }
            self.state = State::Blocks;
        }
        let Some(length) = self.next_length()? else {
            self.state = State::End;
            return Ok(());
        };
        read_exactly(&mut self.input, length, &mut self.compressed, "a block reaches past the end")?;
        self.block.bytes.resize(BLOCK, 0);
        let written =
            lz4_flex::block::decompress_into(&self.compressed, &mut self.block.bytes).map_err(io::Error::other)?;
        self.block.bytes.truncate(written);
        self.block.taken = 0;
        self.total += written as u64;
        Ok(())
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.block.rest().is_empty() && self.state != State::End {
            self.advance()?;
        }
        Ok(self.block.take(buffer))
    }
}

//! lzop's format, as the kernel reads it (`lib/decompress_unlzo.c`): a header, then blocks, each after its length, its
//! compressed length and checksums; a length of 0 ends it. All numbers are big endian. Checksums are not compared.

use std::io::{self, BufRead, Read};

use util::Endian;

use super::block::{Block, invalid, read_exactly};

const MAGIC: &[u8] = b"\x89LZO\0\r\n\x1a\n";

/// The largest block that the kernel reads, in bytes.
const MAX_BLOCK: usize = 256 << 10;

/// The version from which the header has the fields that this reader calls recent.
const RECENT: u16 = 0x0940;

/// The header's flag for a filter, whose number then follows the flags.
const HAS_FILTER: u32 = 0x0800;
/// The flags for a checksum (Adler-32, CRC-32) of each block's content, and of each block's compressed bytes.
const CONTENT_CHECKSUMS: [u32; 2] = [0x0001, 0x0100];
const COMPRESSED_CHECKSUMS: [u32; 2] = [0x0002, 0x0200];

/// Decompresses one member.
pub(super) struct Decoder<R> {
    input: R,
    scratch: Vec<u8>,
    block: Block,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Blocks { flags: u32 },
    End,
}

impl<R: BufRead> Decoder<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, scratch: Vec::new(), block: Block::default(), state: State::Start }
    }

    pub(super) fn into_inner(self) -> R {
        self.input
    }

    /// The next `len` bytes of the header.
    fn header(&mut self, len: usize) -> io::Result<&[u8]> {
        read_exactly(&mut self.input, len, &mut self.scratch, "the lzop header is cut short")?;
        Ok(&self.scratch)
    }

    /// The next number of 4 bytes.
    fn number(&mut self) -> io::Result<u32> {
        read_exactly(&mut self.input, 4, &mut self.scratch, "a block's lengths are cut short")?;
        Ok(Endian::Big.u32_at(&self.scratch, 0).unwrap_or_default())
    }

    /// Reads the header; its flags.
    fn read_header(&mut self) -> io::Result<u32> {
        if self.header(MAGIC.len())? != MAGIC {
            return Err(invalid("no lzop magic"));
        }
        // Versions of the program, of the library, and the one needed to extract; then the method.
        let version = Endian::Big.u16_at(self.header(7)?, 0).unwrap_or_default();
        let recent = version >= RECENT;
        if recent {
            self.header(1)?; // Level.
        }
        let flags = self.number()?;
        if flags & HAS_FILTER != 0 {
            return Err(invalid("lzop's filters are not supported"));
        }
        self.header(if recent { 12 } else { 8 })?; // Mode and time.
        let name = usize::from(self.header(1)?.first().copied().unwrap_or_default());
        self.header(name + 4)?; // Name and checksum.
        Ok(flags)
    }

    /// Decompresses the next block, or notes that there is none.
    fn advance(&mut self) -> io::Result<()> {
        let flags = match self.state {
            State::Blocks { flags } => flags,
            State::Start => self.read_header()?,
            State::End => return Ok(()),
        };
        self.state = State::Blocks { flags };
        let length = self.number()? as usize;
        if length == 0 {
            self.state = State::End;
            return Ok(());
        }
        let compressed = self.number()? as usize;
        if length > MAX_BLOCK || compressed == 0 || compressed > length {
            return Err(invalid(format!(
                "a block has {length} bytes, compressed {compressed}; at most {MAX_BLOCK} can be read, and compressed no more"
            )));
        }
        let checksums = |of: [u32; 2]| of.iter().filter(|&&flag| flags & flag != 0).count();
        let is_stored = compressed == length;
        let count = checksums(CONTENT_CHECKSUMS) + if is_stored { 0 } else { checksums(COMPRESSED_CHECKSUMS) };
        for _ in 0..count {
            self.number()?;
        }
        self.block.taken = 0;
        let what = "a block reaches past the end";
        if is_stored {
            return read_exactly(&mut self.input, length, &mut self.block.bytes, what);
        }
        read_exactly(&mut self.input, compressed, &mut self.scratch, what)?;
        self.block.bytes.resize(length, 0);
        let written = lzokay::decompress::decompress(&self.scratch, &mut self.block.bytes)
            .map_err(|error| invalid(format!("a block of lzo data is damaged: {error}")))?;
        if written != length {
            return Err(invalid(format!("a block gives {written} bytes and announces {length}")));
        }
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

//! ar archives, which `.deb` files are (`deb(5)`).

use std::io::Read;
use std::ops::ControlFlow;

use crate::error::Error;
use crate::input::Input;

pub(crate) const MAGIC: &[u8] = b"!<arch>\n";

const HEADER: usize = 60;
const WHAT: &str = "the ar header";

/// A member.
pub(crate) struct Member<'a> {
    pub(crate) name: &'a str,
    /// Where its content begins in the file, in bytes.
    pub(crate) offset: u64,
}

/// Shows each member with its content; what is not read of that is passed over.
pub(crate) fn read<R: Read>(
    input: &mut Input<R>,
    mut member: impl FnMut(&Member<'_>, &mut dyn Read) -> Result<ControlFlow<()>, Error>,
) -> Result<ControlFlow<()>, Error> {
    let mut header = Vec::new();
    input.take_exactly(MAGIC.len(), &mut header, "the ar magic")?;
    loop {
        let offset = input.offset();
        if input.is_at_end().map_err(|source| Error::Read { what: WHAT, offset, source })? {
            return Ok(ControlFlow::Continue(()));
        }
        input.take_exactly(HEADER, &mut header, WHAT)?;
        let bad = |reason| Error::Record { what: WHAT, offset, reason };
        if !header.ends_with(b"`\n") {
            return Err(bad("it does not end with the two bytes that every header has".into()));
        }
        let field = |range: std::ops::Range<usize>| {
            std::str::from_utf8(&header[range.clone()])
                .map(str::trim_ascii)
                .map_err(|_| bad(format!("{} is no text", header[range.clone()].escape_ascii())))
        };
        let digits = field(48..58)?;
        let size: u64 = digits.parse().map_err(|_| bad(format!("the size {digits:?} is no number")))?;
        let name = field(0..16)?.trim_end_matches('/');
        let mut content = input.by_ref().take(size);
        let head = Member { name, offset: offset + HEADER as u64 };
        if member(&head, &mut content)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let left = content.limit();
        input.skip(left, "a member of the ar archive")?;
        let at = input.offset();
        if size % 2 == 1 && !input.is_at_end().map_err(|source| Error::Read { what: WHAT, offset: at, source })? {
            input.skip(1, "padding")?;
        }
    }
}

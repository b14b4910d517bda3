//! cpio archives: newc (`070701`), newc with checksums (`070702`), and rpm's stripped headers (`07070X`).
//!
//! The crate `cpio` is not used for reading: it allocates a name by the length that the header gives, wants UTF-8, and does not
//! know stripped headers.

use std::io::Read;
use std::ops::ControlFlow;

use crate::entry::{EntryKind, Head, Visit};
use crate::error::Error;
use crate::input::Input;

/// The length of a header, and of one that is stripped, in bytes.
const HEADER: usize = 110;
const STRIPPED_HEADER: usize = 14;

const TRAILER: &[u8] = b"TRAILER!!!";

const HEADER_WHAT: &str = "the cpio header";

/// A file that stripped headers refer to, as the package's own header describes it.
#[derive(Debug)]
pub(crate) struct ListedFile {
    pub(crate) path: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) size: u64,
    pub(crate) nlink: u32,
}

/// A header's fields that matter here.
struct Fields {
    mode: u32,
    nlink: u32,
    size: u64,
}

/// Whether an archive begins like this.
pub(crate) fn is_cpio(bytes: &[u8]) -> bool {
    bytes.starts_with(b"070701") || bytes.starts_with(b"070702")
}

/// Shows the entries of one archive up to its trailer. The input may end after an entry instead.
/// `stripped` gives the file of an index for stripped headers.
pub(crate) fn read<R: Read>(
    input: &mut Input<R>,
    visit: &mut Visit<'_, '_>,
    stripped: &dyn Fn(u32) -> Option<ListedFile>,
) -> Result<ControlFlow<()>, Error> {
    let start = input.offset();
    let (mut header, mut path, mut target) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let offset = input.offset();
        if input.is_at_end().map_err(|source| Error::Read { what: HEADER_WHAT, offset, source })? {
            return Ok(ControlFlow::Continue(()));
        }
        let bad = |reason| Error::Record { what: HEADER_WHAT, offset, reason };
        let fields = read_header(input, visit.limits.path, &mut header, &mut path, stripped)?;
        skip_padding(input, start)?;
        if path == TRAILER {
            input.skip(fields.size, "the trailer")?;
            skip_padding(input, start)?;
            return Ok(ControlFlow::Continue(()));
        }
        let kind = kind_of(&fields);
        let mut left = fields.size;
        target.clear();
        if kind == EntryKind::Symlink {
            if left > visit.limits.path as u64 {
                return Err(bad(format!("the target of a link has {left} bytes, more than {}", visit.limits.path)));
            }
            input.take_exactly(usize::try_from(left).unwrap_or(usize::MAX), &mut target, "the target of a link")?;
            left = 0;
        }
        let is_link = kind == EntryKind::Symlink;
        let head = Head {
            path: &path,
            kind,
            target: is_link.then_some(&target[..]),
            size: if is_link { 0 } else { left },
            offset,
        };
        let mut content = input.by_ref().take(left);
        if visit.entry(&head, &mut content)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let left = content.limit();
        input.skip(left, "the content of a file")?;
        skip_padding(input, start)?;
    }
}

fn read_header<R: Read>(
    input: &mut Input<R>,
    max_path: usize,
    header: &mut Vec<u8>,
    path: &mut Vec<u8>,
    stripped: &dyn Fn(u32) -> Option<ListedFile>,
) -> Result<Fields, Error> {
    let offset = input.offset();
    let bad = |reason| Error::Record { what: HEADER_WHAT, offset, reason };
    input.take_exactly(6, header, HEADER_WHAT)?;
    let is_stripped = match &header[..] {
        b"070701" | b"070702" => false,
        b"07070X" => true,
        b"070707" => return Err(bad("this is the old format; only newc is read, as by the kernel".into())),
        other => return Err(bad(format!("it begins with {}, not with 070701", other.escape_ascii()))),
    };
    input.take_exactly(if is_stripped { STRIPPED_HEADER } else { HEADER } - 6, header, HEADER_WHAT)?;
    let number = |index: usize| {
        let digits = &header[index * 8..index * 8 + 8];
        hexadecimal(digits).ok_or_else(|| bad(format!("{} is no hexadecimal number", digits.escape_ascii())))
    };
    if is_stripped {
        let index = number(0)?;
        let file = stripped(index).ok_or_else(|| bad(format!("the package has no file {index}")))?;
        *path = file.path;
        return Ok(Fields { mode: file.mode, nlink: file.nlink, size: file.size });
    }
    let fields = Fields { mode: number(1)?, nlink: number(4)?, size: u64::from(number(6)?) };
    let len = number(11)? as usize;
    if len == 0 || len > max_path {
        return Err(bad(format!("the name has {len} bytes; 1 to {max_path} are accepted")));
    }
    input.take_exactly(len, path, "the name of a file")?;
    path.truncate(path.iter().position(|&byte| byte == 0).unwrap_or(len));
    Ok(fields)
}

/// Headers and contents begin at multiples of 4 bytes.
fn skip_padding<R: Read>(input: &mut Input<R>, start: u64) -> Result<(), Error> {
    let misaligned = (input.offset() - start) % 4;
    let offset = input.offset();
    // The last archive of a file may end without its padding.
    if misaligned == 0 || input.is_at_end().map_err(|source| Error::Read { what: "padding", offset, source })? {
        return Ok(());
    }
    input.skip(4 - misaligned, "padding")
}

fn kind_of(fields: &Fields) -> EntryKind {
    match fields.mode >> 12 {
        0o10 if fields.size == 0 && fields.nlink > 1 => EntryKind::HardLink,
        0o10 => EntryKind::File,
        0o4 => EntryKind::Directory,
        0o12 => EntryKind::Symlink,
        _ => EntryKind::Other,
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, &digit| Some(number << 4 | char::from(digit).to_digit(16)?))
}

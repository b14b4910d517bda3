//! tar archives: ustar, with GNU's and pax' long names.

use std::io::Read;
use std::ops::ControlFlow;

use tar::EntryType;

use crate::entry::{EntryKind, Head, Part, Visit};
use crate::error::Error;

const WHAT: &str = "the tar header";

/// The most bytes that the extended header of an entry may have.
const MAX_EXTENDED: u64 = 1 << 20;

/// What extended headers say of the entry that follows them.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
}

/// Whether a tar archive begins like this.
pub(crate) fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

/// Where the entries of a package without parts of its own belong: names of package managers begin with a dot, at the top.
pub(crate) fn part_by_name(path: &[u8]) -> Part {
    if path.starts_with(b".") && !path.contains(&b'/') { Part::Control } else { Part::Data }
}

/// Shows the entries. `part_of` gives the part in which an entry is, if that depends on its path.
pub(crate) fn read(
    stream: impl Read,
    visit: &mut Visit<'_, '_>,
    part_of: Option<fn(&[u8]) -> Part>,
) -> Result<ControlFlow<()>, Error> {
    let mut archive = tar::Archive::new(stream);
    // An .apk is several archives after one another.
    archive.set_ignore_zeros(true);
    let failed = |offset| move |source| Error::Read { what: WHAT, offset, source };
    let mut offset = 0;
    let mut extended = Extended::default();
    // Raw: the crate would read extended headers of any size into memory.
    for entry in archive.entries().map_err(failed(0))?.raw(true) {
        let mut entry = entry.map_err(failed(offset))?;
        offset = entry.raw_header_position();
        let kind = entry.header().entry_type();
        if extend(&mut extended, kind, &mut entry, offset)? {
            continue;
        }
        let Extended { path, target, size } = std::mem::take(&mut extended);
        let path = path.unwrap_or_else(|| entry.path_bytes().into_owned());
        let target = target.or_else(|| entry.link_name_bytes().map(std::borrow::Cow::into_owned));
        let header_size = entry.size();
        if size.is_some_and(|size| size != header_size) {
            let size = size.unwrap_or_default();
            return Err(Error::Unsupported {
                what: format!("a file of {size} bytes in the tar archive at {offset:#x}"),
            });
        }
        for (what, text) in [("a path", Some(&path)), ("the target of a link", target.as_ref())] {
            let limit = visit.limits.path;
            if text.is_some_and(|text| text.len() > limit) {
                return Err(Error::Limit { what, offset, limit: limit as u64 });
            }
        }
        let kind = kind_of(kind);
        if let Some(part_of) = part_of {
            visit.part = part_of(&path);
        }
        let is_link = matches!(kind, EntryKind::Symlink | EntryKind::HardLink);
        let target = target.as_deref().filter(|_| is_link);
        let head = Head { path: &path, kind, target, size: header_size, offset };
        if visit.entry(&head, &mut entry)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        offset = offset.saturating_add(512);
    }
    Ok(ControlFlow::Continue(()))
}

/// Takes an extended header; whether it was one.
fn extend(extended: &mut Extended, kind: EntryType, entry: &mut impl Read, offset: u64) -> Result<bool, Error> {
    let mut read = || {
        let mut bytes = Vec::new();
        let what = "an extended tar header";
        entry.by_ref().take(MAX_EXTENDED + 1).read_to_end(&mut bytes).map_err(|source| Error::Read {
            what,
            offset,
            source,
        })?;
        if bytes.len() as u64 > MAX_EXTENDED {
            return Err(Error::Limit { what: "the bytes of an extended tar header", offset, limit: MAX_EXTENDED });
        }
        Ok(bytes)
    };
    let text = |mut bytes: Vec<u8>| {
        bytes.truncate(bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len()));
        bytes
    };
    match kind {
        EntryType::GNULongName => extended.path = Some(text(read()?)),
        EntryType::GNULongLink => extended.target = Some(text(read()?)),
        EntryType::XGlobalHeader => {}
        EntryType::XHeader => {
            for record in tar::PaxExtensions::new(&read()?) {
                let record = record.map_err(|source| Error::Read { what: "an extended tar header", offset, source })?;
                let value = record.value_bytes();
                match record.key_bytes() {
                    b"path" => extended.path = Some(value.to_vec()),
                    b"linkpath" => extended.target = Some(value.to_vec()),
                    b"size" => extended.size = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok()),
                    _ => {}
                }
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn kind_of(kind: EntryType) -> EntryKind {
    match kind {
        EntryType::Regular | EntryType::Continuous => EntryKind::File,
        EntryType::Directory => EntryKind::Directory,
        EntryType::Symlink => EntryKind::Symlink,
        EntryType::Link => EntryKind::HardLink,
        _ => EntryKind::Other,
    }
}

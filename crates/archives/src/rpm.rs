//! RPM packages: a lead, the signatures, the header, and a cpio archive of the files, which is compressed.
//!
//! The format is described by rpm's `docs/manual/format_v4.md` and `format_header.md`. All numbers are big endian.

use std::io::Read;
use std::ops::ControlFlow;

use util::Endian;

use crate::cpio::{self, ListedFile};
use crate::entry::Visit;
use crate::error::Error;
use crate::input::{Content, Input};
use crate::package_id::PackageId;

pub(crate) const MAGIC: &[u8] = b"\xed\xab\xee\xdb";

const LEAD: u64 = 96;
const HEADER_MAGIC: &[u8] = b"\x8e\xad\xe8\x01";
const WHAT: &str = "the rpm header";

/// The most entries of an index, and the most bytes of a store, that are read. rpm's own limits are 65,535 and 256 MiB.
const MAX_INDEX: u32 = 0xffff;
const MAX_STORE: u32 = 64 << 20;

/// Tags (rpm's `include/rpm/rpmtag.h`).
mod tag {
    pub(super) const NAME: u32 = 1000;
    pub(super) const VERSION: u32 = 1001;
    pub(super) const RELEASE: u32 = 1002;
    pub(super) const ARCH: u32 = 1022;
    pub(super) const FILE_SIZES: u32 = 1028;
    pub(super) const FILE_MODES: u32 = 1030;
    pub(super) const DIR_INDEXES: u32 = 1116;
    pub(super) const BASE_NAMES: u32 = 1117;
    pub(super) const DIR_NAMES: u32 = 1118;
    pub(super) const PAYLOAD_FORMAT: u32 = 1124;
    pub(super) const LONG_FILE_SIZES: u32 = 5008;
}

/// A header: an index of tags, and the values that it refers to.
pub(crate) struct Header {
    index: Vec<u8>,
    store: Vec<u8>,
}

/// Reads up to the beginning of the compressed files; the package's header.
pub(crate) fn read_header<R: Read>(input: &mut Input<R>) -> Result<Header, Error> {
    input.skip(LEAD, "the rpm lead")?;
    Header::read(input)?;
    // Only the signatures are padded.
    input.skip(input.offset().next_multiple_of(8) - input.offset(), "padding")?;
    Header::read(input)
}

/// Shows the files.
pub(crate) fn read<R: Read>(input: &mut Input<R>, visit: &mut Visit<'_, '_>) -> Result<ControlFlow<()>, Error> {
    let header = read_header(input)?;
    if let Some(format) = header.string(tag::PAYLOAD_FORMAT).filter(|format| *format != b"cpio") {
        return Err(Error::Unsupported { what: format!("a payload in the format {}", format.escape_ascii()) });
    }
    let offset = input.offset();
    let total = visit.limits.total;
    let content = Content::new(input)?;
    let what = content.compression().map_or_else(|| "the payload".to_owned(), |how| format!("the {how} payload"));
    let files = Files::of(&header);
    cpio::read(&mut Input::new(content, total), visit, &|index| files.get(index)).map_err(Error::part(what, offset))
}

impl Header {
    fn read<R: Read>(input: &mut Input<R>) -> Result<Self, Error> {
        let offset = input.offset();
        let bad = |reason| Error::Record { what: WHAT, offset, reason };
        let mut start = Vec::new();
        input.take_exactly(16, &mut start, WHAT)?;
        if !start.starts_with(HEADER_MAGIC) {
            return Err(bad(format!("it begins with {}, not with 8eade801", hex::encode(&start[..4]))));
        }
        let number = |at| Endian::Big.u32_at(&start, at).unwrap_or_default();
        let (count, len) = (number(8), number(12));
        if count > MAX_INDEX || len > MAX_STORE {
            return Err(bad(format!(
                "it has {count} entries and {len} bytes; at most {MAX_INDEX} and {MAX_STORE} are accepted"
            )));
        }
        let (mut index, mut store) = (Vec::new(), Vec::new());
        input.take_exactly(count as usize * 16, &mut index, WHAT)?;
        input.take_exactly(len as usize, &mut store, WHAT)?;
        Ok(Self { index, store })
    }

    /// The number of values of a tag, and the store from its first value on.
    fn find(&self, tag: u32) -> Option<(usize, &[u8])> {
        let entry = self.index.chunks_exact(16).find(|entry| Endian::Big.u32_at(entry, 0) == Some(tag))?;
        let (offset, count) = (Endian::Big.u32_at(entry, 8)?, Endian::Big.u32_at(entry, 12)?);
        Some((count as usize, self.store.get(offset as usize..)?))
    }

    /// The first string of a tag.
    fn string(&self, tag: u32) -> Option<&[u8]> {
        self.find(tag)?.1.split(|&byte| byte == 0).next()
    }

    /// The strings of a tag.
    fn strings(&self, tag: u32) -> Vec<&[u8]> {
        self.find(tag).map_or_else(Vec::new, |(count, store)| store.split(|&byte| byte == 0).take(count).collect())
    }

    /// The values of a tag, each `size` bytes, none if they are not all there.
    fn values(&self, tag: u32, size: usize) -> std::slice::ChunksExact<'_, u8> {
        let bytes = self.find(tag).and_then(|(count, store)| store.get(..count.checked_mul(size)?));
        bytes.unwrap_or_default().chunks_exact(size)
    }

    /// What the package is.
    pub(crate) fn id(&self) -> Option<PackageId> {
        let text = |tag| self.string(tag).map(|text| String::from_utf8_lossy(text).into_owned());
        let version = format!("{}-{}", text(tag::VERSION)?, text(tag::RELEASE)?);
        Some(PackageId { name: text(tag::NAME)?, version, architecture: text(tag::ARCH)? })
    }
}

/// The files that the header lists: stripped cpio headers have only an index into it.
struct Files<'h> {
    directories: Vec<&'h [u8]>,
    names: Vec<&'h [u8]>,
    directory_of: Vec<u32>,
    modes: Vec<u16>,
    sizes: Vec<u64>,
}

impl<'h> Files<'h> {
    fn of(header: &'h Header) -> Self {
        let big = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        let long: Vec<u64> = header.values(tag::LONG_FILE_SIZES, 8).map(big).collect();
        let sizes = if long.is_empty() { header.values(tag::FILE_SIZES, 4).map(big).collect() } else { long };
        Self {
            directories: header.strings(tag::DIR_NAMES),
            names: header.strings(tag::BASE_NAMES),
            directory_of: header
                .values(tag::DIR_INDEXES, 4)
                .map(|bytes| Endian::Big.u32_at(bytes, 0).unwrap_or_default())
                .collect(),
            modes: header
                .values(tag::FILE_MODES, 2)
                .map(|bytes| Endian::Big.u16_at(bytes, 0).unwrap_or_default())
                .collect(),
            sizes,
        }
    }

    fn get(&self, index: u32) -> Option<ListedFile> {
        let index = index as usize;
        let directory = self.directories.get(*self.directory_of.get(index)? as usize)?;
        let path = [directory, *self.names.get(index)?].concat();
        let mode = u32::from(*self.modes.get(index)?);
        // Only files and links have content, whatever size the header gives to directories.
        let has_content = matches!(mode >> 12, 0o10 | 0o12);
        let size = if has_content { *self.sizes.get(index)? } else { 0 };
        Some(ListedFile { path, mode, size, nlink: 1 })
    }
}

//! The header, the place of the sections, and the string section.
//!
//! Source: `btf_parse_hdr`, `btf_check_sec_info` and `btf_parse_str_sec` in `kernel/bpf/btf.c`.

use super::Validator;
use crate::errno::Errno;
use crate::form::Form;
use crate::kernel_sort::{self, SortVariant};
use crate::raw_btf::{MAX_NAME_OFFSET, RawHeader};

/// `offsetofend(struct btf_header, hdr_len)`.
const LEAST: u32 = 8;

impl<'a> Validator<'a> {
    /// `btf_parse_hdr`.
    pub(super) fn header(&mut self, bytes: &'a [u8]) -> Result<(), Errno> {
        let endian = self.btf.endian;
        if self.size < LEAST {
            return Err(self.plain("btf_parse_hdr", Form::HeaderLengthMissing, []));
        }
        let hdr_len = bytes.get(4..).and_then(<[u8]>::first_chunk).map_or(0, |word| endian.read_u32(*word));
        let length = usize::try_from(hdr_len).unwrap_or(usize::MAX);
        let Some(there) = bytes.get(..length) else { return Err(self.plain("btf_parse_hdr", Form::HeaderCut, [])) };
        let known = usize::try_from(self.rules.header_len()).unwrap_or(usize::MAX);
        if there.get(known..).is_some_and(|rest| rest.iter().any(|&byte| byte != 0)) {
            self.plain("btf_parse_hdr", Form::HeaderUnsupported, []);
            return Err(Errno::E2BIG);
        }
        let mut copy = [0; btf::HEADER_LEN_LAYOUT as usize];
        copy.iter_mut().zip(there.iter().take(known)).for_each(|(to, from)| *to = *from);
        let [first, words @ ..] = copy.as_chunks::<4>().0 else { return Err(Errno::EINVAL) };
        let [m0, m1, version, flags] = *first;
        let word = |nth: usize| words.get(nth).map_or(0, |word| endian.read_u32(*word));
        self.btf.header = RawHeader {
            magic: endian.read_u16([m0, m1]),
            version,
            flags,
            hdr_len: word(0),
            type_off: word(1),
            type_len: word(2),
            str_off: word(3),
            str_len: word(4),
            layout_off: word(5),
            layout_len: word(6),
        };
        self.btf.body = bytes.get(usize::try_from(word(0)).unwrap_or(usize::MAX)..).unwrap_or_default();
        let header = self.btf.header;
        if header.magic != btf::MAGIC {
            return Err(self.plain("btf_parse_hdr", Form::Magic, []));
        }
        if header.version != btf::VERSION {
            self.plain("btf_parse_hdr", Form::Version, []);
            return Err(Errno::ENOTSUPP);
        }
        if header.flags != 0 {
            self.plain("btf_parse_hdr", Form::Flags, []);
            return Err(Errno::ENOTSUPP);
        }
        if self.btf.base.is_none() && self.size == header.hdr_len {
            return Err(self.plain("btf_parse_hdr", Form::NoData, []));
        }
        self.section_places()
    }

    /// Whether the kernel looks at the layout section.
    fn has_layout(&self) -> bool {
        let header = &self.btf.header;
        self.rules.has_layout() && header.hdr_len >= btf::HEADER_LEN_LAYOUT && header.layout_len != 0
    }

    /// `btf_check_sec_info`: the sections follow each other without gap and overlap, and nothing follows them.
    fn section_places(&mut self) -> Result<(), Errno> {
        let header = self.btf.header;
        let mut sections = vec![(header.type_off, header.type_len), (header.str_off, header.str_len)];
        if self.has_layout() {
            sections.push((header.layout_off, header.layout_len));
        }
        // The differences are taken modulo 2^32 and read as signed, so for offsets that are far apart the order is another.
        let order = |a: &(u32, u32), b: &(u32, u32)| {
            let by_offset = a.0.wrapping_sub(b.0).cast_signed();
            if by_offset != 0 { by_offset } else { a.1.wrapping_sub(b.1).cast_signed() }
        };
        kernel_sort::sort(&mut sections, SortVariant::of(self.rules), order);
        let expected = self.size.wrapping_sub(header.hdr_len);
        let mut total = 0_u32;
        for (offset, length) in sections {
            if expected < offset {
                return Err(self.plain("btf_check_sec_info", Form::SectionOffset, []));
            }
            if total < offset {
                return Err(self.plain("btf_check_sec_info", Form::SectionGap, []));
            }
            if total > offset {
                return Err(self.plain("btf_check_sec_info", Form::SectionOverlap, []));
            }
            if expected.wrapping_sub(total) < length {
                return Err(self.plain("btf_check_sec_info", Form::SectionTooLong, []));
            }
            total = total.wrapping_add(length);
        }
        if expected != total {
            return Err(self.plain("btf_check_sec_info", Form::SectionGap.second(), []));
        }
        Ok(())
    }

    /// `btf_parse_str_sec`.
    pub(super) fn strings(&mut self) -> Result<(), Errno> {
        let header = self.btf.header;
        let end = u64::from(header.hdr_len)
            .saturating_add(u64::from(header.str_off))
            .saturating_add(u64::from(header.str_len));
        let any_place = self.rules.has_layout() && header.hdr_len >= btf::HEADER_LEN_LAYOUT;
        if !any_place && end != u64::from(self.size) {
            return Err(self.plain("btf_parse_str_sec", Form::StringsNotLast, []));
        }
        let start = usize::try_from(header.str_off).unwrap_or(usize::MAX);
        let length = usize::try_from(header.str_len).unwrap_or(usize::MAX);
        let strings = self.btf.body.get(start..).and_then(|rest| rest.get(..length)).unwrap_or_default();
        self.btf.strings = strings;
        let split = self.btf.base.is_some();
        match strings {
            [] if split => return Ok(()),
            [.., 0] if header.str_len.wrapping_sub(1) <= MAX_NAME_OFFSET => {}
            _ => return Err(self.plain("btf_parse_str_sec", Form::StringSection, [])),
        }
        if !split && strings.first() != Some(&0) {
            return Err(self.plain("btf_parse_str_sec", Form::StringSection.second(), []));
        }
        Ok(())
    }
}

//! BTF as the kernel has it in memory while it validates: taken apart as far as the kernel goes, and no further.
//!
//! The crate `btf` refuses what it cannot follow. The kernel goes on with it until a check fails, and sometimes no check does. So
//! the model keeps bytes and offsets, and reads words where the kernel reads them.

use btf::{BStr, Endian, Info, Kind, Role};

/// What the kernel copies of a header (`struct btf_header`); fields that are not there are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RawHeader {
    pub magic: u16,
    pub version: u8,
    pub flags: u8,
    pub hdr_len: u32,
    pub type_off: u32,
    pub type_len: u32,
    pub str_off: u32,
    pub str_len: u32,
    pub layout_off: u32,
    pub layout_len: u32,
}

/// The first three words of a type (`struct btf_type`), and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// In bytes from the end of the header.
    pub offset: usize,
    pub name: u32,
    pub info: Info,
    /// The size, or the type that is referred to.
    pub word: u32,
}

impl Head {
    /// `btf_void`.
    const VOID: Self = Self { offset: 0, name: 0, info: Info::from_raw(0), word: 0 };

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.info.kind()
    }

    /// `btf_type_is_modifier`.
    pub fn is_modifier(&self) -> bool {
        self.kind().is_qualifier() || self.kind() == Kind::Typedef
    }
}

/// The kernel's `struct btf`: the running base, a distilled base or a module's BTF over one of them.
#[derive(Debug, Clone)]
pub struct RawBtf<'a> {
    pub(crate) endian: Endian,
    pub(crate) header: RawHeader,
    /// What follows the header (`nohdr_data`).
    pub(crate) body: &'a [u8],
    pub(crate) strings: &'a [u8],
    /// Where each type begins in the body, without `void`.
    pub(crate) types: Vec<u32>,
    /// Whether type 0 is here (`btf->types[0]`): in a base that has types.
    pub(crate) has_void: bool,
    pub(crate) base: Option<&'a RawBtf<'a>>,
}

impl<'a> RawBtf<'a> {
    /// The running kernel's own BTF.
    #[must_use]
    pub fn running(base: &btf::Btf<'a>) -> Self {
        let header = base.header();
        let bytes = base.bytes();
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        let mut offset = header.types.offset;
        let starts = base.iter().map(|ty| {
            let start = offset;
            offset = offset.wrapping_add(u32::try_from(ty.bytes().len()).unwrap_or(u32::MAX));
            start
        });
        let types = starts.collect();
        Self {
            endian: header.endian,
            header: RawHeader {
                magic: btf::MAGIC,
                version: header.version,
                flags: header.flags,
                hdr_len: header.length,
                type_off: header.types.offset,
                type_len: header.types.length,
                str_off: header.strings.offset,
                str_len: header.strings.length,
                layout_off: header.layout.offset,
                layout_len: header.layout.length,
            },
            body: bytes.get(length..).unwrap_or_default(),
            strings: base.strings(),
            types,
            has_void: true,
            base: None,
        }
    }

    /// `btf->nr_types`: of this BTF alone, `void` included if it is here.
    pub(crate) fn own_count(&self) -> u32 {
        let types = u32::try_from(self.types.len()).unwrap_or(u32::MAX);
        types.saturating_add(u32::from(self.has_void))
    }

    /// `btf_nr_types`: with the base's.
    pub(crate) fn count(&self) -> u32 {
        self.start_id().saturating_add(self.own_count())
    }

    /// `btf->start_id`.
    pub(crate) fn start_id(&self) -> u32 {
        self.base.map_or(0, RawBtf::own_count)
    }

    /// `btf->start_str_off`.
    pub(crate) fn start_string(&self) -> u32 {
        self.base.map_or(0, |base| base.header.str_len)
    }

    /// `btf_type_by_id`.
    pub(crate) fn get(&self, id: u32) -> Option<Head> {
        let Some(own) = id.checked_sub(self.start_id()) else { return self.base?.get(id) };
        if self.has_void && own == 0 {
            return Some(Head::VOID);
        }
        let place = own.checked_sub(u32::from(self.has_void))?;
        let start = *self.types.get(usize::try_from(place).ok()?)?;
        self.head(usize::try_from(start).ok()?)
    }

    /// The BTF that has the type with this id: this one or the base.
    pub(crate) fn holder(&self, id: u32) -> &Self {
        match self.base {
            Some(base) if id < self.start_id() => base,
            _ => self,
        }
    }

    /// The head at an offset in the body.
    pub(crate) fn head(&self, offset: usize) -> Option<Head> {
        let word = |nth: usize| self.word(offset, nth);
        Some(Head { offset, name: word(0)?, info: Info::from_raw(word(1)?), word: word(2)? })
    }

    /// A word of a type, counted from its first one.
    pub(crate) fn word(&self, offset: usize, nth: usize) -> Option<u32> {
        let at = nth.checked_mul(4)?.checked_add(offset)?;
        self.body.get(at..)?.first_chunk().map(|bytes| self.endian.read_u32(*bytes))
    }

    /// The words of a type after its head, with what each stands for.
    pub(crate) fn words(&self, head: Head) -> impl Iterator<Item = (Role, u32)> + use<'_, 'a> {
        let shape = head.kind().shape();
        let fixed = shape.map_or(&[][..], |shape| shape.fixed);
        let element = shape.map_or(&[][..], |shape| shape.element);
        let elements = if element.is_empty() { 0 } else { head.info.vlen() };
        let roles = fixed.iter().chain((0..elements).flat_map(move |_| element));
        roles.enumerate().map_while(move |(nth, role)| {
            let word = self.word(head.offset, nth.checked_add(3)?)?;
            Some((*role, word))
        })
    }

    /// Whether an offset lies in the strings (`btf_name_offset_valid`).
    pub(crate) fn string_exists(&self, offset: u32) -> bool {
        offset <= MAX_NAME_OFFSET && self.string(offset).is_some()
    }

    /// `btf_str_by_offset`. The string's end is there, since a string section ends with a NUL.
    pub(crate) fn string(&self, offset: u32) -> Option<&'a BStr> {
        let Some(own) = offset.checked_sub(self.start_string()) else { return self.base?.string(offset) };
        let rest = self.strings.get(usize::try_from(own).ok()?..)?;
        let end = rest.iter().position(|&byte| byte == 0);
        // An empty remainder is no string; without a NUL, which a checked section has, all of it is the string.
        (!rest.is_empty()).then(|| BStr::new(end.and_then(|end| rest.get(..end)).unwrap_or(rest)))
    }

    /// `__btf_name_by_offset`: what the log shows for a name.
    pub(crate) fn shown_name(&self, offset: u32) -> &'a BStr {
        match offset {
            0 => BStr::new("(anon)"),
            _ => self.string(offset).unwrap_or(BStr::new("(invalid-name-offset)")),
        }
    }
}

/// An id or offset as an index.
pub(crate) fn place(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}

/// `BTF_MAX_NAME_OFFSET`.
pub(crate) const MAX_NAME_OFFSET: u32 = 0x00ff_ffff;
/// `BTF_MAX_TYPE`.
pub(crate) const MAX_TYPE: u32 = 0x000f_ffff;

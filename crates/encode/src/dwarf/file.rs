//! One ELF file's debug information: its sections, and where its CUs are.

use gimli::{DwUt, constants as dw};
use kmod::{Content, ElfFile};

use crate::dwarf::form::Encoding;
use crate::dwarf::reader::Reader;
use crate::dwarf::relocations::Relocations;
use crate::error::{EncodeError, Malformed};
use crate::ids::NameId;
use crate::strings::base::string_at;
use crate::strings::interner::StringInterner;
use crate::symbols::{Symbols, endian_of};

/// A section whose numbers may have to be relocated.
#[derive(Debug, Default)]
pub(crate) struct RelocatedSection {
    pub(crate) bytes: Vec<u8>,
    pub(crate) relocations: Relocations,
}

/// Lists of locations, read in parts.
#[derive(Debug)]
pub(crate) struct LocationLists<'f> {
    /// The index of their section.
    pub(crate) section: usize,
    pub(crate) content: Content<'f>,
    /// The relocations of `.debug_loc`: a pair of zeros with one does not end a list.
    pub(crate) relocations: Relocations,
}

/// The debug information of a file. `.debug_info` itself is read CU by CU.
#[derive(Debug)]
pub(crate) struct DwarfFile<'f> {
    pub(crate) elf: &'f ElfFile,
    pub(crate) symbols: &'f Symbols,
    info: Content<'f>,
    pub(crate) relocations: Relocations,
    pub(crate) abbreviations: Vec<u8>,
    /// `.debug_str`.
    pub(crate) strings: Vec<u8>,
    line_strings: Vec<u8>,
    string_offsets: RelocatedSection,
    addresses: RelocatedSection,
    /// Whether it is wanted where parameters lie.
    pub(crate) wants_locations: bool,
    /// `.debug_loclists`, if locations are wanted.
    pub(crate) locations: Option<LocationLists<'f>>,
    /// `.debug_loc`, which is in its place up to DWARF 4.
    pub(crate) old_locations: Option<LocationLists<'f>>,
}

/// The header of a CU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CuHeader {
    /// Where it begins in `.debug_info`.
    pub(crate) offset: u64,
    /// How long it is, with its header, in bytes.
    pub(crate) length: u64,
    /// How long its header is, in bytes.
    pub(crate) header_length: usize,
    pub(crate) encoding: Encoding,
    pub(crate) kind: DwUt,
    /// Where its abbreviations begin in `.debug_abbrev`.
    pub(crate) abbreviations: u64,
}

/// The most bytes that a header has.
const MAX_HEADER: u64 = 40;

impl<'f> DwarfFile<'f> {
    /// Reads what all CUs share; with what lists of locations need if these are wanted. `None` for a file without debug
    /// information.
    pub(crate) fn open(elf: &'f ElfFile, symbols: &'f Symbols, locations: bool) -> Result<Option<Self>, EncodeError> {
        let section = |name| elf.find(name).filter(|head| head.file_size > 0);
        let bytes = |name| -> Result<Vec<u8>, EncodeError> {
            section(name).map_or(Ok(Vec::new()), |head| Ok(elf.content(&head)?.into_bytes()?))
        };
        let table = |name| -> Result<RelocatedSection, EncodeError> {
            let Some(head) = section(name) else { return Ok(RelocatedSection::default()) };
            Ok(RelocatedSection { bytes: elf.content(&head)?.into_bytes()?, relocations: Relocations::of(elf, &head)? })
        };
        let lists = |name| -> Result<Option<LocationLists<'f>>, EncodeError> {
            let Some(head) = section(name).filter(|_| locations) else { return Ok(None) };
            // In `.debug_loclists` no number that is looked at is relocated.
            let relocations = if name == ".debug_loc" { Relocations::of(elf, &head)? } else { Relocations::default() };
            Ok(Some(LocationLists { section: head.index, content: elf.content(&head)?, relocations }))
        };
        let Some(info) = section(".debug_info") else { return Ok(None) };
        Ok(Some(Self {
            elf,
            symbols,
            info: elf.content(&info)?,
            relocations: Relocations::of(elf, &info)?,
            abbreviations: bytes(".debug_abbrev")?,
            strings: bytes(".debug_str")?,
            line_strings: bytes(".debug_line_str")?,
            string_offsets: table(".debug_str_offsets")?,
            addresses: table(".debug_addr")?,
            wants_locations: locations,
            locations: lists(".debug_loclists")?,
            old_locations: lists(".debug_loc")?,
        }))
    }

    /// The headers of all CUs, in the order of the section.
    pub(crate) fn cus(&self) -> Result<Vec<CuHeader>, EncodeError> {
        let mut cus = Vec::new();
        let mut offset = 0;
        let mut buffer = Vec::new();
        let mut cursor = 0;
        while let Some(left) = self.info.len().checked_sub(offset).filter(|&left| left > 0) {
            self.read_info(offset, left.min(MAX_HEADER), &mut buffer)?;
            let cu = self.head(&buffer, offset, left, &mut cursor)?;
            offset += cu.length;
            cus.push(cu);
        }
        Ok(cus)
    }

    /// How many CUs there are in `.debug_types`, where DWARF 4 has type CUs.
    pub(crate) fn type_cus(&self) -> Result<u32, EncodeError> {
        let Some(head) = self.elf.find(".debug_types") else { return Ok(0) };
        let content = self.elf.content(&head)?;
        let (mut count, mut offset, mut buffer) = (0u32, 0u64, Vec::new());
        while let Some(left) = content.len().checked_sub(offset).filter(|&left| left > 0) {
            content.read(offset, left.min(MAX_HEADER), &mut buffer)?;
            let mut reader = Reader::new(&buffer, endian_of(self.elf));
            let (length, _) = cu_length(&mut reader).map_err(|source| EncodeError::Dwarf { cu: offset, source })?;
            // What reaches beyond the section is the last one.
            offset += length.min(left);
            // It is only reported, and no file has so many.
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    /// Reads part of `.debug_info`.
    pub(crate) fn read_info(&self, offset: u64, length: u64, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(self.info.read(offset, length, buffer)?)
    }

    fn head(&self, bytes: &[u8], offset: u64, left: u64, cursor: &mut usize) -> Result<CuHeader, EncodeError> {
        let fail = |source| EncodeError::Dwarf { cu: offset, source };
        let mut reader = Reader::new(bytes, endian_of(self.elf));
        let (length, offset_size) = cu_length(&mut reader).map_err(fail)?;
        let version = reader.u16().map_err(fail)?;
        if !(2..=5).contains(&version) {
            return Err(fail(Malformed::Version { version }));
        }
        if length > left {
            return Err(fail(Malformed::Short { at: bytes.len() }));
        }
        let mut abbreviations = |reader: &mut Reader<'_>| -> Result<u64, EncodeError> {
            let at = offset + reader.position() as u64;
            let raw = reader.word(offset_size).map_err(fail)?;
            self.relocated(&self.relocations, cursor, at, || Ok(raw)).map(|(value, _)| value)
        };
        let (kind, address_size, abbreviations) = if version >= 5 {
            let kind = DwUt(reader.u8().map_err(fail)?);
            let address_size = reader.u8().map_err(fail)?;
            let abbreviations = abbreviations(&mut reader)?;
            let more = match kind {
                dw::DW_UT_skeleton | dw::DW_UT_split_compile => 8,
                dw::DW_UT_type | dw::DW_UT_split_type => usize::from(offset_size) + 8,
                _ => 0,
            };
            reader.skip(more).map_err(fail)?;
            (kind, address_size, abbreviations)
        } else {
            let abbreviations = abbreviations(&mut reader)?;
            (dw::DW_UT_compile, reader.u8().map_err(fail)?, abbreviations)
        };
        if !matches!(address_size, 4 | 8) {
            return Err(fail(Malformed::AddressSize { bytes: address_size }));
        }
        let encoding = Encoding { version, address_size, offset_size };
        if length < reader.position() as u64 {
            return Err(fail(Malformed::Short { at: reader.position() }));
        }
        Ok(CuHeader { offset, length, header_length: reader.position(), encoding, kind, abbreviations })
    }

    /// A number with its relocation, if it has one, and the section of the relocation's symbol. `raw` is what stands there, which
    /// mostly does not matter.
    #[inline]
    pub(crate) fn relocated(
        &self,
        relocations: &Relocations,
        cursor: &mut usize,
        at: u64,
        raw: impl Fn() -> Result<u64, EncodeError>,
    ) -> Result<(u64, Option<u32>), EncodeError> {
        let Some(found) = relocations.find(cursor, at)? else { return Ok((raw()?, None)) };
        let (value, section) = self.symbols.value(found.symbol).ok_or(EncodeError::Symbol { index: found.symbol })?;
        let addend = if relocations.in_place { raw()?.cast_signed() } else { found.addend };
        Ok((value.wrapping_add_signed(addend), Some(section)))
    }

    /// The number of the name at an offset of `.debug_line_str`.
    pub(crate) fn line_name(&self, names: &StringInterner<'_>, offset: u64) -> Result<NameId, EncodeError> {
        let string = usize::try_from(offset).ok().and_then(|offset| string_at(&self.line_strings, offset));
        names.intern(string.ok_or(EncodeError::String { section: ".debug_line_str", offset })?)
    }

    /// The offset in `.debug_str` with this index in a CU's table of string offsets.
    pub(crate) fn indexed_string(&self, cu: &CuHeader, base: u64, index: u64) -> Result<u64, EncodeError> {
        Ok(self.indexed(&self.string_offsets, cu.encoding.offset_size, base, index)?.0)
    }

    /// The address with this index in a CU's table of addresses, and the section that it is relative to.
    pub(crate) fn indexed_address(
        &self,
        cu: &CuHeader,
        base: u64,
        index: u64,
    ) -> Result<(u64, Option<u32>), EncodeError> {
        self.indexed(&self.addresses, cu.encoding.address_size, base, index)
    }

    fn indexed(
        &self,
        table: &RelocatedSection,
        size: u8,
        base: u64,
        index: u64,
    ) -> Result<(u64, Option<u32>), EncodeError> {
        // An index that leads beyond all numbers leads outside of the section, as the largest number does.
        let at = index.saturating_mul(u64::from(size)).saturating_add(base);
        let outside = EncodeError::String { section: "an index of strings or addresses", offset: at };
        let place = usize::try_from(at).unwrap_or(usize::MAX);
        let raw = Reader::new(&table.bytes, endian_of(self.elf)).at(place).word(size).map_err(|_| outside)?;
        self.relocated(&table.relocations, &mut 0, at, || Ok(raw))
    }
}

/// How long a CU is, this number included, and the size of its offsets, in bytes.
fn cu_length(reader: &mut Reader<'_>) -> Result<(u64, u8), Malformed> {
    let (length, offset_size) = match reader.u32()? {
        u32::MAX => (reader.u64()?, 8),
        length @ 0xffff_fff0.. => return Err(Malformed::ReservedLength { length }),
        length => (u64::from(length), 4),
    };
    // What is too long for a number is longer than any section.
    Ok((length.saturating_add(reader.position() as u64), offset_size))
}

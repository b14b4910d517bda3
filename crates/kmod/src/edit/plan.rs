//! The layout of a changed file.

use std::borrow::Cow;

use goblin::elf::SectionHeader;
use goblin::elf::section_header::{SHF_ALLOC, SHF_COMPRESSED, SHT_NOBITS, SHT_NULL, SHT_PROGBITS};

use super::chunks::{Chunk, Chunks};
use super::table::{ElfFormat, set_count};
use crate::elf::{ElfHeaders, file_extent};
use crate::error::Error;
use crate::source::ByteSource;

/// The alignment of new sections, in bytes.
const ALIGNMENT: u64 = 8;

/// The maximum alignment of a changed section, as a power of two: no page is larger.
const MAX_ALIGNMENT: u32 = 16;

/// The maximum number of sections in a file. The kernel's own objects have about ten thousand.
const MAX_SECTIONS: usize = 1 << 20;

/// The layout of a changed file while it is planned.
struct LayoutPlan<'p> {
    /// The headers of the old file.
    old: &'p ElfHeaders,
    format: ElfFormat,
    /// The new section table.
    headers: Vec<SectionHeader>,
    /// The new section names.
    names: Vec<u8>,
    /// The index of the section that holds the names.
    names_index: usize,
    /// The end of the part that cannot move, as an offset in the file.
    fixed: u64,
}

/// The chunks of the changed file, and its length in bytes. `length` is the end of the old file's content.
pub(super) fn plan<'a>(
    source: &(impl ByteSource + ?Sized),
    old: &ElfHeaders,
    length: u64,
    set: &[(&'a str, &'a [u8])],
    removed: &[&str],
) -> Result<(Vec<Chunk<'a>>, u64), Error> {
    let format = ElfFormat::of(old);
    let (names, names_index) = old.names();
    if names_index == 0 {
        return Err(Error::Elf { reason: "there is no section table, or no names of sections".to_owned() });
    }
    let mut plan =
        LayoutPlan { old, format, headers: old.sections().to_vec(), names: names.to_vec(), names_index, fixed: 0 };
    plan.fixed = fixed_end(source, old, format)?;
    check_end(source, old, length, plan.fixed)?;
    let changed = plan.change(set, removed)?;
    plan.compose(source, set, &changed)
}

/// The end of the part that cannot move: the header, the segments and, in linked files, sections with an address.
fn fixed_end(source: &(impl ByteSource + ?Sized), old: &ElfHeaders, format: ElfFormat) -> Result<u64, Error> {
    let mut fixed = format.header_length();
    let header = old.file_header();
    let in_first = old.sections().first().map_or(0, |first| u64::from(first.sh_info));
    let count = if header.e_phnum == u16::MAX { in_first } else { u64::from(header.e_phnum) };
    if count > 0 {
        let entry: u64 = if format.is_64 { 56 } else { 32 };
        if u64::from(header.e_phentsize) != entry {
            let reason = format!("a program header has {} bytes instead of {entry}", header.e_phentsize);
            return Err(Error::Elf { reason });
        }
        let table = source.read(header.e_phoff, count.saturating_mul(entry), "the program headers")?;
        fixed = fixed.max(header.e_phoff.saturating_add(table.len() as u64));
        for segment in table.chunks_exact(entry as usize) {
            let (offset, length) = segment_extent(segment, format);
            fixed = fixed.max(checked_end(offset, length, source.len())?);
        }
    }
    let mut sections: Vec<_> = old.sections().iter().collect();
    sections.sort_by_key(|section| section.sh_offset);
    for section in sections {
        let (offset, length) = file_extent(section);
        if length > 0 && (is_loaded(old, section) || offset < fixed) {
            fixed = fixed.max(offset.saturating_add(length));
        }
    }
    Ok(fixed)
}

fn segment_extent(segment: &[u8], format: ElfFormat) -> (u64, u64) {
    // The program header was read completely, so all its fields exist.
    let narrow = |at| format.endian.u32_at(segment, at).map_or(0, u64::from);
    let wide = |at| format.endian.u64_at(segment, at).unwrap_or_default();
    if format.is_64 { (wide(8), wide(32)) } else { (narrow(4), narrow(16)) }
}

fn checked_end(offset: u64, len: u64, have: u64) -> Result<u64, Error> {
    let end = offset.checked_add(len).filter(|&end| end <= have);
    end.ok_or(Error::OutOfBounds { what: "a segment", offset, len, have })
}

/// Whether a section's position is fixed because it is loaded from there.
fn is_loaded(old: &ElfHeaders, section: &SectionHeader) -> bool {
    old.elf_type() != goblin::elf::header::ET_REL && section.sh_flags & u64::from(SHF_ALLOC) != 0
}

/// Refuses a file with unknown data after the last section, which would be lost, and a file whose signature overlaps
/// the signed content.
fn check_end(source: &(impl ByteSource + ?Sized), old: &ElfHeaders, length: u64, fixed: u64) -> Result<(), Error> {
    let entry: u64 = if old.is_64() { 64 } else { 40 };
    let table_end = old.file_header().e_shoff.saturating_add(entry.saturating_mul(old.sections().len() as u64));
    let ends = old.sections().iter().map(file_extent).map(|(offset, length)| offset.saturating_add(length));
    let end = ends.chain([table_end, fixed]).max().unwrap_or(fixed);
    let Some(rest) = length.checked_sub(end) else {
        return Err(Error::OutOfBounds { what: "the content before the signature", offset: 0, len: end, have: length });
    };
    let is_padding =
        rest == 0 || (rest < 4096 && source.read(end, rest, "the end of the file")?.iter().all(|&byte| byte == 0));
    if is_padding {
        return Ok(());
    }
    Err(Error::Elf {
        reason: format!("{rest} bytes at {end:#x}, behind the last section, are not known to be anything"),
    })
}

impl LayoutPlan<'_> {
    /// Changes the headers, and returns the index of each section that is set. Their offsets are not known yet.
    fn change(&mut self, set: &[(&str, &[u8])], removed: &[&str]) -> Result<Vec<usize>, Error> {
        for name in removed {
            self.remove(name)?;
        }
        set.iter().map(|&(name, content)| self.set(name, content)).collect()
    }

    fn remove(&mut self, name: &str) -> Result<(), Error> {
        for index in (1..self.headers.len()).rev() {
            if name.is_empty() || !self.is_called(&self.headers[index], name) {
                continue;
            }
            self.check_not_loaded(index, name)?;
            self.headers[index] = SectionHeader { sh_addralign: 0, ..SectionHeader::default() };
            if index + 1 == self.headers.len() {
                self.headers.pop();
            }
        }
        Ok(())
    }

    fn is_called(&self, section: &SectionHeader, name: &str) -> bool {
        let after = self.names.get(section.sh_name..).and_then(|rest| rest.strip_prefix(name.as_bytes()));
        after.is_some_and(|after| after.first() == Some(&0))
    }

    /// The first section of that name, preferably one with bytes in the file.
    fn find(&self, name: &str) -> Option<usize> {
        let has_bytes = |section: &SectionHeader| self.is_called(section, name) && section.sh_type != SHT_NOBITS;
        let sections = || self.headers.iter().skip(1);
        let found = sections().position(has_bytes);
        found.or_else(|| sections().position(|section| self.is_called(section, name))).map(|place| place + 1)
    }

    fn check_not_loaded(&self, index: usize, name: &str) -> Result<(), Error> {
        if index == self.names_index {
            return Err(Error::Elf { reason: format!("{name} holds the names of the sections") });
        }
        match self.headers.get(index) {
            Some(section) if is_loaded(self.old, section) => {
                Err(Error::LoadedSection { section: name.to_owned(), address: section.sh_addr })
            }
            _ => Ok(()),
        }
    }

    fn set(&mut self, name: &str, content: &[u8]) -> Result<usize, Error> {
        let size = content.len() as u64;
        if let Some(index) = self.find(name) {
            self.check_not_loaded(index, name)?;
            let header = &mut self.headers[index];
            header.sh_type = SHT_PROGBITS;
            header.sh_flags &= !u64::from(SHF_COMPRESSED);
            header.sh_size = size;
            header.sh_addralign = 1 << header.sh_addralign.max(1).trailing_zeros().min(MAX_ALIGNMENT);
            return Ok(index);
        }
        if self.headers.len() >= MAX_SECTIONS {
            return Err(Error::TooLarge { what: "the section table", limit: MAX_SECTIONS as u64 });
        }
        let sh_name = self.name(name)?;
        self.headers.push(SectionHeader {
            sh_name,
            sh_type: SHT_PROGBITS,
            sh_flags: 0,
            sh_size: size,
            sh_addralign: ALIGNMENT,
            ..SectionHeader::default()
        });
        Ok(self.headers.len() - 1)
    }

    /// The offset of a name among the section names. A missing name is added.
    fn name(&mut self, name: &str) -> Result<usize, Error> {
        let text = [&[0], name.as_bytes(), &[0]].concat();
        if let Some(before) = self.names.windows(text.len()).position(|window| window == text) {
            return Ok(before + 1);
        }
        if is_loaded(self.old, &self.headers[self.names_index]) {
            return Err(Error::LoadedSection {
                section: "with the names of the sections".to_owned(),
                address: self.headers[self.names_index].sh_addr,
            });
        }
        let offset = self.names.len();
        self.names.extend_from_slice(text.get(1..).unwrap_or_default());
        Ok(offset)
    }

    /// Assigns an offset to everything.
    fn compose<'a>(
        mut self,
        source: &(impl ByteSource + ?Sized),
        set: &[(&'a str, &'a [u8])],
        changed: &[usize],
    ) -> Result<(Vec<Chunk<'a>>, u64), Error> {
        let header_length = self.format.header_length();
        let old_header = source.read(0, header_length, "the ELF header")?.into_owned();
        let mut chunks = Chunks::default();
        chunks.add(Cow::Owned(old_header.clone()));
        chunks.old(header_length, self.fixed.saturating_sub(header_length));
        self.keep(changed, &mut chunks)?;
        for (&index, &(_, content)) in changed.iter().zip(set) {
            let header = &mut self.headers[index];
            chunks.align(header.sh_addralign);
            header.sh_offset = chunks.length();
            chunks.add(Cow::Borrowed(content));
        }
        let names = &mut self.headers[self.names_index];
        if !is_loaded(self.old, names) {
            names.sh_offset = chunks.length();
            names.sh_size = self.names.len() as u64;
            chunks.add(Cow::Owned(std::mem::take(&mut self.names)));
        }
        chunks.align(self.format.table_alignment());
        let table_offset = chunks.length();
        // A section without bytes may have its offset in a part that is removed.
        let has_none =
            |header: &&mut SectionHeader| header.sh_size == 0 && !matches!(header.sh_type, SHT_NULL | SHT_NOBITS);
        for header in self.headers.iter_mut().filter(has_none) {
            header.sh_offset = header.sh_offset.min(table_offset);
        }
        let count = set_count(&mut self.headers, self.old.file_header().e_shnum == 0);
        chunks.add(Cow::Owned(self.format.table(&self.headers)?));
        let header = self.format.file_header(&old_header, table_offset, count)?;
        Ok(chunks.finish(header))
    }

    /// Keeps everything that is neither changed nor fixed: before the first removed part in its old place, after it
    /// moved up.
    fn keep(&mut self, changed: &[usize], chunks: &mut Chunks<'_>) -> Result<(), Error> {
        let first_gone = self.first_gone(changed);
        let stays = |index: &usize| *index != 0 && *index != self.names_index && !changed.contains(index);
        let mut kept: Vec<usize> = (0..self.headers.len()).filter(stays).collect();
        kept.sort_by_key(|&index| (self.headers[index].sh_offset, self.headers[index].sh_size));
        let mut end = self.fixed;
        for index in kept {
            let section = &mut self.headers[index];
            let (offset, length) = (section.sh_offset, file_extent(section).1);
            if section.sh_type == SHT_NULL || offset < self.fixed || is_loaded(self.old, section) {
                continue;
            }
            let moves = offset >= first_gone;
            if length == 0 {
                if moves {
                    let place = chunks.length().next_multiple_of(kept_alignment(section));
                    section.sh_offset = offset.min(place);
                }
                continue;
            }
            if offset < end {
                let reason = format!("section {index}, at {offset:#x}, overlaps another one, which ends at {end:#x}");
                return Err(Error::Elf { reason });
            }
            end = offset.saturating_add(length);
            if moves {
                chunks.align(kept_alignment(section));
                section.sh_offset = chunks.length();
            } else {
                chunks.old(chunks.length(), offset.saturating_sub(chunks.length()));
            }
            chunks.old(offset, length);
        }
        Ok(())
    }

    /// The offset of the first part after the fixed part that does not stay in place.
    fn first_gone(&self, changed: &[usize]) -> u64 {
        let before = self.old.sections();
        let is_gone = |index: usize| {
            let is_removed = self.headers.get(index).is_none_or(|header| header.sh_type == SHT_NULL);
            index != 0 && (is_removed || changed.contains(&index) || index == self.names_index)
        };
        let gone =
            before.iter().enumerate().filter(|&(index, _)| is_gone(index)).map(|(_, header)| file_extent(header));
        let offsets = gone.filter(|&(_, length)| length > 0).map(|(offset, _)| offset);
        let offsets = offsets.chain([self.old.file_header().e_shoff]);
        offsets.filter(|&offset| offset >= self.fixed).min().unwrap_or(u64::MAX)
    }
}

/// The alignment that a section has in its header and by its offset. With it, moving up never makes the file longer.
fn kept_alignment(section: &SectionHeader) -> u64 {
    let shift = section.sh_addralign.max(1).trailing_zeros().min(section.sh_offset.trailing_zeros()).min(63);
    1 << shift
}

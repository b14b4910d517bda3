//! The relocations of a section, looked up where a value is read.

use kmod::{ElfFile, SectionHead};
use util::Endian;

use crate::error::EncodeError;
use crate::symbols::endian_of;

/// The relocations of one section, in the order of the places that they change; none for a linked file.
#[derive(Debug, Default)]
pub(crate) struct Relocations {
    entries: Vec<Relocation>,
    /// Whether what is added to the symbols' values stands in the places themselves.
    pub(crate) in_place: bool,
    /// The kinds of relocation that are `symbol + addend`, in 4 and in 8 bytes.
    absolute: [u32; 3],
}

/// One relocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Relocation {
    /// The place that it changes, in bytes from the start of the section.
    pub(crate) offset: u64,
    /// What is added to the symbol's value, unless that stands in the place itself.
    pub(crate) addend: i64,
    /// The index of its symbol.
    pub(crate) symbol: u32,
    kind: u32,
}

impl Relocation {
    /// Reads an entry, whose length is that of an `Elf32_Rel`, `Elf32_Rela`, `Elf64_Rel` or `Elf64_Rela`. The first and the third have
    /// no addend.
    fn parse<const LENGTH: usize>(entry: &[u8; LENGTH], endian: Endian) -> Self {
        if LENGTH >= 16 {
            let [offset, info, addend] = [0, 8, 16].map(|at| endian.u64_at(entry, at).unwrap_or(0));
            Self { offset, addend: addend.cast_signed(), symbol: (info >> 32) as u32, kind: info as u32 }
        } else {
            let [offset, info, addend] = [0, 4, 8].map(|at| u64::from(endian.u32_at(entry, at).unwrap_or(0)));
            let addend = i64::from((addend as u32).cast_signed());
            Self { offset, addend, symbol: (info >> 8) as u32, kind: info as u32 & 0xff }
        }
    }
}

/// The kinds that write `symbol + addend` as a plain number, for the machines that Linux runs on (the processor
/// supplements of the ELF specification).
fn absolute_kinds(machine: u16) -> Option<[u32; 3]> {
    use machine_numbers::*;
    Some(match machine {
        X86_64 => [1, 10, 11],
        AARCH64 => [257, 258, 258],
        I386 => [1, 1, 1],
        ARM => [2, 2, 2],
        RISCV | LOONGARCH => [1, 2, 2],
        S390 => [4, 22, 22],
        PPC64 => [1, 38, 38],
        PPC => [1, 1, 1],
        _ => return None,
    })
}

/// `e_machine` numbers.
mod machine_numbers {
    pub(super) const I386: u16 = 3;
    pub(super) const PPC: u16 = 20;
    pub(super) const PPC64: u16 = 21;
    pub(super) const S390: u16 = 22;
    pub(super) const ARM: u16 = 40;
    pub(super) const X86_64: u16 = 62;
    pub(super) const AARCH64: u16 = 183;
    pub(super) const RISCV: u16 = 243;
    pub(super) const LOONGARCH: u16 = 258;
}

const SHT_RELA: u32 = 4;
const SHT_REL: u32 = 9;

/// How many entries are looked at one after the other.
const NEAR: usize = 8;

impl Relocations {
    /// Reads the relocations of a section of a relocatable file.
    pub(crate) fn of(elf: &ElfFile, target: &SectionHead<'_>) -> Result<Self, EncodeError> {
        let of_target = |head: &SectionHead<'_>| {
            matches!(head.kind, SHT_RELA | SHT_REL) && head.info as usize == target.index && head.file_size > 0
        };
        let Some(head) = elf.sections().find(of_target).filter(|_| elf.is_relocatable()) else {
            return Ok(Self::default());
        };
        let machine = elf.machine();
        let absolute = absolute_kinds(machine).ok_or(EncodeError::Machine { machine })?;
        let (bytes, endian) = (elf.read_all(&head)?, endian_of(elf));
        Ok(match (elf.is_64(), head.kind == SHT_REL) {
            (true, false) => Self::parse::<24>(&bytes, endian, absolute),
            (true, true) => Self::parse::<16>(&bytes, endian, absolute),
            (false, false) => Self::parse::<12>(&bytes, endian, absolute),
            (false, true) => Self::parse::<8>(&bytes, endian, absolute),
        })
    }

    /// Compilers and linkers write entries in order; others are put in order.
    fn parse<const LENGTH: usize>(bytes: &[u8], endian: Endian, absolute: [u32; 3]) -> Self {
        let entries = bytes.as_chunks::<LENGTH>().0.iter().map(|entry| Relocation::parse(entry, endian));
        let mut entries: Vec<_> = entries.collect();
        if !entries.is_sorted_by_key(|entry| entry.offset) {
            entries.sort_by_key(|entry| entry.offset);
        }
        Self { entries, in_place: matches!(LENGTH, 8 | 16), absolute }
    }

    /// Where in the entries the first one at or behind an offset is, sought from `cursor` on, or before it if need be.
    fn seek(&self, cursor: usize, offset: u64) -> usize {
        let is_before = |entry: &Relocation| entry.offset < offset;
        let (before, behind) = self.entries.split_at(cursor.min(self.entries.len()));
        if before.last().is_some_and(|last| !is_before(last)) {
            return before.partition_point(is_before);
        }
        // What is looked up next mostly lies a few entries further on.
        let near = behind.iter().take(NEAR).position(|entry| !is_before(entry));
        before.len().wrapping_add(near.unwrap_or_else(|| {
            let mut end = NEAR;
            while behind.get(end).is_some_and(is_before) {
                end *= 2;
            }
            behind.get(..end).unwrap_or(behind).partition_point(is_before)
        }))
    }

    /// Whether the place at `offset` has a relocation.
    pub(crate) fn has(&self, offset: u64) -> bool {
        self.entries.binary_search_by_key(&offset, |entry| entry.offset).is_ok()
    }

    /// The relocation of the place at `offset`, if it has one. `cursor` is where the next one is expected.
    #[inline]
    pub(crate) fn find(&self, cursor: &mut usize, offset: u64) -> Result<Option<Relocation>, EncodeError> {
        let at = |cursor: usize| self.entries.get(cursor).filter(|entry| entry.offset == offset);
        let found = at(*cursor).or_else(|| {
            *cursor = self.seek(*cursor, offset);
            at(*cursor)
        });
        let Some(&found) = found else { return Ok(None) };
        *cursor += 1;
        if !self.absolute.contains(&found.kind) {
            return Err(EncodeError::Relocation { kind: found.kind, offset });
        }
        Ok(Some(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(offsets: &[u64]) -> Relocations {
        let mut bytes = Vec::new();
        for &offset in offsets {
            bytes.extend(offset.to_le_bytes());
            bytes.extend(((7u64 << 32) | 10).to_le_bytes());
            bytes.extend((offset * 2).to_le_bytes());
        }
        Relocations::parse::<24>(&bytes, Endian::Little, [1, 10, 11])
    }

    #[test]
    fn relocations_are_found_forwards_and_backwards() {
        let offsets: Vec<u64> = (0..500).map(|n| 2 * n * n + 3).collect();
        let relocations = table(&offsets);
        let mut cursor = 0;
        let mut step = 1;
        let mut index = 0;
        for _ in 0..400 {
            let offset = offsets[index];
            let found = relocations.find(&mut cursor, offset).expect("a known kind").expect("it is there");
            assert_eq!((found.offset, found.symbol, found.addend), (offset, 7, offset.cast_signed() * 2));
            assert_eq!(relocations.find(&mut cursor, offset + 1).expect("none is no error"), None);
            step = step * 5 % 499;
            index = (index + step) % 500;
        }
        assert_eq!(relocations.find(&mut cursor, u64::MAX).expect("none"), None);
    }

    #[test]
    fn entries_out_of_order_are_put_in_order() {
        let relocations = table(&[9, 2, 5]);
        let mut cursor = 0;
        for offset in [2, 5, 9] {
            assert!(relocations.find(&mut cursor, offset).expect("a known kind").is_some());
        }
    }

    #[test]
    fn a_relocation_of_another_kind_is_refused() {
        let relocations = Relocations { absolute: [1, 1, 1], ..table(&[2]) };
        assert!(matches!(relocations.find(&mut 0, 2), Err(EncodeError::Relocation { kind: 10, offset: 2 })));
    }
}

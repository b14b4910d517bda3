//! The relocations of a section, looked up where a value is read.

use kmod::{ElfFile, SectionHead};

use crate::EncodeError;

/// The relocations of one section, in the order of the places that they change; none for a linked file.
#[derive(Debug, Default)]
pub(crate) struct Relocations {
    /// The entries as they are in the file.
    bytes: Vec<u8>,
    format: Format,
    /// The kinds of relocation that are `symbol + addend`, in 4 and in 8 bytes.
    absolute: [u32; 3],
}

/// How an entry lies in the file.
#[derive(Debug, Clone, Copy)]
struct Format {
    wide: bool,
    addend: bool,
    little: bool,
}

impl Default for Format {
    fn default() -> Self {
        Self { wide: true, addend: true, little: true }
    }
}

/// One relocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Relocation {
    /// The place that it changes, in bytes from the start of the section.
    pub(crate) offset: u64,
    /// The index of its symbol.
    pub(crate) symbol: u32,
    /// What is added to the symbol's value; `None` where that stands in the place itself.
    pub(crate) addend: Option<i64>,
    kind: u32,
}

impl Format {
    const fn entry(self) -> usize {
        match (self.wide, self.addend) {
            (true, true) => 24,
            (true, false) => 16,
            (false, true) => 12,
            (false, false) => 8,
        }
    }

    fn word(self, entry: &[u8], slot: usize) -> Option<u64> {
        if self.wide {
            let bytes = *entry.get(slot.wrapping_mul(8)..)?.first_chunk()?;
            Some(if self.little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) })
        } else {
            let bytes = *entry.get(slot.wrapping_mul(4)..)?.first_chunk()?;
            Some(u64::from(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }))
        }
    }

    fn parse(self, entry: &[u8]) -> Option<Relocation> {
        let offset = self.word(entry, 0)?;
        let info = self.word(entry, 1)?;
        let (symbol, kind) =
            if self.wide { ((info >> 32) as u32, info as u32) } else { ((info >> 8) as u32, info as u32 & 0xff) };
        let addend = match (self.addend, self.wide) {
            (false, _) => None,
            (true, true) => Some(self.word(entry, 2)?.cast_signed()),
            (true, false) => Some(i64::from((self.word(entry, 2)? as u32).cast_signed())),
        };
        Some(Relocation { offset, symbol, addend, kind })
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
        let format = Format { wide: elf.is_64(), addend: head.kind == SHT_RELA, little: elf.is_little_endian() };
        let mut relocations = Self { bytes: elf.read_all(&head)?, format, absolute };
        relocations.sort();
        Ok(relocations)
    }

    fn len(&self) -> usize {
        self.bytes.len() / self.format.entry()
    }

    #[inline]
    fn entry(&self, index: usize) -> Option<&[u8]> {
        let entry = self.format.entry();
        let start = index.checked_mul(entry)?;
        self.bytes.get(start..start.checked_add(entry)?)
    }

    #[inline]
    fn offset(&self, index: usize) -> Option<u64> {
        self.format.word(self.entry(index)?, 0)
    }

    /// Compilers and linkers write them in order; others are put in order.
    fn sort(&mut self) {
        let entry = self.format.entry();
        let offsets = || self.bytes.chunks_exact(entry).map(|entry| self.format.word(entry, 0));
        if offsets().is_sorted() {
            return;
        }
        let mut order: Vec<_> = offsets().zip(self.bytes.chunks_exact(entry)).collect();
        order.sort_by_key(|&(offset, _)| offset);
        self.bytes = order.into_iter().flat_map(|(_, entry)| entry).copied().collect();
    }

    /// Where in the entries the first one at or behind an offset is, sought from `cursor` on, or before it if need be.
    fn seek(&self, cursor: usize, offset: u64) -> usize {
        let behind = |index: usize| self.offset(index).is_none_or(|found| found >= offset);
        if cursor > 0 && behind(cursor.wrapping_sub(1)) {
            return self.bisect(0, cursor, offset);
        }
        let mut low = cursor;
        let mut step = 1usize;
        while !behind(low) {
            let next = low.saturating_add(step);
            if behind(next) {
                return self.bisect(low, next.min(self.len()), offset);
            }
            low = next;
            step = step.saturating_mul(2);
        }
        low
    }

    fn bisect(&self, mut low: usize, mut high: usize, offset: u64) -> usize {
        while low < high {
            let middle = low.wrapping_add(high.wrapping_sub(low) / 2);
            if self.offset(middle).is_some_and(|found| found < offset) {
                low = middle.wrapping_add(1);
            } else {
                high = middle;
            }
        }
        low
    }

    /// Whether the place at `offset` has a relocation.
    pub(crate) fn has(&self, offset: u64) -> bool {
        !self.bytes.is_empty() && self.offset(self.bisect(0, self.len(), offset)) == Some(offset)
    }

    /// The relocation of the place at `offset`, if it has one. `cursor` is where the last one was found.
    #[inline]
    pub(crate) fn find(&self, cursor: &mut usize, offset: u64) -> Result<Option<Relocation>, EncodeError> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        *cursor = self.seek(*cursor, offset);
        let Some(found) = self.entry(*cursor).and_then(|entry| self.format.parse(entry)) else { return Ok(None) };
        if found.offset != offset {
            return Ok(None);
        }
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
        Relocations { bytes, format: Format::default(), absolute: [1, 10, 11] }
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
            assert_eq!((found.offset, found.symbol, found.addend), (offset, 7, Some(offset.cast_signed() * 2)));
            assert_eq!(relocations.find(&mut cursor, offset + 1).expect("none is no error"), None);
            step = step * 5 % 499;
            index = (index + step) % 500;
        }
        assert_eq!(relocations.find(&mut cursor, u64::MAX).expect("none"), None);
    }

    #[test]
    fn entries_out_of_order_are_put_in_order() {
        let mut relocations = table(&[9, 2, 5]);
        relocations.sort();
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

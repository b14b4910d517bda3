//! A section taken apart into words, to be changed and put together again.

use btf::{Btf, Endian, Section};

/// The length of a header in bytes.
const HEADER: usize = 24;

/// BTF in pieces. Put together, the header fits the pieces, unless it was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    /// The words of each type.
    pub types: Vec<Vec<u32>>,
    /// The string section.
    pub strings: Vec<u8>,
    /// Bytes of the header behind the first 24.
    pub longer_header: Vec<u8>,
    /// Changes of the header: where, and to which byte.
    pub header_bytes: Vec<(usize, u8)>,
    /// Bytes behind the sections.
    pub tail: Vec<u8>,
    /// After how many bytes everything is cut.
    pub cut: Option<usize>,
}

impl Draft {
    /// Takes little-endian BTF apart.
    pub fn of(btf: &Btf<'_>) -> Self {
        let words = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let mut draft = Self::new(btf.iter().map(|ty| words(ty.bytes())).collect(), btf.strings().to_vec());
        debug_assert_eq!(btf.header().endian, Endian::Little);
        debug_assert_eq!(btf.header().range(Section::Types).start, u64::from(btf.header().length));
        let length = usize::try_from(btf.header().length).unwrap_or(HEADER);
        draft.longer_header = btf.bytes().get(HEADER..length).unwrap_or_default().to_vec();
        draft
    }

    /// Of pieces.
    pub fn new(types: Vec<Vec<u32>>, strings: Vec<u8>) -> Self {
        Self { types, strings, longer_header: vec![], header_bytes: vec![], tail: vec![], cut: None }
    }

    /// Puts it together.
    pub fn bytes(&self) -> Vec<u8> {
        let types = self.types.iter().map(Vec::len).sum::<usize>() * 4;
        let lengths = [HEADER + self.longer_header.len(), 0, types, types, self.strings.len()];
        let mut bytes = btf::MAGIC.to_le_bytes().to_vec();
        bytes.extend_from_slice(&[btf::VERSION, 0]);
        bytes.extend(lengths.iter().flat_map(|&length| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()));
        bytes.extend_from_slice(&self.longer_header);
        bytes.extend(self.types.iter().flatten().flat_map(|word| word.to_le_bytes()));
        bytes.extend_from_slice(&self.strings);
        bytes.extend_from_slice(&self.tail);
        for &(at, byte) in &self.header_bytes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(self.cut.unwrap_or(usize::MAX));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_gives_the_bytes_that_it_was_made_from() {
        let draft = Draft::new(vec![vec![1, 0x0100_0000, 4, 32], vec![0, 0x0200_0000, 1]], b"\0int\0".to_vec());
        let bytes = draft.bytes();
        assert_eq!(Draft::of(&Btf::parse(&bytes).unwrap()), draft);
    }

    #[test]
    fn a_changed_header_no_longer_fits() {
        let mut draft = Draft::new(vec![], b"\0".to_vec());
        draft.header_bytes = vec![(2, 9)];
        draft.cut = Some(24);
        assert_eq!((draft.bytes().len(), draft.bytes()[2]), (24, 9));
    }
}

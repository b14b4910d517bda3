//! Hashes of words and strings, and maps from ids.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Mixes a word into a hash. The two are not exchangeable, as types that refer to each other have each other's hashes mixed
/// into their own.
#[inline]
pub(crate) const fn mix(hash: u64, word: u64) -> u64 {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let wide = ((hash.rotate_left(23) ^ word) as u128).wrapping_mul(SPREAD as u128 | (1 << 65));
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// Hashes numbers that are spread already, as those of names and types are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = mix(self.0, hash_bytes(bytes));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = mix(self.0, u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0, number);
    }
}

/// A map from ids.
pub(crate) type IdMap<K, T> = HashMap<K, T, BuildHasherDefault<IdHasher>>;

/// The hash of a string.
#[inline]
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let hash = chunks.iter().fold(bytes.len() as u64, |hash, chunk| mix(hash, u64::from_le_bytes(*chunk)));
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    mix(hash, u64::from_le_bytes(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_and_word_are_not_exchangeable() {
        assert_ne!(mix(5, 9), mix(9, 5));
        assert_ne!(mix(mix(7, 7), 7), mix(7, mix(7, 7)));
    }
}

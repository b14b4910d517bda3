//! Tests with damaged BTF: it is refused or parsed, and parsed BTF can be walked, resolved and written.

use crate::common::{SAMPLES, every_kind, full_layout};
use crate::exercise;
use btf::Endian;
use proptest::prelude::*;

fn subjects() -> Vec<Vec<u8>> {
    let mut with_layout = every_kind(Endian::Big);
    with_layout.set_layout(full_layout());
    let synthetic = [every_kind(Endian::Little), with_layout].map(|builder| builder.to_bytes().unwrap());
    synthetic.into_iter().chain([SAMPLES[0].1.to_vec()]).collect()
}

#[test]
fn every_single_bit() {
    let (mut parsed, mut refused) = (0, 0);
    for subject in subjects() {
        for bit in 0..subject.len() * 8 {
            let mut bytes = subject.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            match exercise::alone(&bytes) {
                Ok(()) => parsed += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(parsed > 1000 && refused > 100, "{parsed} parsed, {refused} refused: the damage is not varied");
}

proptest! {
    #[test]
    fn words_and_cuts(
        which in 0..3usize,
        words in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![any::<u32>(), 0..64u32]), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = subjects().swap_remove(which);
        for (place, word) in words {
            let place = place.index(bytes.len() / 4) * 4;
            bytes[place..place + 4].copy_from_slice(&word.to_ne_bytes());
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = exercise::alone(&bytes);
        let _ = exercise::split(SAMPLES[1].1, &bytes);
        let _ = exercise::split(&bytes, SAMPLES[1].1);
    }

    #[test]
    fn any_types_and_strings(types in prop::collection::vec(any::<u8>(), 0..200), strings in prop::collection::vec(any::<u8>(), 0..20)) {
        let word = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
        let header = [[0x9f, 0xeb, 1, 0], word(24), word(0), word(types.len()), word(types.len()), word(strings.len())];
        let bytes = [header.as_flattened(), &types, &strings].concat();
        let _ = exercise::alone(&bytes);
    }
}

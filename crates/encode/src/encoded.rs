//! Types as words, and the one walk over them.
//!
//! A type is kept as BTF has it: name, info, size or type, then what its kind adds, then its elements, each a word of 32
//! bits. Only what names and references stand for differs: a name is a number from [`crate::names::Names`], a reference
//! an id that the owner of the words gives a meaning. Which word is what comes from [`btf::Kind::shape`] alone: equality,
//! hashes, references and renumbering are all derived from it, so that no two of them can disagree about a kind.

use btf::{Info, Kind, Role};

/// What has to be known of a word to walk over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A number that means what it says.
    Number,
    /// A name.
    Name,
    /// A reference to another type.
    Reference,
    /// A reference to the type of an array's index, which says nothing of the array.
    Index,
}

impl Slot {
    const fn of(role: Role) -> Self {
        match role {
            Role::Name => Self::Name,
            Role::Type => Self::Reference,
            Role::IndexType => Self::Index,
            _ => Self::Number,
        }
    }

    /// Whether it is a reference of either kind.
    #[inline]
    pub(crate) const fn is_reference(self) -> bool {
        matches!(self, Self::Reference | Self::Index)
    }
}

/// The words of one kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk {
    head: [Slot; HEAD],
    head_len: usize,
    element: [Slot; ELEMENT],
    element_len: usize,
}

/// The most words before the elements.
const HEAD: usize = 6;
/// The most words of an element.
const ELEMENT: usize = 3;
/// How many kinds there are, 0 included.
const KINDS: usize = Kind::KNOWN.len();

#[expect(clippy::indexing_slicing, reason = "worked out by the compiler, which checks it")]
static WALKS: [Walk; KINDS] = {
    let mut walks = [Walk::of(Kind::Void); KINDS];
    let mut number = 0;
    while number < KINDS {
        walks[number] = Walk::of(Kind::KNOWN[number]);
        number += 1;
    }
    walks
};

impl Walk {
    #[expect(clippy::indexing_slicing, reason = "worked out by the compiler, which checks it")]
    const fn of(kind: Kind) -> Self {
        let mut walk =
            Self { head: [Slot::Number; HEAD], head_len: 3, element: [Slot::Number; ELEMENT], element_len: 0 };
        walk.head[0] = Slot::Name;
        if let Some(shape) = kind.shape() {
            walk.head[2] = Slot::of(shape.word);
            while walk.head_len < 3 + shape.fixed.len() {
                walk.head[walk.head_len] = Slot::of(shape.fixed[walk.head_len - 3]);
                walk.head_len += 1;
            }
            while walk.element_len < shape.element.len() {
                walk.element[walk.element_len] = Slot::of(shape.element[walk.element_len]);
                walk.element_len += 1;
            }
        }
        walk
    }

    /// The walk over a type with this info word.
    #[inline]
    pub(crate) fn with_info(info: u32) -> &'static Self {
        let number = ((info >> 24) & 0x7f) as usize;
        WALKS.get(number).unwrap_or(&WALKS[0])
    }

    /// How many words a type with this vlen has.
    pub(crate) const fn len(&self, vlen: usize) -> usize {
        self.head_len.saturating_add(self.element_len.saturating_mul(vlen))
    }

    fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        let head = self.head.get(..self.head_len).unwrap_or_default();
        let element = self.element.get(..self.element_len).unwrap_or_default();
        head.iter().chain(element.iter().cycle()).copied()
    }
}

/// The kind of a type, as its number.
#[inline]
pub(crate) fn kind(words: &[u32]) -> Kind {
    Info::from_raw(info(words)).kind()
}

/// The info word.
#[inline]
pub(crate) fn info(words: &[u32]) -> u32 {
    words.get(1).copied().unwrap_or(0)
}

/// The name.
#[inline]
pub(crate) fn name(words: &[u32]) -> u32 {
    words.first().copied().unwrap_or(0)
}

/// The size or the type that is referred to.
#[inline]
pub(crate) fn word(words: &[u32]) -> u32 {
    words.get(2).copied().unwrap_or(0)
}

/// An info word.
pub(crate) const fn make_info(kind: Kind, vlen: u32, kflag: bool) -> u32 {
    ((kflag as u32) << 31) | ((kind.number() as u32) << 24) | (vlen & Info::MAX_VLEN)
}

/// The largest vlen that Linux 6.12 can read (`BTF_MAX_VLEN` in `include/uapi/linux/btf.h`).
const MAX_VLEN: u32 = 0xffff;

/// Whether there are as many words as the info word says, and no more elements than any kernel can read.
pub(crate) fn is_whole(words: &[u32]) -> bool {
    let vlen = Info::from_raw(info(words)).vlen();
    let expected = Walk::with_info(info(words)).len(usize::try_from(vlen).unwrap_or(usize::MAX));
    vlen <= MAX_VLEN && expected == words.len()
}

/// All words with what they are.
pub(crate) fn fields(words: &[u32]) -> impl Iterator<Item = (Slot, u32)> + '_ {
    Walk::with_info(info(words)).slots().zip(words.iter().copied())
}

/// Passes each reference through `map`.
#[inline]
pub(crate) fn map_references(words: &mut [u32], map: impl FnMut(u32) -> u32) {
    map_slots(words, Slot::is_reference, map);
}

/// Passes each name through `map`.
pub(crate) fn map_names(words: &mut [u32], map: impl FnMut(u32) -> u32) {
    map_slots(words, |slot| slot == Slot::Name, map);
}

/// Passes the words in some slots through `map`.
#[inline]
fn map_slots(words: &mut [u32], is_it: impl Fn(Slot) -> bool, mut map: impl FnMut(u32) -> u32) {
    let walk = Walk::with_info(info(words));
    let (head, elements) = words.split_at_mut(walk.head_len.min(words.len()));
    for (_, word) in walk.head.iter().zip(head).filter(|&(&slot, _)| is_it(slot)) {
        *word = map(*word);
    }
    // An element has no more than one name, and one reference.
    let slots = walk.element.get(..walk.element_len).unwrap_or_default();
    if let Some(place) = slots.iter().position(|&slot| is_it(slot)) {
        for word in elements.iter_mut().skip(place).step_by(walk.element_len) {
            *word = map(*word);
        }
    }
}

/// Calls `each` with every pair of references that two types have in the same place, as long as they agree in everything
/// else and `each` returns true. Whether that held to the end.
#[inline]
pub(crate) fn compare(left: &[u32], right: &[u32], mut each: impl FnMut(u32, u32) -> bool) -> bool {
    if left.len() != right.len() || info(left) != info(right) {
        return false;
    }
    let walk = Walk::with_info(info(left));
    let (Some((head_left, left)), Some((head_right, right))) =
        (left.split_at_checked(walk.head_len), right.split_at_checked(walk.head_len))
    else {
        return false;
    };
    let mut pair = |slot: Slot, left: u32, right: u32| match slot {
        Slot::Reference | Slot::Index => each(left, right),
        Slot::Number | Slot::Name => left == right,
    };
    let heads = walk.head.iter().zip(head_left.iter().zip(head_right));
    if !heads.into_iter().all(|(&slot, (&left, &right))| pair(slot, left, right)) {
        return false;
    }
    match walk.element_len {
        3 => {
            let slots = walk.element;
            left.as_chunks::<3>().0.iter().zip(right.as_chunks::<3>().0).all(|(left, right)| {
                pair(slots[0], left[0], right[0])
                    && pair(slots[1], left[1], right[1])
                    && pair(slots[2], left[2], right[2])
            })
        }
        2 => {
            let slots = walk.element;
            left.as_chunks::<2>()
                .0
                .iter()
                .zip(right.as_chunks::<2>().0)
                .all(|(left, right)| pair(slots[0], left[0], right[0]) && pair(slots[1], left[1], right[1]))
        }
        _ => left.is_empty(),
    }
}

/// Mixes a word into a hash. The two are not exchangeable, as types that refer to each other have each other's hashes mixed
/// into their own.
#[inline]
pub(crate) const fn mix(hash: u64, word: u64) -> u64 {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let wide = ((hash.rotate_left(23) ^ word) as u128).wrapping_mul(SPREAD as u128 | (1 << 65));
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// The hash of a type, with each reference passed through `reference`.
#[inline]
pub(crate) fn hash(words: &[u32], mut reference: impl FnMut(Slot, u32) -> u64) -> u64 {
    let walk = Walk::with_info(info(words));
    let (head, elements) = words.split_at(walk.head_len.min(words.len()));
    let mut add = |hash: u64, slot: Slot, word: u32| {
        mix(hash, if slot.is_reference() { reference(slot, word) } else { u64::from(word) })
    };
    let hash = walk.head.iter().zip(head).fold(0, |hash, (&slot, &word)| add(hash, slot, word));
    let slots = walk.element;
    match walk.element_len {
        3 => elements.as_chunks::<3>().0.iter().fold(hash, |hash, &[first, second, third]| {
            let hash = add(hash, slots[0], first);
            let hash = add(hash, slots[1], second);
            add(hash, slots[2], third)
        }),
        2 => elements.as_chunks::<2>().0.iter().fold(hash, |hash, &[first, second]| {
            let hash = add(hash, slots[0], first);
            add(hash, slots[1], second)
        }),
        _ => hash,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_fits_the_tables() {
        for kind in Kind::KNOWN {
            let shape = kind.shape().expect("known");
            assert!(3 + shape.fixed.len() <= HEAD && shape.element.len() <= ELEMENT);
            let count = |is_it: fn(Slot) -> bool| shape.element.iter().filter(|&&role| is_it(Slot::of(role))).count();
            assert!(count(|slot| slot == Slot::Name) <= 1 && count(Slot::is_reference) <= 1, "{kind}");
            let walk = Walk::with_info(make_info(*kind, 2, false));
            assert_eq!(walk.len(2) as u64 * 4, shape.len(2), "{kind}");
        }
    }

    #[test]
    fn hash_and_word_are_not_exchangeable() {
        assert_ne!(mix(5, 9), mix(9, 5));
        assert_ne!(mix(mix(7, 7), 7), mix(7, mix(7, 7)));
    }

    #[test]
    fn a_difference_in_any_word_is_seen() {
        for &kind in Kind::KNOWN {
            let info = make_info(kind, 2, false);
            let words: Vec<u32> =
                (0..Walk::with_info(info).len(2) as u32).map(|n| if n == 1 { info } else { n }).collect();
            let slots: Vec<Slot> = fields(&words).map(|(slot, _)| slot).collect();
            assert!(compare(&words, &words, |left, right| left == right));
            for place in (0..words.len()).filter(|&place| place != 1) {
                let mut other = words.clone();
                other[place] += 1000;
                assert!(!compare(&words, &other, |left, right| left == right), "{kind}, word {place}");
                assert_eq!(compare(&words, &other, |_, _| true), slots[place].is_reference());
                assert_ne!(hash(&words, |_, id| id.into()), hash(&other, |_, id| id.into()), "{kind}, word {place}");
            }
        }
    }
}

//! Types as words, and the one walk over them.
//!
//! A type is kept as BTF has it: name, info, size or type, then what its kind adds, then its elements, each a word of 32 bits.
//! Names and references differ: a name is a [`NameId`], and a reference is what the owner of the words defines. The role of each
//! word comes from [`btf::Kind::shape`] alone. Equality, hashes, references and renumbering are derived from it, so no two of them
//! can disagree about a kind.

use btf::{Info, Kind, Role};

use crate::hash::mix;
use crate::ids::NameId;

/// The role of a word in its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldRole {
    /// A plain number.
    Number,
    /// A name.
    Name,
    /// A reference to another type.
    Reference,
    /// A reference to the type of an array's index, which does not distinguish arrays.
    Index,
}

impl FieldRole {
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
pub(crate) struct FieldRoles {
    head: [FieldRole; HEAD],
    head_len: usize,
    element: [FieldRole; ELEMENT],
    element_len: usize,
}

/// The most words before the elements.
const HEAD: usize = 6;
/// The most words of an element.
const ELEMENT: usize = 3;
/// How many kinds there are, 0 included.
const KINDS: usize = Kind::KNOWN.len();

#[expect(clippy::indexing_slicing, reason = "worked out by the compiler, which checks it")]
static ROLES: [FieldRoles; KINDS] = {
    let mut roles = [FieldRoles::of(Kind::Void); KINDS];
    let mut number = 0;
    while number < KINDS {
        roles[number] = FieldRoles::of(Kind::KNOWN[number]);
        number += 1;
    }
    roles
};

impl FieldRoles {
    #[expect(clippy::indexing_slicing, reason = "worked out by the compiler, which checks it")]
    const fn of(kind: Kind) -> Self {
        let mut roles = Self {
            head: [FieldRole::Number; HEAD],
            head_len: 3,
            element: [FieldRole::Number; ELEMENT],
            element_len: 0,
        };
        roles.head[0] = FieldRole::Name;
        if let Some(shape) = kind.shape() {
            roles.head[2] = FieldRole::of(shape.word);
            while roles.head_len < 3 + shape.fixed.len() {
                roles.head[roles.head_len] = FieldRole::of(shape.fixed[roles.head_len - 3]);
                roles.head_len += 1;
            }
            while roles.element_len < shape.element.len() {
                roles.element[roles.element_len] = FieldRole::of(shape.element[roles.element_len]);
                roles.element_len += 1;
            }
        }
        roles
    }

    /// The walk over a type with this info word.
    #[inline]
    pub(crate) fn with_info(info: u32) -> &'static Self {
        let number = ((info >> 24) & 0x7f) as usize;
        ROLES.get(number).unwrap_or(&ROLES[0])
    }

    /// How many words a type with this vlen has.
    pub(crate) const fn len(&self, vlen: usize) -> usize {
        self.head_len + self.element_len * vlen
    }

    /// Passes the words of a type with what they are to `each`, as long as it returns true. Whether that held to the end.
    #[inline]
    pub(crate) fn all<W: Copy>(&self, words: &[W], mut each: impl FnMut(FieldRole, W) -> bool) -> bool {
        let (head, elements) = words.split_at(self.head_len.min(words.len()));
        if !self.head.iter().zip(head).all(|(&role, &word)| each(role, word)) {
            return false;
        }
        let roles = self.element;
        match self.element_len {
            3 => elements.as_chunks::<3>().0.iter().all(|&[first, second, third]| {
                each(roles[0], first) && each(roles[1], second) && each(roles[2], third)
            }),
            2 => elements
                .as_chunks::<2>()
                .0
                .iter()
                .all(|&[first, second]| each(roles[0], first) && each(roles[1], second)),
            _ => true,
        }
    }

    fn roles(&self) -> impl Iterator<Item = FieldRole> + '_ {
        let elements = self.element.iter().take(self.element_len).cycle();
        self.head.iter().take(self.head_len).chain(elements).copied()
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
pub(crate) fn name(words: &[u32]) -> NameId {
    NameId::from_raw(words.first().copied().unwrap_or(0))
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

/// The head of a type with a size or a reference and nothing more before its elements.
pub(crate) const fn head(kind: Kind, name: NameId, vlen: u32, kflag: bool, word: u32) -> [u32; 3] {
    [name.raw(), make_info(kind, vlen, kflag), word]
}

/// How many words an element of this kind has.
pub(crate) fn element_words(kind: Kind) -> usize {
    let roles = FieldRoles::with_info(make_info(kind, 0, false));
    roles.element_len
}

/// The largest vlen that Linux 6.12 can read (`BTF_MAX_VLEN` in `include/uapi/linux/btf.h`).
const MAX_VLEN: u32 = 0xffff;

/// Whether there are as many words as the info word says, and no more elements than any kernel can read.
pub(crate) fn is_whole(words: &[u32]) -> bool {
    let vlen = Info::from_raw(info(words)).vlen();
    let expected = FieldRoles::with_info(info(words)).len(usize::try_from(vlen).unwrap_or(usize::MAX));
    vlen <= MAX_VLEN && expected == words.len()
}

/// All words with what they are.
pub(crate) fn fields(words: &[u32]) -> impl Iterator<Item = (FieldRole, u32)> + '_ {
    FieldRoles::with_info(info(words)).roles().zip(words.iter().copied())
}

/// Passes each reference through `map`.
#[inline]
pub(crate) fn map_references(words: &mut [u32], map: impl FnMut(u32) -> u32) {
    map_roles(words, FieldRole::is_reference, map);
}

/// Passes each name through `map`.
pub(crate) fn map_names(words: &mut [u32], map: impl FnMut(u32) -> u32) {
    map_roles(words, |role| role == FieldRole::Name, map);
}

/// Passes the words in some roles through `map`.
#[inline]
fn map_roles(words: &mut [u32], is_it: impl Fn(FieldRole) -> bool, mut map: impl FnMut(u32) -> u32) {
    let layout = FieldRoles::with_info(info(words));
    let (head, elements) = words.split_at_mut(layout.head_len.min(words.len()));
    for (_, word) in layout.head.iter().zip(head).filter(|&(&role, _)| is_it(role)) {
        *word = map(*word);
    }
    // An element has no more than one name, and one reference.
    if let Some(place) = layout.element.iter().take(layout.element_len).position(|&role| is_it(role)) {
        for word in elements.iter_mut().skip(place).step_by(layout.element_len) {
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
    let layout = FieldRoles::with_info(info(left));
    let (Some((head_left, left)), Some((head_right, right))) =
        (left.split_at_checked(layout.head_len), right.split_at_checked(layout.head_len))
    else {
        return false;
    };
    let mut pair = |role: FieldRole, left: u32, right: u32| match role {
        FieldRole::Reference | FieldRole::Index => each(left, right),
        FieldRole::Number | FieldRole::Name => left == right,
    };
    let heads = layout.head.iter().zip(head_left.iter().zip(head_right));
    if !heads.into_iter().all(|(&role, (&left, &right))| pair(role, left, right)) {
        return false;
    }
    match layout.element_len {
        3 => {
            let roles = layout.element;
            left.as_chunks::<3>().0.iter().zip(right.as_chunks::<3>().0).all(|(left, right)| {
                pair(roles[0], left[0], right[0])
                    && pair(roles[1], left[1], right[1])
                    && pair(roles[2], left[2], right[2])
            })
        }
        2 => {
            let roles = layout.element;
            left.as_chunks::<2>()
                .0
                .iter()
                .zip(right.as_chunks::<2>().0)
                .all(|(left, right)| pair(roles[0], left[0], right[0]) && pair(roles[1], left[1], right[1]))
        }
        _ => left.is_empty(),
    }
}

/// The hash of a type, with each reference passed through `reference`.
#[inline]
pub(crate) fn hash(words: &[u32], mut reference: impl FnMut(FieldRole, u32) -> u64) -> u64 {
    let layout = FieldRoles::with_info(info(words));
    let (head, elements) = words.split_at(layout.head_len.min(words.len()));
    let mut add = |hash: u64, role: FieldRole, word: u32| {
        mix(hash, if role.is_reference() { reference(role, word) } else { u64::from(word) })
    };
    let hash = layout.head.iter().zip(head).fold(0, |hash, (&role, &word)| add(hash, role, word));
    let roles = layout.element;
    match layout.element_len {
        3 => elements.as_chunks::<3>().0.iter().fold(hash, |hash, &[first, second, third]| {
            let hash = add(hash, roles[0], first);
            let hash = add(hash, roles[1], second);
            add(hash, roles[2], third)
        }),
        2 => elements.as_chunks::<2>().0.iter().fold(hash, |hash, &[first, second]| {
            let hash = add(hash, roles[0], first);
            add(hash, roles[1], second)
        }),
        _ => hash,
    }
}

/// The hash by which a type that is neither struct nor union is found. Enums have only their name in it, as a forward
/// declaration of one has nothing else.
pub(crate) fn key(words: &[u32]) -> u64 {
    let name = name(words);
    match kind(words) {
        Kind::Enum | Kind::Enum64 if !name.is_empty() => mix(u64::from(Kind::Enum.number()), u64::from(name.raw())),
        _ => hash(words, |_, id| u64::from(id)),
    }
}

/// Whether equal types of this kind have equal words.
pub(crate) const fn is_reference_kind(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Ptr
            | Kind::Array
            | Kind::Typedef
            | Kind::Volatile
            | Kind::Const
            | Kind::Restrict
            | Kind::Func
            | Kind::FuncProto
            | Kind::TypeTag
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_fits_the_tables() {
        for kind in Kind::KNOWN {
            let shape = kind.shape().expect("known");
            assert!(3 + shape.fixed.len() <= HEAD && shape.element.len() <= ELEMENT);
            let count =
                |is_it: fn(FieldRole) -> bool| shape.element.iter().filter(|&&role| is_it(FieldRole::of(role))).count();
            assert!(count(|role| role == FieldRole::Name) <= 1 && count(FieldRole::is_reference) <= 1, "{kind}");
            let roles = FieldRoles::with_info(make_info(*kind, 2, false));
            assert_eq!(roles.len(2) as u64 * 4, shape.len(2), "{kind}");
            let words: Vec<u32> = (0..roles.len(2) as u32).collect();
            let mut walked = Vec::new();
            roles.all(&words, |role, word| {
                walked.push((role, word));
                true
            });
            assert_eq!(walked, roles.roles().zip(words).collect::<Vec<_>>(), "{kind}");
        }
    }

    #[test]
    fn a_difference_in_any_word_is_seen() {
        for &kind in Kind::KNOWN {
            let info = make_info(kind, 2, false);
            let words: Vec<u32> =
                (0..FieldRoles::with_info(info).len(2) as u32).map(|n| if n == 1 { info } else { n }).collect();
            let roles: Vec<FieldRole> = fields(&words).map(|(role, _)| role).collect();
            assert!(compare(&words, &words, |left, right| left == right));
            for place in (0..words.len()).filter(|&place| place != 1) {
                let mut other = words.clone();
                other[place] += 1000;
                assert!(!compare(&words, &other, |left, right| left == right), "{kind}, word {place}");
                assert_eq!(compare(&words, &other, |_, _| true), roles[place].is_reference());
                assert_ne!(hash(&words, |_, id| id.into()), hash(&other, |_, id| id.into()), "{kind}, word {place}");
            }
        }
    }
}

//! Whether two encoders say the same about one file.
//!
//! Ids, the order of types and the order of strings mean nothing, so types are compared by what can be reached from them:
//! each type of either side gets a class, such that types with one class agree in kind, names and numbers, and their
//! references lead to types with one class again. Both sides are over the same base, whose types stand for themselves. Then
//! the two sides say the same if they have equally many types of every class.
//!
//! Classes are found by refinement: types start with a hash of what they show themselves, and take the classes of what they
//! refer to into their own until that tells no more types apart.
//!
//! [`BaseTypes`] tells whether a split is minimal: whether it has types again that its base has.

mod minimal;

use std::collections::{HashMap, HashSet};

use btf::{Type, TypeId, Value, View};

pub use minimal::{BaseTypes, Repeated};

/// The types that only one side has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Differences {
    /// On the left.
    pub left: Vec<TypeId>,
    /// On the right.
    pub right: Vec<TypeId>,
    /// How many types both sides have.
    pub common: usize,
}

impl Differences {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left.is_empty() && self.right.is_empty()
    }
}

/// The types that are on one side only, of two views over one base.
#[must_use]
pub fn differences(left: View<'_>, right: View<'_>) -> Differences {
    let classes = told_apart([left, right], [&[], &[]]);
    let [left_classes, right_classes] = classes;
    let mut balance: HashMap<u64, i64> = HashMap::new();
    for class in &right_classes {
        *balance.entry(*class).or_default() += 1;
    }
    let only_left = surplus(left, &left_classes, &mut balance);
    let common = left_classes.len().saturating_sub(only_left.len());
    let mut balance: HashMap<u64, i64> = HashMap::new();
    for class in &left_classes {
        *balance.entry(*class).or_default() += 1;
    }
    let only_right = surplus(right, &right_classes, &mut balance);
    Differences { left: only_left, right: only_right, common }
}

/// The classes of the types of both sides. Those of `stand_ins` have that of the base's type that they stand for.
fn told_apart([left, right]: [View<'_>; 2], stand_ins: [&[Option<TypeId>]; 2]) -> [Vec<u64>; 2] {
    let settle = |mut classes: Vec<u64>, stand_ins: &[Option<TypeId>]| {
        let pairs = classes.iter_mut().zip(stand_ins);
        pairs.for_each(|(class, id)| *class = id.map_or(*class, itself));
        classes
    };
    let both = |[left, right]: [Vec<u64>; 2]| [settle(left, stand_ins[0]), settle(right, stand_ins[1])];
    let mut classes = both([shown(left), shown(right)]);
    let mut count = distinct(&classes);
    // A round that tells no more types apart is the last; each other one tells at least one more apart.
    loop {
        classes = both([refine(left, &classes[0], itself), refine(right, &classes[1], itself)]);
        let refined = distinct(&classes);
        if refined <= count {
            return classes;
        }
        count = refined;
    }
}

/// The types of a side for which the other has none left.
fn surplus(view: View<'_>, classes: &[u64], others: &mut HashMap<u64, i64>) -> Vec<TypeId> {
    let types = view.own_types().zip(classes);
    types
        .filter_map(|((id, _), class)| {
            let left = others.entry(*class).or_default();
            *left -= 1;
            (*left < 0).then_some(id)
        })
        .collect()
}

fn distinct(classes: &[Vec<u64>; 2]) -> usize {
    classes.iter().flatten().collect::<HashSet<_>>().len()
}

/// What each type shows itself: its kind, names and numbers.
fn shown(view: View<'_>) -> Vec<u64> {
    view.own_types()
        .map(|(_, ty)| {
            fold(&ty, |value| match value {
                Value::Name(name) => view.string(name).map_or(2, |name| hash_bytes(name)),
                Value::Number(number) => u64::from(number),
                Value::Type(_) => 0,
            })
        })
        .collect()
}

/// The class of a type of the base where both sides have the same.
fn itself(TypeId(id): TypeId) -> u64 {
    u64::from(id)
}

/// Classes with those of what is referred to; `base` gives those of `void` and of the base's types.
fn refine(view: View<'_>, classes: &[u64], base: impl Fn(TypeId) -> u64) -> Vec<u64> {
    let first = view.first_id().0;
    let of = |id: TypeId| match id.0.checked_sub(first) {
        Some(own) => classes.get(own as usize).copied().unwrap_or(1),
        None => base(id),
    };
    view.own_types()
        .zip(classes)
        .map(|((_, ty), &class)| {
            ty.fields().fold(class, |hash, field| match field.value() {
                Value::Type(id) => mix(hash, of(id)),
                _ => hash,
            })
        })
        .collect()
}

fn fold(ty: &Type<'_>, mut value: impl FnMut(Value) -> u64) -> u64 {
    ty.fields().fold(0, |hash, field| mix(hash, value(field.value())))
}

/// The hash of a string of bytes.
fn hash_bytes(bytes: &[u8]) -> u64 {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let hash = chunks.iter().fold(bytes.len() as u64, |hash, chunk| mix(hash, u64::from_le_bytes(*chunk)));
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    mix(hash, u64::from_le_bytes(last))
}

/// Mixes a word into a hash; the order of the two matters.
const fn mix(hash: u64, word: u64) -> u64 {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let wide = ((hash.rotate_left(23) ^ word) as u128).wrapping_mul(SPREAD as u128 | (1 << 65));
    (wide as u64) ^ ((wide >> 64) as u64)
}

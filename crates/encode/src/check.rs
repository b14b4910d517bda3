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

use btf::{Btf, Kind, Type, TypeId, Value, View};

use crate::names::hash_bytes;
use crate::record::mix;

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

/// What differs, in words, for a person: for each type of one side its kind and name, and what is the first difference to
/// one of that kind and name on the other side.
#[must_use]
pub fn explain(left: &Btf<'_>, right: &Btf<'_>, base: Option<&Btf<'_>>, differences: &Differences) -> Vec<String> {
    let over = |own| base.map_or_else(|| View::alone(own), |base| View::over(own, base));
    let (left, right) = (over(left), over(right));
    let comparison = btf::compare::Comparison::new(left, right);
    let describe = |view: View<'_>, id: TypeId| -> Option<(Kind, Vec<u8>)> {
        let ty = view.get(id)?;
        Some((ty.kind(), view.name(&ty)?.to_vec()))
    };
    let mut named: HashMap<(Kind, Vec<u8>), Vec<TypeId>> = HashMap::new();
    for &id in &differences.right {
        named.entry(describe(right, id).unwrap_or((Kind::Void, Vec::new()))).or_default().push(id);
    }
    let mut lines = Vec::new();
    let mut partnered = HashSet::new();
    for &id in &differences.left {
        let Some((kind, name)) = describe(left, id) else { continue };
        let other = named.get(&(kind, name.clone())).and_then(|others| others.first()).filter(|_| !name.is_empty());
        let text = name.escape_ascii();
        match other {
            Some(&other) => {
                partnered.insert(other);
                let difference = comparison.difference(id, other, btf::compare::Strength::Closure);
                let difference = difference.map_or_else(|| "not told".to_owned(), |difference| difference.to_string());
                lines.push(format!("both {kind} {text}: {difference}"));
            }
            None => lines.push(format!("left {kind} {text}")),
        }
    }
    for &id in differences.right.iter().filter(|id| !partnered.contains(*id)) {
        if let Some((kind, name)) = describe(right, id) {
            lines.push(format!("right {kind} {}", name.escape_ascii()));
        }
    }
    lines
}

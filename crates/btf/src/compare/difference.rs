//! The reason why two types differ.

use core::fmt;
use std::collections::HashSet;

use bstr::BStr;

use super::comparison::Comparison;
use super::facet::{Facet, NameBudget, Reach, is_named};
use super::side::Side;
use super::strength::Strength;
use crate::{Field, Kind, Role, StrOff, Type, TypeId, Value, View};

/// The maximum number of pairs of types that are examined to find a difference.
const PAIRS: usize = 1 << 16;

/// A difference between two types, possibly in types that they refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<'a> {
    /// The path from the two types to the two that differ; empty if they differ themselves.
    pub path: Vec<Step<'a>>,
    /// The type on the left that differs.
    pub left: TypeId,
    /// The type on the right that differs.
    pub right: TypeId,
    /// The difference.
    pub what: What<'a>,
}

/// A reference on the path, as it is on the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// The kind of the type that has the reference.
    pub kind: Kind,
    /// Its name; empty if it has none.
    pub name: &'a BStr,
    /// The reference's role: a type, or the type of an index.
    pub role: Role,
    /// The member, parameter or variable that has it.
    pub element: Option<u32>,
    /// The name of that element; empty if there is none.
    pub element_name: &'a BStr,
}

/// The kind of difference between two types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum What<'a> {
    /// An id without a type, on one side or on both.
    Missing {
        /// Whether there is a type on the left.
        left: bool,
        /// Whether there is a type on the right.
        right: bool,
    },
    /// The kind.
    Kind {
        /// On the left.
        left: Kind,
        /// On the right.
        right: Kind,
    },
    /// An unknown kind, which cannot be compared.
    Unknown {
        /// The kind.
        kind: Kind,
    },
    /// The number of members, values, parameters or variables.
    Elements {
        /// On the left.
        left: u32,
        /// On the right.
        right: u32,
    },
    /// A name; `None` if its string offset is invalid.
    Name {
        /// The element that has it; `None` for the name of the type itself.
        element: Option<u32>,
        /// On the left.
        left: Option<&'a BStr>,
        /// On the right.
        right: Option<&'a BStr>,
    },
    /// A number.
    Number {
        /// What it means.
        role: Role,
        /// The element that has it; `None` for one of the type itself.
        element: Option<u32>,
        /// On the left.
        left: u32,
        /// On the right.
        right: u32,
    },
    /// Something further away, or in longer names, than is looked for.
    Far,
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.path {
            write!(f, "{step} > ")?;
        }
        self.what.fmt(f)
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if !self.name.is_empty() {
            write!(f, " {}", self.name.escape_ascii())?;
        }
        match self.element {
            Some(_) if !self.element_name.is_empty() => write!(f, ".{}", self.element_name.escape_ascii()),
            Some(element) => write!(f, "[{element}]"),
            None if self.role == Role::IndexType => f.write_str(" index"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |element: &Option<u32>| element.map_or(String::new(), |element| format!(" of element {element}"));
        let name = |name: &Option<&BStr>| name.map_or("nothing".into(), |name| format!("\"{}\"", name.escape_ascii()));
        match self {
            Self::Missing { left: false, right: false } => f.write_str("no such type on either side"),
            Self::Missing { left, .. } => {
                write!(f, "no such type on the {}", if *left { "right" } else { "left" })
            }
            Self::Kind { left, right } => write!(f, "kind {left}, {right}"),
            Self::Unknown { kind } => write!(f, "kind number {}, which cannot be compared", kind.number()),
            Self::Elements { left, right } => write!(f, "{left} elements, {right} elements"),
            Self::Name { element, left, right } => {
                write!(f, "name{} {}, {}", place(element), name(left), name(right))
            }
            Self::Number { role, element, left, right } => write!(f, "{role:?}{} {left}, {right}", place(element)),
            Self::Far => f.write_str("something far away"),
        }
    }
}

impl<'a> Comparison<'a> {
    /// The first difference between two types, found along the shortest chain of references; `None` if they are the same.
    #[must_use]
    pub fn difference(&self, left: TypeId, right: TypeId, strength: Strength) -> Option<Difference<'a>> {
        find(self, left, right, strength.facet())
    }
}

/// A pair of types that differ, and the pair that refers to it.
struct TypePair<'a> {
    left: TypeId,
    right: TypeId,
    facet: Facet,
    from: Option<(usize, Step<'a>)>,
}

fn find<'a>(comparison: &Comparison<'a>, left: TypeId, right: TypeId, facet: Facet) -> Option<Difference<'a>> {
    if comparison.equal(facet, left, right) {
        return None;
    }
    let mut pairs = vec![TypePair { left, right, facet, from: None }];
    let mut seen = HashSet::from([(left, right, facet)]);
    let mut next = 0usize;
    let mut names = [comparison.left(), comparison.right()].map(NameBudget::of);
    while let Some(&TypePair { left, right, facet, .. }) = pairs.get(next) {
        let (types_left, types_right) = match (comparison.home(Side::Left, left), comparison.home(Side::Right, right)) {
            (Some(left), Some(right)) => (left, right),
            (on_left, on_right) => {
                let what = What::Missing { left: on_left.is_some(), right: on_right.is_some() };
                return Some(Difference { path: path(&pairs, next), left, right, what });
            }
        };
        if let Some(what) = local(types_left, types_right, facet, &mut names) {
            return Some(Difference { path: path(&pairs, next), left, right, what });
        }
        for ReferencePair { field, element_name, facet, left, right } in references(types_left, types_right, facet) {
            if pairs.len() < PAIRS && !comparison.equal(facet, left, right) && seen.insert((left, right, facet)) {
                let step = step(types_left, field, element_name);
                pairs.push(TypePair { left, right, facet, from: Some((next, step)) });
            }
        }
        next = next.saturating_add(1);
    }
    Some(Difference { path: Vec::new(), left, right, what: What::Far })
}

/// A type and the view to resolve it in.
type Home<'a> = (View<'a>, Type<'a>);

/// What differs in two types themselves.
fn local<'a>(
    (view_left, left): Home<'a>,
    (view_right, right): Home<'a>,
    facet: Facet,
    [names_left, names_right]: &mut [NameBudget; 2],
) -> Option<What<'a>> {
    let kind = left.kind();
    if kind != right.kind() {
        return Some(What::Kind { left: kind, right: right.kind() });
    }
    if kind.shape().is_none() {
        return Some(What::Unknown { kind });
    }
    let names_count = facet.element_names(is_named(view_left, &left));
    if names_count && left.fields().len() != right.fields().len() {
        return Some(What::Elements { left: left.vlen(), right: right.vlen() });
    }
    let mut differs = |(on_left, on_right): (Field, Field)| match (on_left.value(), on_right.value()) {
        (Value::Name(_), _) if on_left.element.is_some() && !names_count => None,
        (Value::Name(left), Value::Name(right)) => {
            let (left, right) = (names_left.get(view_left, left), names_right.get(view_right, right));
            if names_left.is_exhausted() || names_right.is_exhausted() {
                return Some(What::Far);
            }
            let differ = left.is_none() || left != right;
            differ.then_some(What::Name { element: on_left.element, left, right })
        }
        (Value::Number(left), Value::Number(right)) => {
            let counts = |raw| facet.number(kind, on_left.role, raw);
            let differ = counts(left) != counts(right);
            differ.then_some(What::Number { role: on_left.role, element: on_left.element, left, right })
        }
        _ => None,
    };
    left.fields().zip(right.fields()).find_map(&mut differs)
}

/// References in the same place of two types.
struct ReferencePair {
    /// The one on the left.
    field: Field,
    /// The name of the element that has it.
    element_name: StrOff,
    /// The facet in which what they land on has to be equal.
    facet: Facet,
    left: TypeId,
    right: TypeId,
}

/// The references of two types that agree in themselves.
fn references<'a>(
    (view, left): Home<'a>,
    (_, right): Home<'a>,
    facet: Facet,
) -> impl Iterator<Item = ReferencePair> + use<'a> {
    let deeper = match facet.reach(left.kind(), is_named(view, &left)) {
        Reach::No => None,
        Reach::Deep => Some(facet),
        Reach::Shallow => Some(Facet::Designation),
    };
    let mut element_name = StrOff::NONE;
    left.fields().zip(right.fields()).filter_map(move |(field, on_right)| match (field.value(), on_right.value()) {
        (Value::Name(name), _) if field.element.is_some() => {
            element_name = name;
            None
        }
        (Value::Type(left), Value::Type(right)) => {
            Some(ReferencePair { field, element_name, facet: deeper?, left, right })
        }
        _ => None,
    })
}

fn step<'a>((view, ty): Home<'a>, Field { role, element, .. }: Field, element_name: StrOff) -> Step<'a> {
    let [name, element_name] = [ty.name(), element_name].map(|name| view.string(name).unwrap_or_default());
    Step { kind: ty.kind(), name, role, element, element_name }
}

fn path<'a>(pairs: &[TypePair<'a>], mut place: usize) -> Vec<Step<'a>> {
    let mut path = Vec::new();
    while let Some((from, step)) = pairs.get(place).and_then(|pair| pair.from) {
        path.push(step);
        place = from;
    }
    path.reverse();
    path
}

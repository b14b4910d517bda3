//! The one comparison of types.
//!
//! Two types are compared where they are: each in a [`View`], which says what its ids and string offsets mean. So the same
//! bytes of a module can be compared with themselves over two bases, and any two types of any two BTFs.
//!
//! How much has to be equal is a [`Strength`]. All of them derive from [`Type::fields`], by what a field is: a name, a
//! number or a reference. Names are compared as the strings they resolve to and references as the types they land on,
//! never as offsets and ids (`facet` is the table of what counts where).
//!
//! # How it is decided
//!
//! References form cycles, so types that reach themselves are equal by coinduction: equal unless a difference can be
//! reached. That is bisimilarity, and the way to it without assumptions that could be cached too early is the coarsest
//! stable partition: all types of both sides start in blocks by what they show themselves, and blocks split until the
//! types of each refer to the same blocks (`refine`). Equal then means in the same block. With n references that takes
//! O(n log n) steps and no recursion, however deep or cyclic the input is.
//!
//! It is done in two layers. [`Bases`] partitions the types of two bases together, once, and is shared by all modules. A
//! [`Comparison`] then partitions the types of one module on either side, with each reference into a base standing for
//! that type's block. A type on top may equal one of a base, too: the few blocks of the bases that look like a type on
//! top to a depth of two references take part in the second partition (`ground`), so the two layers give what
//! partitioning everything at once would.
//!
//! A reference or a name that dangles, and a type of a kind that this crate does not know, cannot be known to be equal to
//! anything: such a type differs from every type, from itself seen from the other side too, and so does what has to be
//! equal to it. So does one whose names are too long: in all, the names that are compared may be 32 times as long as the
//! BTF. Types of a base are resolved in the base alone, as when the base was validated.

mod difference;
mod facet;
mod graph;
mod ground;
mod refine;

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use crate::{Btf, Type, TypeId, View};

pub use difference::{Difference, Step, What};
use facet::{Described, Facet};
use ground::{Ground, Top};

/// How much of two types has to be equal. Each strength includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// The kind and the name are equal, the names of the members, values or parameters are, and each reference lands on
    /// something that is written alike: of the same kind and name; where it has no name, as pointers, qualifiers, arrays,
    /// prototypes and anonymous structs have none, with members or parameters of the same names, and so on along its own
    /// references up to the next types with a name. `struct a *` and `struct b *` differ, `int [4]` and `int [8]` do not,
    /// nor do a `struct a *` and another that points to a `struct a` of other members. A forward declaration differs from
    /// the struct that it stands for.
    NameAndKind,
    /// In addition all numbers are equal: sizes, vlen, kflag, offsets of members, sizes of bit-fields, counts of arrays,
    /// values of enums, encodings of integers, linkage; and so they are in everything that is reached without passing
    /// through a pointer. What a pointer points to, a prototype included, is compared as by
    /// [`Strength::NameAndKind`] only. Equal layout means that a program may use the one for the other as long as it does
    /// not follow pointers.
    Layout,
    /// In addition everything that is reached through any chain of references is equal in all its fields.
    Closure,
}

impl Strength {
    /// All strengths, the weakest first.
    pub const ALL: [Self; 3] = [Self::NameAndKind, Self::Layout, Self::Closure];

    const fn facet(self) -> Facet {
        match self {
            Self::NameAndKind => Facet::Names,
            Self::Layout => Facet::Layout,
            Self::Closure => Facet::Closure,
        }
    }
}

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// The facets whose types form a graph that has to be partitioned.
#[derive(Debug)]
struct PerFacet<T> {
    designation: OnceLock<T>,
    layout: OnceLock<T>,
    closure: OnceLock<T>,
}

impl<T> PerFacet<T> {
    const fn new() -> Self {
        Self { designation: OnceLock::new(), layout: OnceLock::new(), closure: OnceLock::new() }
    }

    const fn get(&self, facet: Facet) -> &OnceLock<T> {
        match facet {
            Facet::Designation | Facet::Names => &self.designation,
            Facet::Layout => &self.layout,
            Facet::Closure => &self.closure,
        }
    }
}

/// Two bases and what is known of their types: made once and shared, also between threads, by the comparisons of many
/// modules. Cloning it is cheap and shares what is known. What a strength needs is worked out when it is first asked for.
#[derive(Debug, Clone)]
pub struct Bases<'a>(Arc<Grounds<'a>>);

#[derive(Debug)]
struct Grounds<'a> {
    /// Left, right.
    bases: [Base<'a>; 2],
    known: PerFacet<Ground>,
}

/// What is below one side.
#[derive(Debug, Clone, Copy)]
enum Base<'a> {
    /// A base.
    Of(&'a Btf<'a>),
    /// No base: only `void` is below this BTF.
    Below(&'a Btf<'a>),
}

impl<'a> Base<'a> {
    const fn of(view: View<'a>) -> Self {
        match view.base() {
            Some(base) => Self::Of(base),
            None => Self::Below(view.own()),
        }
    }

    /// The types below, `void` first, and the view to resolve them in.
    fn types(self) -> (View<'a>, impl Iterator<Item = Type<'a>>) {
        let (own, types) = match self {
            Self::Of(base) => (base, Some(base)),
            Self::Below(own) => (own, None),
        };
        (View::alone(own), core::iter::once(Type::VOID).chain(types.into_iter().flat_map(Btf::iter)))
    }
}

impl<'a> Bases<'a> {
    /// Two bases. They may be the same one.
    #[must_use]
    pub fn new(left: &'a Btf<'a>, right: &'a Btf<'a>) -> Self {
        Self::of([Base::Of(left), Base::Of(right)])
    }

    /// The two bases, left and right.
    #[must_use]
    pub fn both(&self) -> [&'a Btf<'a>; 2] {
        self.0.bases.map(|base| match base {
            Base::Of(base) | Base::Below(base) => base,
        })
    }

    /// Compares what is split over the left base with what is split over the right one.
    #[must_use]
    pub fn compare(&self, left: &'a Btf<'a>, right: &'a Btf<'a>) -> Comparison<'a> {
        let [base_left, base_right] = self.0.bases;
        let over = |own, base| match base {
            Base::Of(base) => View::over(own, base),
            Base::Below(_) => View::alone(own),
        };
        self.comparison(over(left, base_left), over(right, base_right))
    }

    fn of(bases: [Base<'a>; 2]) -> Self {
        Self(Arc::new(Grounds { bases, known: PerFacet::new() }))
    }

    fn comparison(&self, left: View<'a>, right: View<'a>) -> Comparison<'a> {
        Comparison { bases: self.clone(), views: [left, right], known: PerFacet::new() }
    }

    fn ground(&self, facet: Facet) -> &Ground {
        let Grounds { bases, known } = &*self.0;
        known.get(facet).get_or_init(|| match facet {
            Facet::Layout => {
                let designation = self.ground(Facet::Designation);
                Ground::new(*bases, facet, &|side, id| designation.class(side, id))
            }
            _ => Ground::new(*bases, facet, &|_, _| None),
        })
    }
}

/// Compares types of one view with types of another.
///
/// What it finds out it keeps, so asking about every type costs little more than asking about one. It can be shared between
/// threads.
#[derive(Debug)]
pub struct Comparison<'a> {
    bases: Bases<'a>,
    /// Left, right.
    views: [View<'a>; 2],
    known: PerFacet<Top>,
}

impl<'a> Comparison<'a> {
    /// Compares types of any two views. For many modules over the same two bases use [`Bases::compare`].
    #[must_use]
    pub fn new(left: View<'a>, right: View<'a>) -> Self {
        Bases::of([left, right].map(Base::of)).comparison(left, right)
    }

    /// The view on the left.
    #[must_use]
    pub const fn left(&self) -> View<'a> {
        self.views[0]
    }

    /// The view on the right.
    #[must_use]
    pub const fn right(&self) -> View<'a> {
        self.views[1]
    }

    /// Whether the type with the first id on the left equals the type with the second id on the right. An id that is none
    /// is equal to nothing.
    #[must_use]
    pub fn same(&self, left: TypeId, right: TypeId, strength: Strength) -> bool {
        self.equal(strength.facet(), left, right)
    }

    /// The first difference between two types, found along the shortest chain of references; `None` if they are the same.
    #[must_use]
    pub fn difference(&self, left: TypeId, right: TypeId, strength: Strength) -> Option<Difference<'a>> {
        difference::find(self, left, right, strength.facet())
    }

    fn equal(&self, facet: Facet, left: TypeId, right: TypeId) -> bool {
        match facet {
            Facet::Names => {
                let shown = |side, id| {
                    let (view, ty) = self.home(side, id)?;
                    let mut described = Described::in_view(view);
                    let shallow = |id| self.class(Facet::Designation, side, id);
                    described.describe(view, &ty, Facet::Names, &shallow).then_some(described.label)
                };
                shown(Side::Left, left).is_some_and(|left| Some(left) == shown(Side::Right, right))
            }
            facet => {
                let class = self.class(facet, Side::Left, left);
                class.is_some() && class == self.class(facet, Side::Right, right)
            }
        }
    }

    const fn view(&self, side: Side) -> View<'a> {
        match side {
            Side::Left => self.views[0],
            Side::Right => self.views[1],
        }
    }

    /// A type and the view in which it has to be resolved: that of the base for a type of the base.
    fn home(&self, side: Side, id: TypeId) -> Option<(View<'a>, Type<'a>)> {
        let view = self.view(side);
        let home = if view.is_own(id) { view } else { view.base_view().unwrap_or(view) };
        Some((home, view.get(id)?))
    }

    /// The number of the block that a type is in.
    fn class(&self, facet: Facet, side: Side, id: TypeId) -> Option<u32> {
        let first = self.view(side).first_id();
        match id.0.checked_sub(first.0) {
            None => self.bases.ground(facet).class(side, id),
            Some(place) => self.top(facet).class(side, place),
        }
    }

    fn top(&self, facet: Facet) -> &Top {
        self.known.get(facet).get_or_init(|| {
            let ground = self.bases.ground(facet);
            match facet {
                Facet::Layout => {
                    Top::new(ground, self.views, facet, &|side, id| self.class(Facet::Designation, side, id))
                }
                _ => Top::new(ground, self.views, facet, &|_, _| None),
            }
        })
    }
}

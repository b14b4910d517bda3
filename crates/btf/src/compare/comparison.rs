//! Comparing the types of two views, and the part that many modules share.

use std::sync::{Arc, OnceLock};

use super::base_partition::BasePartition;
use super::facet::{Described, Facet};
use super::side::{Base, Side};
use super::split_partition::SplitPartition;
use super::strength::Strength;
use crate::{Btf, Type, TypeId, View};

/// The facets whose types form a graph to be partitioned.
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

/// Two bases with the partitions of their types. Created once and shared, also between threads, by the comparisons of
/// many modules. Cloning is cheap and shares the partitions. Each partition is computed on first use.
#[derive(Debug, Clone)]
pub struct Bases<'a>(Arc<Shared<'a>>);

#[derive(Debug)]
struct Shared<'a> {
    /// The left and the right base.
    bases: [Base<'a>; 2],
    partitions: PerFacet<BasePartition>,
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
            Base::Of(base) | Base::None(base) => base,
        })
    }

    /// Compares split BTF over the left base with split BTF over the right base.
    #[must_use]
    pub fn compare(&self, left: &'a Btf<'a>, right: &'a Btf<'a>) -> Comparison<'a> {
        let [base_left, base_right] = self.0.bases;
        let over = |own, base| match base {
            Base::Of(base) => View::over(own, base),
            Base::None(_) => View::alone(own),
        };
        self.comparison(over(left, base_left), over(right, base_right))
    }

    fn of(bases: [Base<'a>; 2]) -> Self {
        Self(Arc::new(Shared { bases, partitions: PerFacet::new() }))
    }

    fn comparison(&self, left: View<'a>, right: View<'a>) -> Comparison<'a> {
        Comparison { bases: self.clone(), views: [left, right], partitions: PerFacet::new() }
    }

    fn partition(&self, facet: Facet) -> &BasePartition {
        let Shared { bases, partitions } = &*self.0;
        partitions.get(facet).get_or_init(|| match facet {
            Facet::Layout => {
                let designation = self.partition(Facet::Designation);
                BasePartition::new(*bases, facet, &|side, id| designation.block(side, id))
            }
            _ => BasePartition::new(*bases, facet, &|_, _| None),
        })
    }
}

/// Compares types of one view with types of another.
///
/// Results are kept, so comparing all types costs little more than comparing one. It can be shared between threads.
#[derive(Debug)]
pub struct Comparison<'a> {
    bases: Bases<'a>,
    /// The left and the right view.
    views: [View<'a>; 2],
    partitions: PerFacet<SplitPartition>,
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

    /// Whether type `left` of the left view equals type `right` of the right view. An id that does not exist equals
    /// nothing.
    #[must_use]
    pub fn same(&self, left: TypeId, right: TypeId, strength: Strength) -> bool {
        self.equal(strength.facet(), left, right)
    }

    /// The first type of the left base that equals a type on the left, including everything reachable from it. For a
    /// type of the left split, this shows whether the base also has it.
    #[must_use]
    pub fn in_left_base(&self, id: TypeId) -> Option<TypeId> {
        let block = self.block(Facet::Closure, Side::Left, id)?;
        self.bases.partition(Facet::Closure).first_on_left(block)
    }

    pub(super) fn equal(&self, facet: Facet, left: TypeId, right: TypeId) -> bool {
        match facet {
            Facet::Names => {
                let shown = |side, id| {
                    let (view, ty) = self.home(side, id)?;
                    let mut described = Described::in_view(view);
                    let shallow = |id| self.block(Facet::Designation, side, id);
                    described.describe(view, &ty, Facet::Names, &shallow).then_some(described.label)
                };
                shown(Side::Left, left).is_some_and(|left| Some(left) == shown(Side::Right, right))
            }
            facet => {
                let block = self.block(facet, Side::Left, left);
                block.is_some() && block == self.block(facet, Side::Right, right)
            }
        }
    }

    const fn view(&self, side: Side) -> View<'a> {
        match side {
            Side::Left => self.views[0],
            Side::Right => self.views[1],
        }
    }

    /// A type, and the view in which it is resolved: the base's own view for a type of the base.
    pub(super) fn home(&self, side: Side, id: TypeId) -> Option<(View<'a>, Type<'a>)> {
        let view = self.view(side);
        let home = if view.is_own(id) { view } else { view.base_view().unwrap_or(view) };
        Some((home, view.get(id)?))
    }

    /// The number of a type's block.
    fn block(&self, facet: Facet, side: Side, id: TypeId) -> Option<u32> {
        let first = self.view(side).first_id();
        match id.0.checked_sub(first.0) {
            None => self.bases.partition(facet).block(side, id),
            Some(place) => self.partition(facet).block(side, place),
        }
    }

    fn partition(&self, facet: Facet) -> &SplitPartition {
        self.partitions.get(facet).get_or_init(|| {
            let bases = self.bases.partition(facet);
            match facet {
                Facet::Layout => {
                    SplitPartition::new(bases, self.views, facet, &|side, id| self.block(Facet::Designation, side, id))
                }
                _ => SplitPartition::new(bases, self.views, facet, &|_, _| None),
            }
        })
    }
}

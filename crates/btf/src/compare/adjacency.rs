//! The labels of types, and their references.

use std::collections::HashMap;

use super::facet::{Described, Facet};
use crate::refine::index;
use crate::{Type, TypeId, View};

/// Numbers for labels. A base's labels are looked up; those of split BTF are added separately.
#[derive(Debug, Default)]
pub(super) struct Labels<'p> {
    below: Option<&'p Labels<'p>>,
    known: HashMap<Box<[u8]>, u32>,
    next: u32,
}

impl<'p> Labels<'p> {
    /// Labels for split BTF over a base with these labels.
    pub(super) fn over(below: &'p Labels<'p>) -> Self {
        Self { below: Some(below), known: HashMap::new(), next: below.next }
    }

    /// A number that belongs to no label.
    pub(super) fn fresh(&mut self) -> u32 {
        let fresh = self.next;
        self.next = self.next.saturating_add(1);
        fresh
    }

    fn number(&mut self, label: &[u8]) -> u32 {
        let known = self.below.and_then(|below| below.known.get(label)).or_else(|| self.known.get(label));
        if let Some(&number) = known {
            return number;
        }
        let number = self.fresh();
        self.known.insert(label.into(), number);
        number
    }
}

/// The types of one side: a label for each, and its references.
#[derive(Debug, Default)]
pub(super) struct Adjacency {
    labels: Vec<u32>,
    starts: Vec<u32>,
    targets: Vec<TypeId>,
}

impl Adjacency {
    pub(super) fn of<'t>(
        view: View<'_>,
        types: impl Iterator<Item = Type<'t>>,
        facet: Facet,
        labels: &mut Labels<'_>,
        shallow: &dyn Fn(TypeId) -> Option<u32>,
    ) -> Self {
        let mut adjacency = Self::default();
        let mut described = Described::in_view(view);
        for ty in types {
            adjacency.starts.push(index(adjacency.targets.len()));
            if described.describe(view, &ty, facet, shallow) {
                adjacency.labels.push(labels.number(&described.label));
                adjacency.targets.extend_from_slice(&described.targets);
            } else {
                adjacency.labels.push(labels.fresh());
            }
        }
        adjacency
    }

    pub(super) const fn len(&self) -> usize {
        self.labels.len()
    }

    /// The label and the references of the type at this position.
    pub(super) fn get(&self, place: usize) -> Option<(u32, &[TypeId])> {
        let start = *self.starts.get(place)? as usize;
        let end = place.checked_add(1).and_then(|next| self.starts.get(next));
        let end = end.map_or(self.targets.len(), |&end| end as usize);
        Some((*self.labels.get(place)?, self.targets.get(start..end)?))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &[TypeId])> {
        (0..self.len()).filter_map(|place| self.get(place))
    }
}

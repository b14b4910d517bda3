//! Types as nodes of a graph.

use std::collections::HashMap;

use super::facet::{Described, Facet};
use crate::{Type, TypeId, View};

/// Nodes with a label each and edges in order. Nodes are equal candidates if their labels are.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) labels: Vec<u32>,
    /// Where the edges of each node are in `edges`.
    pub(super) spans: Vec<(u32, u32)>,
    pub(super) edges: Vec<u32>,
}

/// The most edges that a node has. What has more gets them through nodes in between, since the time that a node takes each
/// time it is looked at grows with its edges, and the times that it is looked at do as well.
const WIDEST: usize = 64;

/// The label of the nodes in between.
const BETWEEN: u32 = u32::MAX;

impl Graph {
    /// This many nodes, to be set.
    pub(super) fn with_nodes(count: usize) -> Self {
        Self { labels: vec![BETWEEN; count], spans: vec![(0, 0); count], edges: Vec::new() }
    }

    /// Adds a node.
    pub(super) fn add(&mut self, label: u32) -> u32 {
        let node = index(self.labels.len());
        self.labels.push(label);
        self.spans.push((0, 0));
        node
    }

    /// Gives a node its label and its edges.
    pub(super) fn set(&mut self, node: u32, label: u32, edges: &[u32]) {
        if edges.len() > WIDEST {
            let between: Vec<u32> = edges
                .chunks(WIDEST)
                .map(|chunk| {
                    let node = self.add(BETWEEN);
                    self.set(node, BETWEEN, chunk);
                    node
                })
                .collect();
            return self.set(node, label, &between);
        }
        let start = index(self.edges.len());
        self.edges.extend_from_slice(edges);
        let place = node as usize;
        if let (Some(to), Some(span)) = (self.labels.get_mut(place), self.spans.get_mut(place)) {
            (*to, *span) = (label, (start, index(self.edges.len())));
        }
    }
}

/// The numbers of labels. Those of a base are looked up in, those of what is on top are added beside.
#[derive(Debug, Default)]
pub(super) struct Labels<'p> {
    below: Option<&'p Labels<'p>>,
    known: HashMap<Box<[u8]>, u32>,
    next: u32,
}

impl<'p> Labels<'p> {
    /// The labels of what lies on top of something.
    pub(super) fn over(below: &'p Labels<'p>) -> Self {
        Self { below: Some(below), known: HashMap::new(), next: below.next }
    }

    /// A number that no label has.
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

/// What the types of one side show: a label each and what they refer to.
#[derive(Debug, Default)]
pub(super) struct Links {
    labels: Vec<u32>,
    starts: Vec<u32>,
    targets: Vec<TypeId>,
}

impl Links {
    pub(super) fn of<'t>(
        view: View<'_>,
        types: impl Iterator<Item = Type<'t>>,
        facet: Facet,
        labels: &mut Labels<'_>,
        shallow: &dyn Fn(TypeId) -> Option<u32>,
    ) -> Self {
        let mut links = Self::default();
        let mut described = Described::in_view(view);
        for ty in types {
            links.starts.push(index(links.targets.len()));
            if described.describe(view, &ty, facet, shallow) {
                links.labels.push(labels.number(&described.label));
                links.targets.extend_from_slice(&described.targets);
            } else {
                links.labels.push(labels.fresh());
            }
        }
        links
    }

    pub(super) const fn len(&self) -> usize {
        self.labels.len()
    }

    /// The label and the targets of the type in this place.
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

/// BTF has less than 2³² words, so an index of one fits.
pub(super) fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

//! The partition of the types of two splits into blocks of equal types, together with the types of their bases.

use std::collections::{HashMap, HashSet};

use super::adjacency::{Adjacency, Labels};
use super::base_partition::{BasePartition, Shallow, colour};
use super::facet::Facet;
use super::side::Side;
use crate::refine::{Graph, index, refine};
use crate::{TypeId, View};

/// The types of two splits in one facet, by position.
#[derive(Debug)]
pub(super) struct SplitPartition {
    left: Vec<u32>,
    right: Vec<u32>,
}

impl SplitPartition {
    pub(super) fn new(bases: &BasePartition, views: [View<'_>; 2], facet: Facet, shallow: Shallow<'_>) -> Self {
        let mut labels = Labels::over(bases.labels());
        let [left, right] = views;
        let mut adjacency =
            |view: View<'_>, side| Adjacency::of(view, view.own().iter(), facet, &mut labels, &|id| shallow(side, id));
        let left = SplitSide { side: Side::Left, first: left.first_id(), adjacency: adjacency(left, Side::Left) };
        let right = SplitSide { side: Side::Right, first: right.first_id(), adjacency: adjacency(right, Side::Right) };
        let shift = index(left.adjacency.len());
        let mut graph = SplitGraph {
            bases,
            graph: Graph::with_nodes(left.adjacency.len().saturating_add(right.adjacency.len())),
            labels,
            nodes: HashMap::new(),
        };
        graph.unfold(left.colours(bases).into_iter().chain(right.colours(bases)));
        graph.lay(&left, 0);
        graph.lay(&right, shift);
        graph.blocks(left.adjacency.len(), right.adjacency.len())
    }

    /// The block of the type at this position.
    pub(super) fn block(&self, side: Side, place: u32) -> Option<u32> {
        let blocks = match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        };
        blocks.get(place as usize).copied()
    }
}

/// The types of the split on one side.
struct SplitSide {
    side: Side,
    first: TypeId,
    adjacency: Adjacency,
}

impl SplitSide {
    /// The colours of the types after two rounds.
    fn colours(&self, bases: &BasePartition) -> Vec<u64> {
        let place = |id: TypeId| id.0.checked_sub(self.first.0).map(|place| place as usize);
        let label = |&id: &TypeId| match place(id) {
            Some(place) => self.adjacency.get(place).map_or(u32::MAX, |(label, _)| label),
            None => bases.label(self.side, id),
        };
        let after_one =
            self.adjacency.iter().map(|(own, to)| colour(own.into(), to.iter().map(|id| u64::from(label(id)))));
        let after_one: Vec<u64> = after_one.collect();
        let of = |&id: &TypeId| match place(id) {
            Some(place) => after_one.get(place).copied().unwrap_or(0),
            None => bases.colour(self.side, id),
        };
        self.adjacency.iter().zip(&after_one).map(|((_, to), &own)| colour(own, to.iter().map(of))).collect()
    }
}

/// The graph of the splits' types, with a node for each participating block of the bases.
struct SplitGraph<'g> {
    bases: &'g BasePartition,
    graph: Graph,
    labels: Labels<'g>,
    nodes: HashMap<u32, u32>,
}

impl SplitGraph<'_> {
    /// Adds the bases' blocks of these colours with their labels and references, so that a split's type can be found
    /// equal to one of them.
    fn unfold(&mut self, colours: impl Iterator<Item = u64>) {
        let bases = self.bases;
        let mut unfolded = Vec::new();
        for colour in colours.collect::<HashSet<_>>() {
            for &(side, id) in bases.with_colour(colour) {
                let Some(block) = bases.block(side, id) else { continue };
                let node = self.graph.add(bases.label(side, id));
                self.nodes.insert(block, node);
                unfolded.push((node, side, id));
            }
        }
        let mut edges = Vec::new();
        for (node, side, id) in unfolded {
            let Some((label, targets)) = bases.get(side, id) else { continue };
            edges.clear();
            edges.extend(targets.iter().map(|&id| self.node(side, id)));
            self.graph.set(node, label, &edges);
        }
    }

    /// The node for the block of a base's type. A block that was not unfolded equals only itself.
    fn node(&mut self, side: Side, id: TypeId) -> u32 {
        let block = self.bases.block(side, id).unwrap_or(u32::MAX);
        *self.nodes.entry(block).or_insert_with(|| self.graph.add(self.labels.fresh()))
    }

    fn lay(&mut self, split: &SplitSide, shift: u32) {
        let mut edges = Vec::new();
        for (node, (label, targets)) in (shift..).zip(split.adjacency.iter()) {
            edges.clear();
            for &id in targets {
                edges.push(match id.0.checked_sub(split.first.0) {
                    Some(place) => place.saturating_add(shift),
                    None => self.node(split.side, id),
                });
            }
            self.graph.set(node, label, &edges);
        }
    }

    fn blocks(self, left: usize, right: usize) -> SplitPartition {
        let found = refine(&self.graph).blocks;
        let found_at = |node: u32| found.get(node as usize).copied();
        let of_bases: HashMap<Option<u32>, u32> =
            self.nodes.iter().map(|(&block, &node)| (found_at(node), block)).collect();
        let number = |block: u32| {
            let own = self.bases.next_block().saturating_add(block);
            of_bases.get(&Some(block)).copied().unwrap_or(own)
        };
        let mut blocks = found.iter().map(|&block| number(block));
        let left = blocks.by_ref().take(left).collect();
        SplitPartition { left, right: blocks.take(right).collect() }
    }
}

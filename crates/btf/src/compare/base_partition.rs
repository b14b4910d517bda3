//! The partition of the types of two bases into blocks of equal types.

use core::hash::Hasher;
use std::collections::{HashMap, HashSet};
use std::hash::DefaultHasher;

use super::adjacency::{Adjacency, Labels};
use super::facet::Facet;
use super::side::{Base, Side};
use crate::TypeId;
use crate::refine::{Graph, index, refine};

/// Returns the block of a type in [`Facet::Designation`].
pub(super) type Shallow<'s> = &'s dyn Fn(Side, TypeId) -> Option<u32>;

/// The types of two bases in one facet. `void` is included, so a type's position equals its id.
#[derive(Debug)]
pub(super) struct BasePartition {
    labels: Labels<'static>,
    left: BaseSide,
    right: BaseSide,
    /// The number of blocks, which is also the first number for blocks of the splits' types.
    next: u32,
    /// A type of each block, by its colour after two rounds.
    by_colour: HashMap<u64, Vec<(Side, TypeId)>>,
    /// The first type on the left in each block that has one.
    first_on_left: HashMap<u32, TypeId>,
}

/// The types of one base.
#[derive(Debug)]
struct BaseSide {
    adjacency: Adjacency,
    blocks: Vec<u32>,
    /// The colour of each type after one round.
    colours: Vec<u64>,
}

impl BasePartition {
    pub(super) fn new(bases: [Base<'_>; 2], facet: Facet, shallow: Shallow<'_>) -> Self {
        let mut labels = Labels::default();
        let [base_left, base_right] = bases;
        let mut adjacency = |base: Base<'_>, side| {
            let (view, types) = base.types();
            Adjacency::of(view, types, facet, &mut labels, &|id| shallow(side, id))
        };
        let (left, right) = (adjacency(base_left, Side::Left), adjacency(base_right, Side::Right));
        let mut graph = Graph::with_nodes(left.len().saturating_add(right.len()));
        lay(&mut graph, &left, 0, |id| id.0);
        let shift = index(left.len());
        lay(&mut graph, &right, shift, |id| id.0.saturating_add(shift));
        let blocks = refine(&graph).blocks;
        let (of_left, rest) = blocks.split_at_checked(left.len()).unwrap_or_default();
        let of_right = rest.get(..right.len()).unwrap_or_default();
        let next = blocks.iter().max().map_or(0, |&block| block.saturating_add(1));
        let side = |adjacency: Adjacency, blocks: &[u32]| {
            let label = |id: TypeId| adjacency.get(id.0 as usize).map_or(0, |(label, _)| u64::from(label));
            let colours =
                adjacency.iter().map(|(own, targets)| colour(own.into(), targets.iter().map(|&id| label(id))));
            let colours = colours.collect();
            BaseSide { adjacency, blocks: blocks.to_vec(), colours }
        };
        let mut first_on_left = HashMap::new();
        for (id, &block) in (0..).map(TypeId).zip(of_left) {
            first_on_left.entry(block).or_insert(id);
        }
        let (left, right) = (side(left, of_left), side(right, of_right));
        let mut partition = Self { labels, left, right, next, by_colour: HashMap::new(), first_on_left };
        partition.by_colour = partition.blocks_by_colour();
        partition
    }

    /// The block of a type of a base.
    pub(super) fn block(&self, side: Side, id: TypeId) -> Option<u32> {
        self.side(side).blocks.get(id.0 as usize).copied()
    }

    /// The first type of the left base in a block.
    pub(super) fn first_on_left(&self, block: u32) -> Option<TypeId> {
        self.first_on_left.get(&block).copied()
    }

    /// The first number for blocks of the splits' types.
    pub(super) const fn next_block(&self) -> u32 {
        self.next
    }

    /// The numbers of the labels.
    pub(super) const fn labels(&self) -> &Labels<'static> {
        &self.labels
    }

    /// A type of each block with this colour after two rounds.
    pub(super) fn with_colour(&self, colour: u64) -> &[(Side, TypeId)] {
        self.by_colour.get(&colour).map_or(&[], Vec::as_slice)
    }

    /// The label of a type, and its references.
    pub(super) fn get(&self, side: Side, id: TypeId) -> Option<(u32, &[TypeId])> {
        self.side(side).adjacency.get(id.0 as usize)
    }

    const fn side(&self, side: Side) -> &BaseSide {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }

    /// The colour of a type after one round.
    pub(super) fn colour(&self, side: Side, id: TypeId) -> u64 {
        self.side(side).colours.get(id.0 as usize).copied().unwrap_or(0)
    }

    pub(super) fn label(&self, side: Side, id: TypeId) -> u32 {
        self.side(side).adjacency.get(id.0 as usize).map_or(u32::MAX, |(label, _)| label)
    }

    fn blocks_by_colour(&self) -> HashMap<u64, Vec<(Side, TypeId)>> {
        let mut by_colour: HashMap<u64, Vec<(Side, TypeId)>> = HashMap::new();
        let mut seen = HashSet::new();
        for side in [Side::Left, Side::Right] {
            let BaseSide { adjacency, blocks, .. } = self.side(side);
            for ((id, (_, targets)), &block) in (0..).map(TypeId).zip(adjacency.iter()).zip(blocks) {
                if seen.insert(block) {
                    let after_two = colour(self.colour(side, id), targets.iter().map(|&id| self.colour(side, id)));
                    by_colour.entry(after_two).or_default().push((side, id));
                }
            }
        }
        by_colour
    }
}

/// One round of colour refinement: combines a type's colour and those of its references. Equal types have equal
/// colours. Colours only select the types that are worth comparing.
pub(super) fn colour(own: u64, targets: impl Iterator<Item = u64>) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(own);
    targets.for_each(|target| hasher.write_u64(target));
    hasher.finish()
}

/// Sets the labels and edges of the nodes from `first` on.
fn lay(graph: &mut Graph, adjacency: &Adjacency, first: u32, mut node: impl FnMut(TypeId) -> u32) {
    let mut edges = Vec::new();
    for (place, (label, targets)) in (first..).zip(adjacency.iter()) {
        edges.clear();
        edges.extend(targets.iter().map(|&id| node(id)));
        graph.set(place, label, &edges);
    }
}

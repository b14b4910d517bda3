//! The types of two bases, and those on top of them, in blocks of equal types.

use core::hash::Hasher;
use std::collections::{HashMap, HashSet};
use std::hash::DefaultHasher;

use super::facet::Facet;
use super::graph::{Graph, Labels, Links, index};
use super::refine::refine;
use super::{Base, Side};
use crate::{TypeId, View};

/// Gives the block of a type in [`Facet::Designation`].
pub(super) type Shallow<'s> = &'s dyn Fn(Side, TypeId) -> Option<u32>;

/// The types of two bases in one facet, `void` included, so that the place of a type is its id.
#[derive(Debug)]
pub(super) struct Ground {
    labels: Labels<'static>,
    left: Known,
    right: Known,
    /// The number of blocks: the first number for blocks of types on top.
    next: u32,
    /// For each block by what its types look like to a depth of two references, a type of it.
    looks: HashMap<u64, Vec<(Side, TypeId)>>,
}

/// What is known of the types of one base.
#[derive(Debug)]
struct Known {
    links: Links,
    classes: Vec<u32>,
    /// What a type looks like to a depth of one reference.
    near: Vec<u64>,
}

impl Ground {
    pub(super) fn new(bases: [Base<'_>; 2], facet: Facet, shallow: Shallow<'_>) -> Self {
        let mut labels = Labels::default();
        let [base_left, base_right] = bases;
        let mut links = |base: Base<'_>, side| {
            let (view, types) = base.types();
            Links::of(view, types, facet, &mut labels, &|id| shallow(side, id))
        };
        let (left, right) = (links(base_left, Side::Left), links(base_right, Side::Right));
        let mut graph = Graph::with_nodes(left.len().saturating_add(right.len()));
        lay(&mut graph, &left, 0, |id| id.0);
        let shift = index(left.len());
        lay(&mut graph, &right, shift, |id| id.0.saturating_add(shift));
        let blocks = refine(&graph);
        let (of_left, rest) = blocks.split_at_checked(left.len()).unwrap_or_default();
        let of_right = rest.get(..right.len()).unwrap_or_default();
        let next = blocks.iter().max().map_or(0, |&block| block.saturating_add(1));
        let known = |links: Links, classes: &[u32]| {
            let label = |id: TypeId| links.get(id.0 as usize).map_or(0, |(label, _)| u64::from(label));
            let near = links.iter().map(|(own, targets)| look(own.into(), targets.iter().map(|&id| label(id))));
            let near = near.collect();
            Known { links, classes: classes.to_vec(), near }
        };
        let (left, right) = (known(left, of_left), known(right, of_right));
        let mut ground = Self { labels, left, right, next, looks: HashMap::new() };
        ground.looks = ground.all_looks();
        ground
    }

    /// The block of a type of a base.
    pub(super) fn class(&self, side: Side, id: TypeId) -> Option<u32> {
        self.known(side).classes.get(id.0 as usize).copied()
    }

    const fn known(&self, side: Side) -> &Known {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }

    fn near(&self, side: Side, id: TypeId) -> u64 {
        self.known(side).near.get(id.0 as usize).copied().unwrap_or(0)
    }

    fn label(&self, side: Side, id: TypeId) -> u32 {
        self.known(side).links.get(id.0 as usize).map_or(u32::MAX, |(label, _)| label)
    }

    fn all_looks(&self) -> HashMap<u64, Vec<(Side, TypeId)>> {
        let mut looks: HashMap<u64, Vec<(Side, TypeId)>> = HashMap::new();
        let mut seen = HashSet::new();
        for side in [Side::Left, Side::Right] {
            for ((id, (_, targets)), &class) in (0..).zip(self.known(side).links.iter()).zip(&self.known(side).classes)
            {
                if seen.insert(class) {
                    let near = self.near(side, TypeId(id));
                    let far = look(near, targets.iter().map(|&id| self.near(side, id)));
                    looks.entry(far).or_default().push((side, TypeId(id)));
                }
            }
        }
        looks
    }
}

/// A type's own look and those of what it refers to, in one. Equal types look equal; nothing is decided by it but which
/// types are worth a closer look.
fn look(own: u64, targets: impl Iterator<Item = u64>) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(own);
    targets.for_each(|target| hasher.write_u64(target));
    hasher.finish()
}

/// Gives the nodes from `first` on the labels and edges of types.
fn lay(graph: &mut Graph, links: &Links, first: u32, mut node: impl FnMut(TypeId) -> u32) {
    let mut edges = Vec::new();
    for (place, (label, targets)) in (first..).zip(links.iter()) {
        edges.clear();
        edges.extend(targets.iter().map(|&id| node(id)));
        graph.set(place, label, &edges);
    }
}

/// The types on top of the two bases in one facet, by their place.
#[derive(Debug)]
pub(super) struct Top {
    left: Vec<u32>,
    right: Vec<u32>,
}

impl Top {
    pub(super) fn new(ground: &Ground, views: [View<'_>; 2], facet: Facet, shallow: Shallow<'_>) -> Self {
        let mut labels = Labels::over(&ground.labels);
        let [left, right] = views;
        let mut links =
            |view: View<'_>, side| Links::of(view, view.own().iter(), facet, &mut labels, &|id| shallow(side, id));
        let left = OnTop { side: Side::Left, first: left.first_id(), links: links(left, Side::Left) };
        let right = OnTop { side: Side::Right, first: right.first_id(), links: links(right, Side::Right) };
        let shift = index(left.links.len());
        let mut below = Below {
            ground,
            graph: Graph::with_nodes(left.links.len().saturating_add(right.links.len())),
            labels,
            nodes: HashMap::new(),
        };
        below.unfold(left.looks(ground).into_iter().chain(right.looks(ground)));
        below.lay(&left, 0);
        below.lay(&right, shift);
        below.blocks(left.links.len(), right.links.len())
    }

    /// The block of the type in this place.
    pub(super) fn class(&self, side: Side, place: u32) -> Option<u32> {
        let classes = match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        };
        classes.get(place as usize).copied()
    }
}

/// The types of one side that are on top.
struct OnTop {
    side: Side,
    first: TypeId,
    links: Links,
}

impl OnTop {
    /// What the types look like to a depth of two references.
    fn looks(&self, ground: &Ground) -> Vec<u64> {
        let place = |id: TypeId| id.0.checked_sub(self.first.0).map(|place| place as usize);
        let label = |&id: &TypeId| match place(id) {
            Some(place) => self.links.get(place).map_or(u32::MAX, |(label, _)| label),
            None => ground.label(self.side, id),
        };
        let near = self.links.iter().map(|(own, to)| look(own.into(), to.iter().map(|id| u64::from(label(id)))));
        let near: Vec<u64> = near.collect();
        let near_of = |&id: &TypeId| match place(id) {
            Some(place) => near.get(place).copied().unwrap_or(0),
            None => ground.near(self.side, id),
        };
        self.links.iter().zip(&near).map(|((_, to), &own)| look(own, to.iter().map(near_of))).collect()
    }
}

/// The graph of what is on top, with a node for each block below that takes part.
struct Below<'g> {
    ground: &'g Ground,
    graph: Graph,
    labels: Labels<'g>,
    nodes: HashMap<u32, u32>,
}

impl Below<'_> {
    /// Lets the blocks that look like this take part with their own label and references, so that what is on top can turn
    /// out to be equal to them.
    fn unfold(&mut self, looks: impl Iterator<Item = u64>) {
        let ground = self.ground;
        let mut unfolded = Vec::new();
        for look in looks.collect::<HashSet<_>>() {
            for &(side, id) in ground.looks.get(&look).into_iter().flatten() {
                let Some(class) = ground.class(side, id) else { continue };
                let node = self.graph.add(ground.label(side, id));
                self.nodes.insert(class, node);
                unfolded.push((node, side, id));
            }
        }
        let mut edges = Vec::new();
        for (node, side, id) in unfolded {
            let Some((label, targets)) = ground.known(side).links.get(id.0 as usize) else { continue };
            edges.clear();
            edges.extend(targets.iter().map(|&id| self.node(side, id)));
            self.graph.set(node, label, &edges);
        }
    }

    /// The node of the block of a type below. Unless it was unfolded it is equal to itself only.
    fn node(&mut self, side: Side, id: TypeId) -> u32 {
        let class = self.ground.class(side, id).unwrap_or(u32::MAX);
        *self.nodes.entry(class).or_insert_with(|| self.graph.add(self.labels.fresh()))
    }

    fn lay(&mut self, top: &OnTop, shift: u32) {
        let mut edges = Vec::new();
        for (node, (label, targets)) in (shift..).zip(top.links.iter()) {
            edges.clear();
            for &id in targets {
                edges.push(match id.0.checked_sub(top.first.0) {
                    Some(place) => place.saturating_add(shift),
                    None => self.node(top.side, id),
                });
            }
            self.graph.set(node, label, &edges);
        }
    }

    fn blocks(self, left: usize, right: usize) -> Top {
        let blocks = refine(&self.graph);
        let block = |node: u32| blocks.get(node as usize).copied();
        let below: HashMap<Option<u32>, u32> = self.nodes.iter().map(|(&class, &node)| (block(node), class)).collect();
        let class = |block: u32| {
            let own = self.ground.next.saturating_add(block);
            below.get(&Some(block)).copied().unwrap_or(own)
        };
        let mut classes = blocks.iter().map(|&block| class(block));
        let left = classes.by_ref().take(left).collect();
        Top { left, right: classes.take(right).collect() }
    }
}

//! The coarsest stable partition of a graph: colour refinement.
//!
//! Nodes start in blocks by label. Blocks are split until all nodes of a block point to the same blocks, edge by
//! edge. Then two nodes are in one block exactly if no walk along the edges finds a difference: they are bisimilar.
//!
//! A block whose nodes point to different blocks is split. Then the nodes that point to a node with a new block
//! number are visited again. The largest part of a split block keeps its number. So a node gets a new number at most
//! log₂ n times, and the time is O(n log n) for nodes with few edges (Hopcroft's argument). [`Partition::visits`]
//! counts the visits.
#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "nodes, blocks and edges are numbered in this module and its graph; none of these numbers is read from input"
)]

mod graph;

use std::collections::HashMap;

pub use graph::Graph;
pub(crate) use graph::index;

/// A partition of nodes into blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The number of each node's block.
    pub blocks: Vec<u32>,
    /// The number of visits to nodes: the work that was done.
    pub visits: u64,
}

/// Computes the coarsest partition in which the nodes of a block have the same label and point to the same blocks.
#[must_use]
pub fn refine(graph: &Graph) -> Partition {
    let mut partition = Refinement::by_label(graph);
    let into = Into::of(graph);
    while let Some(block) = partition.worklist.pop() {
        for moved in partition.split(graph, block) {
            let moved = partition.order[moved.start as usize..moved.end as usize].to_vec();
            for node in moved {
                for &from in into.of_node(node) {
                    partition.invalidate(from);
                }
            }
        }
    }
    Partition { blocks: partition.block_of, visits: partition.visits }
}

/// The edges into each node.
struct Into {
    starts: Vec<u32>,
    from: Vec<u32>,
}

impl Into {
    fn of(graph: &Graph) -> Self {
        let mut starts = vec![0u32; graph.labels.len() + 1];
        for &to in &graph.edges {
            starts[to as usize + 1] += 1;
        }
        for node in 1..starts.len() {
            starts[node] += starts[node - 1];
        }
        let mut next = starts.clone();
        let mut from = vec![0; graph.edges.len()];
        for (node, &(start, end)) in graph.spans.iter().enumerate() {
            for &to in &graph.edges[start as usize..end as usize] {
                let slot = &mut next[to as usize];
                from[*slot as usize] = index(node);
                *slot += 1;
            }
        }
        Self { starts, from }
    }

    fn of_node(&self, node: u32) -> &[u32] {
        let node = node as usize;
        &self.from[self.starts[node] as usize..self.starts[node + 1] as usize]
    }
}

/// A block: a range of `order`. The nodes from `settled` on must be visited. Those before it all point to the same
/// blocks.
#[derive(Clone, Copy)]
struct Block {
    start: u32,
    settled: u32,
    end: u32,
}

/// A partition during refinement.
struct Refinement {
    block_of: Vec<u32>,
    /// The nodes, block by block.
    order: Vec<u32>,
    /// The position of each node in `order`.
    place: Vec<u32>,
    blocks: Vec<Block>,
    /// The blocks with nodes to visit.
    worklist: Vec<u32>,
    visits: u64,
}

impl Refinement {
    fn by_label(graph: &Graph) -> Self {
        let count = graph.labels.len();
        let mut numbers = HashMap::new();
        let mut block_of = Vec::with_capacity(count);
        for &label in &graph.labels {
            let next = index(numbers.len());
            block_of.push(*numbers.entry(label).or_insert(next));
        }
        let mut order: Vec<u32> = (0..index(count)).collect();
        order.sort_by_key(|&node| block_of[node as usize]);
        let mut place = vec![0; count];
        let mut blocks: Vec<Block> = Vec::with_capacity(numbers.len());
        for (at, &node) in (0..).zip(&order) {
            place[node as usize] = at;
            if block_of[node as usize] as usize == blocks.len() {
                blocks.push(Block { start: at, settled: at, end: at });
            }
            blocks[block_of[node as usize] as usize].end = at + 1;
        }
        let worklist = (0..index(blocks.len())).rev().collect();
        Self { block_of, order, place, blocks, worklist, visits: 0 }
    }

    /// Records that a node points to another block than before.
    fn invalidate(&mut self, node: u32) {
        let number = self.block_of[node as usize];
        let block = &mut self.blocks[number as usize];
        let place = self.place[node as usize];
        if place >= block.settled || block.end - block.start == 1 {
            return;
        }
        if block.settled == block.end {
            self.worklist.push(number);
        }
        block.settled -= 1;
        let last = block.settled;
        self.swap(place, last);
    }

    fn swap(&mut self, a: u32, b: u32) {
        self.order.swap(a as usize, b as usize);
        for place in [a, b] {
            self.place[self.order[place as usize] as usize] = place;
        }
    }

    /// Splits a block by the targets of its nodes, and returns the new blocks.
    fn split(&mut self, graph: &Graph, number: u32) -> Vec<Block> {
        let Block { start, settled, end } = self.blocks[number as usize];
        self.visits += u64::from(end - settled);
        let mut signatures = Signatures::default();
        let model = (start < settled).then(|| signatures.add(graph, &self.block_of, self.order[start as usize]));
        let mut unsettled: Vec<Signature> = self.order[settled as usize..end as usize]
            .iter()
            .map(|&node| signatures.add(graph, &self.block_of, node))
            .collect();
        let of = |node: &Signature| &signatures.words[node.start..node.end];
        // Nodes with the same targets as the settled ones are sorted first.
        unsettled.sort_unstable_by(|a, b| {
            let differs = |node| model.as_ref().is_some_and(|model| of(node) != of(model));
            (differs(a), of(a)).cmp(&(differs(b), of(b))).then(a.node.cmp(&b.node))
        });
        let mut parts: Vec<Block> = Vec::new();
        if start < settled {
            parts.push(Block { start, settled, end: settled });
        }
        let mut last = model.as_ref();
        for (at, node) in (settled..).zip(&unsettled) {
            self.order[at as usize] = node.node;
            self.place[node.node as usize] = at;
            if last.is_none_or(|last| of(last) != of(node)) {
                parts.push(Block { start: at, settled: at, end: at });
            }
            if let Some(part) = parts.last_mut() {
                (part.settled, part.end) = (at + 1, at + 1);
            }
            last = Some(node);
        }
        self.number(number, parts)
    }

    /// The largest part keeps the number, and the others get new ones.
    fn number(&mut self, number: u32, mut parts: Vec<Block>) -> Vec<Block> {
        let largest = (0..parts.len()).max_by_key(|&part| parts[part].end - parts[part].start);
        if let Some(largest) = largest {
            self.blocks[number as usize] = parts.swap_remove(largest);
        }
        for part in &parts {
            let new = index(self.blocks.len());
            self.blocks.push(*part);
            for &node in &self.order[part.start as usize..part.end as usize] {
                self.block_of[node as usize] = new;
            }
        }
        parts
    }
}

/// The targets of nodes.
#[derive(Default)]
struct Signatures {
    words: Vec<u32>,
}

/// A node and the range of its targets in the signatures.
struct Signature {
    node: u32,
    start: usize,
    end: usize,
}

impl Signatures {
    fn add(&mut self, graph: &Graph, block_of: &[u32], node: u32) -> Signature {
        let start = self.words.len();
        let (from, to) = graph.spans[node as usize];
        self.words.extend(graph.edges[from as usize..to as usize].iter().map(|&to| block_of[to as usize]));
        Signature { node, start, end: self.words.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain of nodes with equal labels whose last node points to itself.
    fn chain(length: u32) -> Graph {
        let mut graph = Graph::with_nodes(length as usize);
        for node in 0..length {
            let last = node + 1 == length;
            graph.set(node, u32::from(last), &[if last { node } else { node + 1 }]);
        }
        graph
    }

    #[test]
    fn refine_tells_nodes_apart_by_what_they_lead_to() {
        let mut graph = Graph::with_nodes(4);
        for (node, label, to) in [(0, 5, 1), (1, 5, 0), (2, 5, 3), (3, 7, 3)] {
            graph.set(node, label, &[to]);
        }
        let blocks = refine(&graph).blocks;
        assert_eq!(blocks[0], blocks[1]);
        assert!(blocks[2] != blocks[0] && blocks[3] != blocks[2]);
    }

    #[test]
    fn refine_visits_the_nodes_of_a_chain_a_bounded_number_of_times() {
        for length in [1000, 10_000, 100_000] {
            let partition = refine(&chain(length));
            let blocks: std::collections::HashSet<_> = partition.blocks.iter().collect();
            assert_eq!(blocks.len(), length as usize);
            assert!(partition.visits <= u64::from(length) * 4, "{} visits of {length} nodes", partition.visits);
        }
    }
}

//! Graphs to partition.

/// Nodes with labels and ordered edges. Two nodes can be in one block only if their labels are equal.
#[derive(Debug, Default)]
pub struct Graph {
    pub(super) labels: Vec<u32>,
    /// The range of each node's edges in `edges`.
    pub(super) spans: Vec<(u32, u32)>,
    pub(super) edges: Vec<u32>,
}

/// The maximum number of edges of a node. More edges are distributed over intermediate nodes, because both the time
/// for a visit of a node and the number of visits grow with its edges.
const WIDEST: usize = 64;

/// The label of the intermediate nodes.
const BETWEEN: u32 = u32::MAX;

impl Graph {
    /// A graph with this many nodes, each to be [set](Graph::set).
    #[must_use]
    pub fn with_nodes(count: usize) -> Self {
        Self { labels: vec![BETWEEN; count], spans: vec![(0, 0); count], edges: Vec::new() }
    }

    /// Adds a node. Its label must be less than `u32::MAX`.
    pub fn add(&mut self, label: u32) -> u32 {
        let node = index(self.labels.len());
        self.labels.push(label);
        self.spans.push((0, 0));
        node
    }

    /// Sets a node's label, which must be less than `u32::MAX`, and its edges.
    pub fn set(&mut self, node: u32, label: u32, edges: &[u32]) {
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

/// Converts a length to 32 bits, which suffice for nodes and edges: BTF has fewer words.
pub(crate) fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

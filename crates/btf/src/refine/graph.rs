//! Graphs to be partitioned.

/// Nodes with a label each and edges in order. Two nodes can only be in one block if their labels are equal.
#[derive(Debug, Default)]
pub struct Graph {
    pub(super) labels: Vec<u32>,
    /// Where the edges of each node are in `edges`.
    pub(super) spans: Vec<(u32, u32)>,
    pub(super) edges: Vec<u32>,
}

/// The most edges of a node. A node with more gets them through nodes in between: both the time that a visit of a node takes and
/// the number of visits grow with its edges.
const WIDEST: usize = 64;

/// The label of the nodes in between.
const BETWEEN: u32 = u32::MAX;

impl Graph {
    /// This many nodes, each to be [set](Graph::set).
    #[must_use]
    pub fn with_nodes(count: usize) -> Self {
        Self { labels: vec![BETWEEN; count], spans: vec![(0, 0); count], edges: Vec::new() }
    }

    /// Adds a node. Labels are less than `u32::MAX`.
    pub fn add(&mut self, label: u32) -> u32 {
        let node = index(self.labels.len());
        self.labels.push(label);
        self.spans.push((0, 0));
        node
    }

    /// Gives a node its label, which is less than `u32::MAX`, and its edges.
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

/// Nodes and edges are numbered with 32 bits: BTF has fewer words.
pub(crate) fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

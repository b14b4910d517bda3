//! Whether two encoders write the same types for one file.
//!
//! Ids, the order of types and the order of strings have no meaning. So types are compared by what can be reached from them: the
//! types of both sides are put into blocks ([`btf::refine`]) such that types of one block agree in kind, names and numbers, and
//! their references lead to types of one block again. Both sides are over the same base. A type of the base equals itself only,
//! so a reference to one of two equal types of the base differs from a reference to the other. The two sides have the same types
//! if they have equally many types of every block.
//!
//! [`btf::compare`] decides otherwise in two points: it compares over two bases, whose types it compares as well, and there a type
//! that cannot be resolved equals nothing.
//!
//! [`BaseTypes`] finds the types of a split that its base has, too.

mod minimal;

use std::collections::HashMap;

use btf::refine::{Graph, refine};
use btf::{StrOff, TypeId, Value, View};

pub use minimal::{BaseTypes, Repeated};

/// The types that only one side has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Differences {
    /// On the left.
    pub left: Vec<TypeId>,
    /// On the right.
    pub right: Vec<TypeId>,
    /// How many types both sides have.
    pub common: usize,
}

impl Differences {
    /// Whether both sides have the same types.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left.is_empty() && self.right.is_empty()
    }
}

/// The types that are on one side only, of two views over one base.
#[must_use]
pub fn differences(left: View<'_>, right: View<'_>) -> Differences {
    let blocks = Blocks::of([left, right], [&[], &[]]);
    let only_left = surplus(left, &blocks.left, &count(&blocks.right));
    let only_right = surplus(right, &blocks.right, &count(&blocks.left));
    let common = blocks.left.len().saturating_sub(only_left.len());
    Differences { left: only_left, right: only_right, common }
}

/// How often each block is there.
fn count(blocks: &[u32]) -> HashMap<u32, usize> {
    let mut counts = HashMap::new();
    for &block in blocks {
        *counts.entry(block).or_default() += 1;
    }
    counts
}

/// The types of a side for which the other side, which has this many types of each block, has none left.
fn surplus(view: View<'_>, blocks: &[u32], others: &HashMap<u32, usize>) -> Vec<TypeId> {
    let mut taken: HashMap<u32, usize> = HashMap::new();
    let types = view.own_types().zip(blocks);
    types
        .filter_map(|((id, _), block)| {
            let taken = taken.entry(*block).or_default();
            *taken += 1;
            (*taken > others.get(block).copied().unwrap_or(0)).then_some(id)
        })
        .collect()
}

/// The blocks of the types of both sides.
#[derive(Debug)]
struct Blocks {
    left: Vec<u32>,
    right: Vec<u32>,
    /// How often a type was visited to find them.
    #[cfg_attr(not(test), expect(dead_code, reason = "it bounds the work in tests"))]
    visits: u64,
}

impl Blocks {
    /// Compares the types of both sides. Those of `stand_ins` are taken for the type of the base that they stand for.
    fn of(views: [View<'_>; 2], stand_ins: [&[Option<TypeId>]; 2]) -> Self {
        let [left, right] = views.map(|view| view.own().len());
        let mut graph = Graph::with_nodes(left as usize + right as usize);
        let mut labels = Labels::default();
        for ((view, stand_ins), first) in views.into_iter().zip(stand_ins).zip([0, left]) {
            Side { view, stand_ins, first }.add_to(&mut graph, &mut labels);
        }
        let found = refine(&graph);
        let mut blocks = found.blocks;
        blocks.truncate(left as usize + right as usize);
        let right = blocks.split_off(left as usize);
        Self { left: blocks, right, visits: found.visits }
    }
}

/// The types of one side as nodes of a graph.
struct Side<'s> {
    view: View<'s>,
    stand_ins: &'s [Option<TypeId>],
    /// The node of the first type.
    first: u32,
}

/// What a reference leads to.
enum Target {
    /// A type of this side.
    Node(u32),
    /// `void` or a type of the base.
    OfBase(TypeId),
    /// No type.
    Nothing,
}

impl Side<'_> {
    fn add_to(&self, graph: &mut Graph, labels: &mut Labels) {
        let mut names: HashMap<StrOff, u32> = HashMap::new();
        let mut edges = Vec::new();
        for (node, (id, ty)) in (self.first..).zip(self.view.own_types()) {
            let mut label: Vec<u32> = Vec::new();
            edges.clear();
            if let Target::OfBase(TypeId(id)) = self.target(id) {
                label.push(id);
            } else {
                // No type of the base has such a label.
                label.extend([0, 0]);
                for field in ty.fields() {
                    match field.value() {
                        Value::Name(name) => {
                            let number = || labels.name(self.view.string(name).map(|name| name.as_ref()));
                            label.push(*names.entry(name).or_insert_with(number));
                        }
                        Value::Number(number) => label.push(number),
                        Value::Type(id) => match self.target(id) {
                            Target::Node(node) => {
                                label.push(0);
                                edges.push(node);
                            }
                            Target::OfBase(TypeId(id)) => label.extend([1, id]),
                            Target::Nothing => label.push(2),
                        },
                    }
                }
            }
            graph.set(node, labels.number(label), &edges);
        }
    }

    fn target(&self, id: TypeId) -> Target {
        let Some(place) = id.0.checked_sub(self.view.first_id().0) else { return Target::OfBase(id) };
        match self.stand_ins.get(place as usize).copied().flatten() {
            Some(of_base) => Target::OfBase(of_base),
            None if self.view.is_own(id) => Target::Node(self.first.saturating_add(place)),
            None => Target::Nothing,
        }
    }
}

/// Numbers for what types show themselves, and for names.
#[derive(Debug, Default)]
struct Labels {
    labels: HashMap<Vec<u32>, u32>,
    names: HashMap<Option<Box<[u8]>>, u32>,
}

impl Labels {
    fn number(&mut self, label: Vec<u32>) -> u32 {
        let next = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        *self.labels.entry(label).or_insert(next)
    }

    /// The number of a name; of `None`, if it cannot be resolved.
    fn name(&mut self, name: Option<&[u8]>) -> u32 {
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        *self.names.entry(name.map(Into::into)).or_insert(next)
    }
}

#[cfg(test)]
mod tests {
    use btf::{Btf, Builder, Endian, Kind, Record};

    use super::*;

    /// A chain of pointers to a type of this name.
    fn chain(length: u32, name: &str) -> Vec<u8> {
        let mut builder = Builder::new(Endian::Little);
        let name = builder.add_string(name).expect("no NUL");
        builder.add(&Record::reference(Kind::Fwd, name, TypeId::VOID)).expect("well-formed");
        for target in 1..=length {
            builder.add(&Record::reference(Kind::Ptr, StrOff::NONE, TypeId(target))).expect("well-formed");
        }
        builder.to_bytes().expect("small")
    }

    #[test]
    fn blocks_of_chains_take_a_bounded_number_of_visits() {
        for length in [1000, 4000, 16_000] {
            let [one, other] = ["one", "other"].map(|name| chain(length, name));
            let [one, other] = [&one, &other].map(|bytes| Btf::parse(bytes).expect("valid"));
            let blocks = Blocks::of([one.alone(), other.alone()], [&[], &[]]);
            assert!(blocks.left.iter().all(|block| !blocks.right.contains(block)) || length > 1000);
            let types = u64::from(one.len() + other.len());
            assert!(blocks.visits <= types * 4, "{} visits of {types} types", blocks.visits);
        }
    }
}

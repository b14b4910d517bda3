//! Types by what they mean, whichever of several copies of a type they refer to.
//!
//! BTF of real kernels has types more than once. Where some units only declare a struct and others define it, libbpf keeps
//! what refers to the one apart from what refers to the other (`btf_dedup_is_equiv` in its `btf.c`), and of what a module
//! brings it merges nothing into the base for which it would have to take a declaration of the base for the definition. Which
//! of the copies something refers to then says nothing about the program. So the classes here take all definitions of a name
//! for one, and a declaration for the definition, as long as the definitions are the same in all else: a name that means two
//! different things is not excused.
//!
//! A named struct, union or enum is known by its name; all other types by the fields that they show and the classes of what
//! they refer to. Names whose definitions turn out to differ lose that privilege, and are known by what they show as well,
//! until no more do. Types that refer to themselves without passing through a named struct or union are only known to be the
//! same if they were looked at from the same distance: they may be told apart where they need not be, never the other way.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use btf::{BStr, Btf, Kind, Type, TypeId, Value, View};

/// What types mean; equal for types that mean the same.
pub(crate) type Class = u64;

/// The class of `void`.
const VOID: Class = 1;
/// That of what is not there.
const DANGLING: Class = 2;

/// How far types are followed that refer to themselves without passing through a name.
const MAX_DISTANCE: usize = 200;

/// What a named type is an instance of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Group {
    Struct,
    Union,
    Enum,
}

type Name<'a> = (Group, &'a BStr);

/// What is known of a name of the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// It is only declared.
    Declared,
    /// All its definitions show the same.
    One(u64),
    /// Its definitions differ.
    Several,
}

/// The types of a base by their meaning: made once, and used for everything over that base.
#[derive(Debug)]
pub(crate) struct Meanings<'a> {
    /// By id.
    classes: Vec<Class>,
    names: HashMap<Name<'a>, Named>,
    /// Those of definitions, and those of declarations.
    present: [HashSet<Class>; 2],
}

/// A type of one side by its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Meaning {
    /// What it means.
    pub(crate) class: Class,
    /// Whether it only declares it.
    pub(crate) declares: bool,
}

impl<'a> Meanings<'a> {
    /// Those of the types of a base; without one there is `void` alone.
    pub(crate) fn of(base: Option<&'a Btf<'a>>) -> Self {
        let none = Self { classes: vec![VOID], names: HashMap::new(), present: [HashSet::new(), HashSet::new()] };
        let Some(base) = base else { return none };
        let mut graph = Graph::over(&none);
        graph.add(View::alone(base));
        let (classes, names) = graph.solve();
        let mut present = [HashSet::new(), HashSet::new()];
        for (node, class) in graph.nodes.iter().zip(&classes) {
            present[usize::from(node.declares)].insert(*class);
        }
        let classes = std::iter::once(VOID).chain(classes).collect();
        Self { classes, names, present }
    }

    /// Those of the types of several sides over this base, in the order of [`View::own_types`].
    pub(crate) fn classes(&self, sides: &[View<'a>]) -> Vec<Vec<Meaning>> {
        let mut graph = Graph::over(self);
        let ends: Vec<usize> = sides.iter().map(|side| graph.add(*side)).collect();
        let (classes, _) = graph.solve();
        let of = |(node, class): (&Node<'_>, &Class)| Meaning { class: *class, declares: node.declares };
        let all: Vec<Meaning> = graph.nodes.iter().zip(&classes).map(of).collect();
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(&ends).map(|(start, end)| all.get(start..*end).unwrap_or_default().to_vec()).collect()
    }

    /// Whether the base has a type of this meaning.
    pub(crate) fn has(&self, meaning: Meaning) -> bool {
        let [defined, declared] = &self.present;
        defined.contains(&meaning.class) || (meaning.declares && declared.contains(&meaning.class))
    }
}

/// A type whose class is looked for.
#[derive(Debug)]
struct Node<'a> {
    /// What it shows itself.
    label: u64,
    references: Vec<Reference>,
    name: Option<Name<'a>>,
    declares: bool,
}

#[derive(Debug, Clone, Copy)]
enum Reference {
    /// To another node.
    Node(usize),
    /// To something that is known.
    Known(Class),
}

struct Graph<'m, 'a> {
    base: &'m Meanings<'a>,
    nodes: Vec<Node<'a>>,
}

impl<'m, 'a> Graph<'m, 'a> {
    const fn over(base: &'m Meanings<'a>) -> Self {
        Self { base, nodes: Vec::new() }
    }

    /// Adds the types of a side; gives back how many nodes there are then.
    fn add(&mut self, view: View<'a>) -> usize {
        let start = self.nodes.len();
        let first = view.first_id();
        let reference = |id: TypeId| match id.0.checked_sub(first.0) {
            Some(place) if view.is_own(id) => Reference::Node(start.saturating_add(place as usize)),
            Some(_) => Reference::Known(DANGLING),
            None => Reference::Known(self.base.classes.get(id.0 as usize).copied().unwrap_or(DANGLING)),
        };
        let nodes: Vec<Node<'a>> = view.own_types().map(|(_, ty)| node(view, &ty, reference)).collect();
        self.nodes.extend(nodes);
        self.nodes.len()
    }

    /// The class of each node, and what is known of each name then.
    fn solve(&self) -> (Vec<Class>, HashMap<Name<'a>, Named>) {
        let mut demoted: Vec<bool> = self.nodes.iter().map(|node| self.is_several(node)).collect();
        loop {
            let classes = self.unfold(&demoted);
            let names = self.names(&classes, &demoted);
            let before = demoted.iter().filter(|demoted| **demoted).count();
            for (place, node) in self.nodes.iter().enumerate() {
                let known = node.name.and_then(|name| names.get(&name));
                demoted[place] |= match known {
                    Some(Named::Several) => true,
                    Some(Named::One(shape)) if !node.declares => self.shape(node, &classes) != *shape,
                    _ => false,
                };
            }
            if demoted.iter().filter(|demoted| **demoted).count() == before {
                return (classes, names);
            }
        }
    }

    /// Whether the definitions of a node's name differ in the base already.
    fn is_several(&self, node: &Node<'a>) -> bool {
        node.name.is_some_and(|name| self.base.names.get(&name) == Some(&Named::Several))
    }

    /// Classes as far as names that were demoted tell them.
    fn unfold(&self, demoted: &[bool]) -> Vec<Class> {
        let by_name = |(node, demoted): (&Node<'a>, &bool)| match node.name {
            Some((group, name)) if !demoted => Some(mix(mix(3, group as u64), bytes(name))),
            _ => None,
        };
        let fixed: Vec<Option<Class>> = self.nodes.iter().zip(demoted).map(by_name).collect();
        let mut classes: Vec<Class> =
            self.nodes.iter().zip(&fixed).map(|(node, fixed)| fixed.unwrap_or(node.label)).collect();
        let (mut count, mut changing) = (0, usize::MAX);
        for _ in 0..MAX_DISTANCE {
            let next: Vec<Class> = self
                .nodes
                .iter()
                .zip(&fixed)
                .map(|(node, fixed)| fixed.unwrap_or_else(|| self.shape(node, &classes)))
                .collect();
            let changed = next.iter().zip(&classes).filter(|(next, class)| next != class).count();
            let distinct = next.iter().collect::<HashSet<_>>().len();
            classes = next;
            // What lies deeper settles round by round, so fewer change each time until only those in circles do.
            if changed == 0 || (changed >= changing && distinct <= count) {
                break;
            }
            (count, changing) = (distinct, changed);
        }
        classes
    }

    /// What a node shows, as far as the classes tell.
    fn shape(&self, node: &Node<'a>, classes: &[Class]) -> u64 {
        node.references.iter().fold(node.label, |hash, reference| match *reference {
            Reference::Node(place) => mix(hash, classes.get(place).copied().unwrap_or(DANGLING)),
            Reference::Known(class) => mix(hash, class),
        })
    }

    /// What is known of the names, the base's first.
    fn names(&self, classes: &[Class], demoted: &[bool]) -> HashMap<Name<'a>, Named> {
        let mut names: HashMap<Name<'a>, Named> = HashMap::new();
        for (node, demoted) in self.nodes.iter().zip(demoted) {
            let Some(name) = node.name else { continue };
            if let Some(known @ (Named::One(_) | Named::Several)) = self.base.names.get(&name) {
                names.insert(name, *known);
                continue;
            }
            let seen = match (demoted, node.declares) {
                (true, _) => Named::Several,
                (false, true) => Named::Declared,
                (false, false) => Named::One(self.shape(node, classes)),
            };
            match names.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(seen);
                }
                Entry::Occupied(mut entry) => {
                    let joined = join(*entry.get(), seen);
                    entry.insert(joined);
                }
            }
        }
        names
    }
}

fn join(one: Named, other: Named) -> Named {
    match (one, other) {
        (Named::Declared, other) => other,
        (one, Named::Declared) => one,
        (one, other) if one == other => one,
        _ => Named::Several,
    }
}

fn node<'a>(view: View<'a>, ty: &Type<'_>, reference: impl Fn(TypeId) -> Reference) -> Node<'a> {
    let (mut label, mut references) = (0, Vec::new());
    for field in ty.fields() {
        label = match field.value() {
            Value::Name(offset) => mix(label, view.string(offset).map_or(DANGLING, bytes)),
            Value::Number(number) => mix(label, u64::from(number)),
            Value::Type(id) => {
                references.push(reference(id));
                mix(label, field.role as u64)
            }
        };
    }
    let (group, declares) = match ty.kind() {
        Kind::Struct => (Some(Group::Struct), false),
        Kind::Union => (Some(Group::Union), false),
        Kind::Fwd if ty.kflag() => (Some(Group::Union), true),
        Kind::Fwd => (Some(Group::Struct), true),
        Kind::Enum | Kind::Enum64 => (Some(Group::Enum), ty.vlen() == 0),
        _ => (None, false),
    };
    let name = view.name(ty).filter(|name| !name.is_empty());
    Node { label, references, name: group.zip(name), declares }
}

fn bytes(text: &BStr) -> u64 {
    text.iter().fold(text.len() as u64, |hash, byte| mix(hash, u64::from(*byte)))
}

/// Takes a word into a hash. Both halves of the product count, so that no bit of either is lost.
const fn mix(hash: u64, word: u64) -> u64 {
    const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    let wide = (((hash as u128) << 64) | word as u128).wrapping_add(0x5851_f42d_4c95_7f2d).wrapping_mul(SPREAD);
    let folded = wide ^ (wide >> 67);
    let wide = folded.wrapping_mul(SPREAD);
    (wide >> 64) as u64
}

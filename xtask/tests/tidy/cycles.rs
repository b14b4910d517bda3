//! Cycles in the graph of a crate's files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use crate::modules::Crate;

/// Files that all lead to each other.
#[derive(Debug)]
pub struct Cycle {
    /// A shortest cycle: each file, with the line and the path by which it uses the next one.
    steps: Vec<String>,
    /// All files of this group.
    members: Vec<String>,
}

impl Cycle {
    /// All files of this group.
    pub fn members(&self) -> &[String] {
        &self.members
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "modules form a cycle: {}", self.steps.join(" → "))?;
        if self.members.len() > self.steps.len() - 1 {
            write!(f, "; in cycles with each other are {}", self.members.join(", "))?;
        }
        Ok(())
    }
}

/// The cycles of a crate: one for each group of files that all lead to each other.
pub fn cycles(krate: &Crate) -> Vec<Cycle> {
    let edges = krate.edges();
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in edges.keys() {
        next.entry(from).or_default().insert(to);
    }
    let mut found: Vec<Cycle> = Vec::new();
    for &start in next.keys() {
        if found.iter().any(|cycle| cycle.members.iter().any(|member| member == start)) {
            continue;
        }
        let reached = reach(&next, start);
        let members: Vec<&str> =
            reached.keys().copied().filter(|&file| reach(&next, file).contains_key(start)).collect();
        // The shortest cycle through any of them.
        let shortest = members.iter().filter_map(|&file| way(&reach(&next, file), file)).min_by_key(Vec::len);
        if let Some(way) = shortest {
            let step = |pair: &[&str]| {
                let (line, path) = &edges[&(pair[0].to_owned(), pair[1].to_owned())];
                format!("{}:{line} ({path})", pair[0])
            };
            let mut steps: Vec<String> = way.windows(2).map(step).collect();
            steps.extend(way.last().map(|&last| last.to_owned()));
            found.push(Cycle { steps, members: members.into_iter().map(str::to_owned).collect() });
        }
    }
    found
}

/// The files that can be reached from a file in one or more steps, each with its predecessor.
fn reach<'e>(next: &BTreeMap<&'e str, BTreeSet<&'e str>>, start: &'e str) -> BTreeMap<&'e str, &'e str> {
    let mut before = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for &to in next.get(file).into_iter().flatten() {
            before.entry(to).or_insert_with(|| {
                queue.push_back(to);
                file
            });
        }
    }
    before
}

/// The path from a file back to itself, if there is one.
fn way<'e>(before: &BTreeMap<&'e str, &'e str>, start: &'e str) -> Option<Vec<&'e str>> {
    let mut way = vec![start];
    let mut file = *before.get(start)?;
    while file != start {
        way.push(file);
        file = before.get(file)?;
    }
    way.push(start);
    way.reverse();
    Some(way)
}

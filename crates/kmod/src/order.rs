//! The load order of modules, computed without depmod.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::modinfo::normalise_name;
use crate::module::{Module, module_name_from_path};

/// The facts about a module that determine the load order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleInfo {
    /// Its name in the kernel.
    pub name: String,
    /// Its file, which breaks ties.
    pub path: PathBuf,
    /// The modules on which it depends (`depends=`), by the kernel's names.
    pub depends: Vec<String>,
    /// The modules to load before it if they exist (`softdep=pre:`): names or aliases.
    pub soft_pre: Vec<String>,
    /// Its aliases without wildcards. Others may use them in their soft dependencies.
    pub aliases: Vec<String>,
}

impl ModuleInfo {
    /// Extracts the facts from a module; `path` is stored unchanged.
    #[must_use]
    pub fn new(module: &Module, path: &Path) -> Self {
        let modinfo = module.modinfo();
        let name = module.name().map(|name| name.into_owned()).or_else(|| module_name_from_path(path));
        let aliases = modinfo.get_all("alias").filter(|alias| !alias.contains(['*', '?', '[']));
        Self {
            name: name.unwrap_or_default(),
            path: path.to_owned(),
            depends: modinfo.depends(),
            soft_pre: modinfo.softdep().pre.into_iter().map(|name| name.into_owned()).collect(),
            aliases: aliases.map(|alias| alias.into_owned()).collect(),
        }
    }
}

/// A decision made while ordering modules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderNote {
    /// A module depends on another that does not exist.
    #[error("{module} depends on {missing}, which does not exist: {module} cannot be loaded")]
    Missing {
        /// The module.
        module: String,
        /// The missing module.
        missing: String,
    },
    /// Two files contain a module of the same name, and one is ignored.
    #[error("{name} is both in {} and in {}, which is ignored", taken.display(), left_out.display())]
    Shadowed {
        /// The module's name.
        name: String,
        /// The file that is used: the one below `updates`, else the first by path.
        taken: PathBuf,
        /// The other one.
        left_out: PathBuf,
    },
    /// A soft dependency that would create a cycle is ignored.
    #[error(
        "{module} has a soft dependency on {before}, which itself depends on {module}: the soft dependency is ignored"
    )]
    SoftCycle {
        /// The module with the soft dependency.
        module: String,
        /// The module that it names in `pre:`.
        before: String,
    },
}

/// Modules and the modules that must be loaded before them. The result depends only on the modules' names, paths and
/// dependencies, not on the order of the input.
#[derive(Debug, Clone)]
pub struct LoadGraph {
    modules: Vec<ModuleInfo>,
    before: Vec<Vec<usize>>,
    order: Vec<usize>,
    notes: Vec<OrderNote>,
}

impl LoadGraph {
    /// Orders `modules`. A soft dependency is used unless it would create a cycle.
    ///
    /// # Errors
    ///
    /// [`Error::Cycle`] if `depends=` forms a cycle.
    pub fn new(mut modules: Vec<ModuleInfo>) -> Result<Self, Error> {
        modules.sort_by(|one, other| one.path.cmp(&other.path));
        let mut notes = Vec::new();
        let modules = without_shadowed(modules, &mut notes);
        let by_name: HashMap<&str, usize> =
            modules.iter().enumerate().map(|(index, module)| (module.name.as_str(), index)).collect();
        let mut before = Vec::with_capacity(modules.len());
        for module in &modules {
            let mut needs = Vec::new();
            for name in &module.depends {
                match by_name.get(name.as_str()) {
                    Some(&index) if needs.contains(&index) => {}
                    Some(&index) => needs.push(index),
                    None => notes.push(OrderNote::Missing { module: module.name.clone(), missing: name.clone() }),
                }
            }
            before.push(needs);
        }
        let cycle = |cycle: Vec<usize>| Error::Cycle {
            modules: cycle.into_iter().map(|index| modules[index].name.clone()).collect(),
        };
        sort(&before).map_err(cycle)?;
        add_soft(&modules, &by_name, &mut before, &mut notes);
        let order = sort(&before).map_err(cycle)?;
        Ok(Self { modules, before, order, notes })
    }

    /// All modules, each after its dependencies. Ties are broken by path.
    pub fn order(&self) -> impl Iterator<Item = &ModuleInfo> {
        self.order.iter().map(|&index| &self.modules[index])
    }

    /// The module called `name`, after all its direct and indirect dependencies, soft ones included, in the order of
    /// [`LoadGraph::order`].
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchModule`].
    pub fn closure(&self, name: &str) -> Result<Vec<&ModuleInfo>, Error> {
        let normalised = normalise_name(name);
        let start = self.modules.iter().position(|module| module.name == normalised);
        let start =
            start.ok_or_else(|| Error::NoSuchModule { name: normalised.clone(), modules: self.modules.len() })?;
        let wanted = reachable(&self.before, start);
        Ok(self.order.iter().filter(|&&index| wanted[index]).map(|&index| &self.modules[index]).collect())
    }

    /// The decisions made while ordering.
    #[must_use]
    pub fn notes(&self) -> &[OrderNote] {
        &self.notes
    }

    /// The number of modules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.modules.len()
    }

    /// Whether there are no modules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }
}

/// Keeps one of several modules with the same name: the one below `updates`, like depmod by default, else the first.
fn without_shadowed(modules: Vec<ModuleInfo>, notes: &mut Vec<OrderNote>) -> Vec<ModuleInfo> {
    let mut taken: HashMap<String, usize> = HashMap::new();
    for (index, module) in modules.iter().enumerate() {
        let known = taken.entry(module.name.clone()).or_insert(index);
        if !modules[*known].path.starts_with("updates") && module.path.starts_with("updates") {
            *known = index;
        }
    }
    let paths: HashMap<String, PathBuf> =
        taken.iter().map(|(name, &index)| (name.clone(), modules[index].path.clone())).collect();
    let mut kept = Vec::with_capacity(taken.len());
    for (index, module) in modules.into_iter().enumerate() {
        if taken.get(&module.name) == Some(&index) {
            kept.push(module);
        } else {
            let taken = paths.get(&module.name).cloned().unwrap_or_default();
            notes.push(OrderNote::Shadowed { name: module.name, taken, left_out: module.path });
        }
    }
    kept
}

/// Adds the soft dependencies to `before`, in the order of the modules, except for those that close a cycle.
fn add_soft(
    modules: &[ModuleInfo],
    by_name: &HashMap<&str, usize>,
    before: &mut [Vec<usize>],
    notes: &mut Vec<OrderNote>,
) {
    let mut by_alias: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, module) in modules.iter().enumerate() {
        for alias in &module.aliases {
            by_alias.entry(normalise_name(alias)).or_default().push(index);
        }
    }
    for (index, module) in modules.iter().enumerate() {
        let mut seen = HashSet::new();
        let soft = module.soft_pre.iter().map(|name| normalise_name(name));
        for name in soft.filter(|name| seen.insert(name.clone())) {
            let named = by_name.get(name.as_str()).map(std::slice::from_ref);
            let targets = named.or_else(|| by_alias.get(&name).map(Vec::as_slice)).unwrap_or_default();
            for &target in targets {
                if target == index || before[index].contains(&target) {
                    continue;
                }
                if reachable(before, target)[index] {
                    let (module, before) = (module.name.clone(), modules[target].name.clone());
                    notes.push(OrderNote::SoftCycle { module, before });
                } else {
                    before[index].push(target);
                }
            }
        }
    }
}

/// `start` and everything that must be loaded before it, directly or indirectly.
fn reachable(before: &[Vec<usize>], start: usize) -> Vec<bool> {
    let mut seen = vec![false; before.len()];
    let mut waiting = vec![start];
    while let Some(index) = waiting.pop() {
        if !std::mem::replace(&mut seen[index], true) {
            waiting.extend(before[index].iter().filter(|&&next| !seen[next]));
        }
    }
    seen
}

/// A topological order that picks the smallest ready index; or a cycle whose first index is repeated at the end.
fn sort(before: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut after = vec![Vec::new(); before.len()];
    let mut missing: Vec<usize> = before.iter().map(Vec::len).collect();
    for (index, needs) in before.iter().enumerate() {
        for &need in needs {
            after[need].push(index);
        }
    }
    let mut ready: BinaryHeap<_> = (0..before.len()).filter(|&index| missing[index] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(before.len());
    while let Some(Reverse(index)) = ready.pop() {
        order.push(index);
        for &next in &after[index] {
            missing[next] -= 1;
            if missing[next] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    match missing.iter().position(|&missing| missing > 0) {
        None => Ok(order),
        Some(start) => Err(cycle_from(before, &missing, start)),
    }
}

/// Follows unresolved dependencies from `start` until one repeats.
fn cycle_from(before: &[Vec<usize>], missing: &[usize], start: usize) -> Vec<usize> {
    let mut path = vec![start];
    let mut place = HashMap::from([(start, 0)]);
    let mut at = start;
    while let Some(&next) = before[at].iter().find(|&&need| missing[need] > 0) {
        if let Some(&first) = place.get(&next) {
            path.push(next);
            return path.split_off(first);
        }
        place.insert(next, path.len());
        path.push(next);
        at = next;
    }
    path
}

#[cfg(test)]
mod tests;

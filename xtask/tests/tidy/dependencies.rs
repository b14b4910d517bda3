//! The dependencies between the workspace's crates: in the manifests, in ARCHITECTURE.md and in the fuzz crates' lock
//! files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::files::{crate_folders, name_of};

/// The heading under which ARCHITECTURE.md lists dependencies.
const HEADING: &str = "## Dependencies";

/// The dependencies in a crate's manifest.
#[derive(Debug, Default)]
pub struct Manifest {
    /// All dependencies, by the names in the manifest.
    pub all: BTreeSet<String>,
    /// The members of the workspace among them.
    pub members: BTreeSet<String>,
    /// The members that are dependencies only of tests.
    pub of_tests: BTreeSet<String>,
}

/// The crates of a workspace, by name.
pub fn crates(root: &Path) -> BTreeMap<String, Manifest> {
    let tables: BTreeMap<String, Table> = crate_folders(root)
        .iter()
        .map(|folder| {
            let text = fs::read_to_string(folder.join("Cargo.toml")).expect("crate_folders saw it");
            let table: Table = text.parse().expect("cargo reads it, too");
            let name = table.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
            (name.map_or_else(|| name_of(folder), str::to_owned), table)
        })
        .collect();
    let members = |of: &BTreeSet<String>| of.iter().filter(|name| tables.contains_key(*name)).cloned().collect();
    tables
        .iter()
        .map(|(name, table)| {
            let all = keys(table, "dependencies");
            let of_tests = members(&keys(table, "dev-dependencies"));
            (name.clone(), Manifest { members: members(&all), of_tests, all })
        })
        .collect()
}

fn keys(table: &Table, section: &str) -> BTreeSet<String> {
    table.get(section).and_then(Value::as_table).into_iter().flat_map(|section| section.keys().cloned()).collect()
}

/// The errors in the list in ARCHITECTURE.md, or in the crates. The list must have a line for each crate, below the
/// lines of all crates that it uses.
pub fn complaints(text: &str, crates: &BTreeMap<String, Manifest>) -> Vec<String> {
    let Some(lines) = list(text) else { return vec![format!("ARCHITECTURE.md has no list under {HEADING:?}")] };
    let mut complaints = Vec::new();
    let mut above = BTreeSet::new();
    for (name, listed) in &lines {
        let Some(manifest) = crates.get(name) else {
            complaints.push(format!("ARCHITECTURE.md lists {name}, which is no crate of the workspace"));
            continue;
        };
        for used in manifest.members.difference(listed) {
            complaints.push(format!("{name} depends on {used}; ARCHITECTURE.md does not list that"));
        }
        for unused in listed.difference(&manifest.members) {
            complaints.push(format!("ARCHITECTURE.md lists {name} → {unused}; its Cargo.toml does not"));
        }
        for below in manifest.members.union(&manifest.of_tests).filter(|used| !above.contains(*used)) {
            complaints
                .push(format!("{name} depends on {below}, which ARCHITECTURE.md does not list above it: a back edge"));
        }
        if !above.insert(name.clone()) {
            complaints.push(format!("ARCHITECTURE.md lists {name} twice"));
        }
    }
    let missing = crates.keys().filter(|name| !above.contains(*name));
    complaints.extend(missing.map(|name| format!("ARCHITECTURE.md does not list {name}")));
    complaints
}

/// The lines `crate → crates` of the fenced block under the heading.
fn list(text: &str) -> Option<Vec<(String, BTreeSet<String>)>> {
    let mut lines =
        text.lines().skip_while(|line| *line != HEADING).skip(1).take_while(|line| !line.starts_with("## "));
    lines.find(|line| line.starts_with("```"))?;
    let block = lines.take_while(|line| !line.starts_with("```"));
    let parsed = block.filter(|line| !line.trim().is_empty()).map(|line| {
        let (name, used) = line.split_once('→').unwrap_or((line, ""));
        (name.trim().to_owned(), used.split_whitespace().map(str::to_owned).collect())
    });
    Some(parsed.collect())
}

/// The folders of fuzz crates. Each is a workspace with its own lock file.
pub fn fuzz_folders(root: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = crate_folders(root).into_iter().map(|folder| folder.join("fuzz")).collect();
    folders.retain(|folder| folder.join("Cargo.toml").is_file());
    folders
}

/// The crates for which a fuzz crate's lock file lists other dependencies than their manifests.
pub fn stale(folder: &Path, crates: &BTreeMap<String, Manifest>) -> Vec<String> {
    let path = folder.join("Cargo.lock");
    let lock: Table = fs::read_to_string(&path).unwrap_or_default().parse().unwrap_or_default();
    let packages = lock.get("package").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut complaints = Vec::new();
    for package in packages {
        let Some((name, manifest)) =
            package.get("name").and_then(Value::as_str).and_then(|name| crates.get_key_value(name))
        else {
            continue;
        };
        let locked = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        // A name may be followed by a version.
        let locked = locked.filter_map(|name| name.as_str()?.split(' ').next().map(str::to_owned));
        if locked.collect::<BTreeSet<_>>() != manifest.all {
            let folder = folder.display();
            complaints.push(format!("{}: {name} is stale: cd {folder} && cargo update --workspace", path.display()));
        }
    }
    if packages.is_empty() {
        complaints.push(format!("{} is missing or empty", path.display()));
    }
    complaints
}

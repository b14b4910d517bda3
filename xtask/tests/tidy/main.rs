//! Mechanical checks of the workspace's layout: the direction of dependencies between crates, no cycle between the
//! modules of a crate, a head comment in each file, files of a readable size, and current lock files.
//!
//! `cargo nextest run -p xtask --test tidy` runs these checks. Each failure names the file and the remedy.
//! `TIDY_ALL=1` also reports known exceptions.

mod cycles;
mod dependencies;
mod files;
mod made_up;
mod modules;
mod shared_names;

use std::fs;
use std::path::{Path, PathBuf};

/// The maximum number of lines of a file in a library's `src`.
const MOST_LINES: usize = 500;

/// The root of the tree to check: this workspace, or `TIDY_ROOT`, for example an older commit's tree.
fn root() -> PathBuf {
    std::env::var_os("TIDY_ROOT").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), PathBuf::from)
}

/// Fails with all complaints, one per line.
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn dependencies_point_as_the_architecture_lists_them() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("it can be read");
    let crates = dependencies::crates(&root());
    assert!(crates.len() > 10, "{} crates", crates.len());
    none(&dependencies::complaints(&text, &crates));
}

#[test]
fn fuzz_lock_files_list_what_the_crates_depend_on() {
    let folders = dependencies::fuzz_folders(&root());
    assert!(folders.len() >= 2, "{folders:?}");
    let crates = dependencies::crates(&root());
    let complaints = folders.iter().flat_map(|folder| dependencies::stale(folder, &crates));
    none(&complaints.collect::<Vec<_>>());
}

#[test]
fn modules_of_a_crate_form_no_cycle() {
    let mut complaints = Vec::new();
    let mut modules = 0;
    for folder in files::crate_folders(&root()) {
        let name = files::name_of(&folder);
        for file in files::roots(&folder) {
            let krate = modules::Crate::read(&folder, &file);
            modules += krate.files().len();
            complaints.extend(cycles::cycles(&krate).iter().map(|cycle| format!("{name}: {cycle}")));
        }
    }
    assert!(modules > 200, "{modules} modules");
    none(&complaints);
}

#[test]
fn files_begin_with_a_head_comment() {
    let all = files::sources(&root());
    assert!(all.len() > 300, "{} files", all.len());
    none(&files::without_head(&root(), &all));
}

#[test]
fn files_of_a_library_can_be_read() {
    none(&files::too_long(&root(), MOST_LINES));
}

/// Prints the names that several types have. This is not a check: only people can see whether two of them mean the
/// same.
#[test]
fn names_of_types_are_counted() {
    let shared = shared_names::shared(&root());
    for (name, places) in &shared {
        println!("{name}: {}", places.join(", "));
    }
    println!("{} names, {} types", shared.len(), shared.values().map(Vec::len).sum::<usize>());
}

//! The workspace's files, and checks of each file alone.

use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// The folders of all members of the workspace.
pub fn crate_folders(root: &Path) -> Vec<PathBuf> {
    let crates = fs::read_dir(root.join("crates")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = crates.chain(["snapshots", "xtask"].map(|name| root.join(name))).collect();
    folders.retain(|folder| folder.join("Cargo.toml").is_file());
    folders.sort();
    folders
}

/// The last part of a path.
pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The root files of a crate's library and programs.
pub fn roots(folder: &Path) -> Vec<PathBuf> {
    let src = folder.join("src");
    let mut roots = vec![src.join("lib.rs"), src.join("main.rs")];
    roots.extend(fs::read_dir(src.join("bin")).into_iter().flatten().flatten().map(|entry| entry.path()));
    roots.retain(|file| file.is_file());
    roots
}

/// Every Rust file, sorted.
pub fn sources(root: &Path) -> Vec<PathBuf> {
    let walk = crate_folders(root).into_iter().flat_map(|folder| {
        WalkDir::new(folder).into_iter().filter_entry(|entry| entry.file_name() != "target").flatten()
    });
    let mut files: Vec<PathBuf> = walk.map(walkdir::DirEntry::into_path).filter(|path| is_rust(path)).collect();
    files.sort();
    files
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs") && path.is_file()
}

/// A path as shown in a complaint.
pub fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// The files without a head comment.
pub fn without_head(root: &Path, files: &[PathBuf]) -> Vec<String> {
    let has_head = |path: &PathBuf| fs::read_to_string(path).is_ok_and(|text| text.starts_with("//! "));
    let without = files.iter().filter(|path| !has_head(path));
    without
        .map(|path| format!("{}: begin the file with a `//!` comment that says what it is", shown(root, path)))
        .collect()
}

/// The files in a library's `src` with more lines than `most`.
pub fn too_long(root: &Path, most: usize) -> Vec<String> {
    let libraries = crate_folders(root).into_iter().map(|folder| folder.join("src"));
    let libraries = libraries.filter(|src| src.join("lib.rs").is_file());
    let files = libraries.flat_map(|src| WalkDir::new(src).into_iter().flatten()).map(walkdir::DirEntry::into_path);
    let mut complaints: Vec<String> = files
        .filter(|path| is_rust(path))
        .filter_map(|path| {
            let lines = fs::read_to_string(&path).unwrap_or_default().lines().count();
            let text = || format!("{}: {lines} lines; split it, {most} are the most", shown(root, &path));
            (lines > most).then(text)
        })
        .collect();
    complaints.sort();
    complaints
}

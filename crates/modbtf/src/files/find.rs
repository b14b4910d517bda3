//! Finding the files on which a command works.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use util::error::{Class, Classified};
use walkdir::WalkDir;

/// The reason why the files of a command line cannot be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// A given file does not exist.
    #[error("cannot find {}", path.display())]
    NotThere {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It is a pipe or a device.
    #[error("cannot work on {}: it is neither a file nor a directory", path.display())]
    NotAFile {
        /// Its path.
        path: PathBuf,
    },
    /// The directory contains no module.
    #[error("cannot find a module in {}: their names end in .ko, .ko.xz, .ko.zst, .ko.gz or .ko.debug", path.display())]
    NoModules {
        /// The directory.
        path: PathBuf,
    },
}

impl Classified for FindError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// An input file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Input {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its name, relative to the given directory.
    pub(crate) name: PathBuf,
}

/// The given files, and the modules in the given directories. Each occurs once, also if several paths lead to it.
/// Sorted by path.
pub(crate) fn collect(paths: &[PathBuf]) -> Result<Vec<Input>> {
    let mut inputs = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        let metadata = path.metadata().map_err(|source| FindError::NotThere { path: path.clone(), source })?;
        if !metadata.is_dir() && !metadata.is_file() {
            return Err(FindError::NotAFile { path: path.clone() }.into());
        }
        let found = if metadata.is_dir() { modules(path)? } else { vec![file(path)] };
        if found.is_empty() {
            return Err(FindError::NoModules { path: path.clone() }.into());
        }
        // A path that cannot be resolved cannot be opened either. That error is reported under the file's own name.
        let itself = |input: &Input| input.path.canonicalize().unwrap_or_else(|_| input.path.clone());
        inputs.extend(found.into_iter().filter(|input| seen.insert(itself(input))));
    }
    inputs.sort();
    Ok(inputs)
}

fn file(path: &Path) -> Input {
    Input { path: path.to_owned(), name: path.file_name().map_or_else(|| path.to_owned(), PathBuf::from) }
}

/// The modules in a directory, files before links to files. Dangling links are included, so that they are reported.
fn modules(dir: &Path) -> Result<Vec<Input>> {
    let mut found = Vec::new();
    for entry in WalkDir::new(dir) {
        let entry = entry.with_context(|| format!("cannot list {}", dir.display()))?;
        let path = entry.path();
        if is_module(entry.file_name()) && path.metadata().map_or(true, |metadata| metadata.is_file()) {
            let name = path.strip_prefix(dir).unwrap_or(path).to_owned();
            found.push((entry.path_is_symlink(), Input { path: path.to_owned(), name }));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, input)| input).collect())
}

fn is_module(name: &OsStr) -> bool {
    stem(Path::new(name)).is_some()
}

/// A module's file name up to `.ko`; `None` for other names.
pub(crate) fn stem(name: &Path) -> Option<&str> {
    let name = name.file_name()?.to_str()?;
    let ends = [".ko", ".ko.xz", ".ko.zst", ".ko.gz", ".ko.debug"];
    ends.iter().find_map(|end| name.strip_suffix(end)).filter(|stem| !stem.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_stands_for_the_modules_in_it() {
        let names = ["a.ko", "b.ko.xz", "c.ko.zst", "d.ko.gz", "e.ko.debug", "vmlinux", "f.ko.old", ".ko", "g.o"];
        let stems: Vec<_> = names.iter().filter_map(|name| stem(Path::new(name))).collect();
        assert_eq!(stems, ["a", "b", "c", "d", "e"]);
    }
}

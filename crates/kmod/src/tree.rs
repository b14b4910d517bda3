//! The directory of a release's modules.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use walkdir::WalkDir;

use crate::error::Error;
use crate::module::{Module, module_name_from_path};
use crate::order::{LoadGraph, ModuleInfo};

/// Directories below a root that may contain the modules, in the order in which they are tried.
const PLACES: [&str; 2] = ["lib/modules", "usr/lib/modules"];

/// A module directory, `…/lib/modules/<release>`, and its modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleTree {
    dir: PathBuf,
    files: Vec<PathBuf>,
}

impl ModuleTree {
    /// Finds the modules of `release` below `root`, in `lib/modules` or `usr/lib/modules`: the first of the two that
    /// contains a module.
    ///
    /// # Errors
    ///
    /// [`Error::NoModuleTree`], or [`Error::Io`] if a directory cannot be listed.
    pub fn find(root: impl AsRef<Path>, release: &str) -> Result<Self, Error> {
        let root = root.as_ref();
        let is_one_name = matches!(Path::new(release).components().collect::<Vec<_>>()[..], [Component::Normal(_)]);
        let mut found = None;
        for place in PLACES.iter().filter(|_| is_one_name) {
            let dir = root.join(place).join(release);
            if dir.is_dir() {
                let tree = Self::open(dir)?;
                if !tree.files.is_empty() {
                    return Ok(tree);
                }
                found.get_or_insert(tree);
            }
        }
        found.ok_or_else(|| Error::NoModuleTree { root: root.to_owned(), release: release.to_owned() })
    }

    /// Opens a module directory, or any directory that contains modules.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if a directory cannot be listed.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, Error> {
        let dir = dir.into();
        let mut files = Vec::new();
        for entry in WalkDir::new(&dir) {
            let entry = entry.map_err(|error| {
                let path = error.path().unwrap_or(&dir).to_owned();
                Error::io("list", &path)(error.into())
            })?;
            let is_file = entry.file_type().is_file() || (entry.path_is_symlink() && entry.path().is_file());
            if is_file && module_name_from_path(entry.path()).is_some() {
                files.push(entry.path().strip_prefix(&dir).unwrap_or(entry.path()).to_owned());
            }
        }
        files.sort_unstable();
        Ok(Self { dir, files })
    }

    /// The releases that have a module directory below `root`, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if an existing directory cannot be listed.
    pub fn releases(root: impl AsRef<Path>) -> Result<Vec<String>, Error> {
        let mut releases = BTreeSet::new();
        for dir in PLACES.map(|place| root.as_ref().join(place)) {
            if !dir.is_dir() {
                continue;
            }
            for entry in fs::read_dir(&dir).map_err(Error::io("list", &dir))? {
                let entry = entry.map_err(Error::io("list", &dir))?;
                if entry.path().is_dir() {
                    releases.extend(entry.file_name().into_string());
                }
            }
        }
        Ok(releases.into_iter().collect())
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The modules' files, relative to [`ModuleTree::dir`], sorted.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The modules' files including the directory, in the same order.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.files.iter().map(|file| self.dir.join(file))
    }

    /// The file of the module with the kernel's name `name`, found by file name only; `-` and `_` are equivalent.
    #[must_use]
    pub fn path_of(&self, name: &str) -> Option<PathBuf> {
        let name = crate::normalise_name(name);
        let file = self.files.iter().find(|file| module_name_from_path(file).as_deref() == Some(&name))?;
        Some(self.dir.join(file))
    }

    /// Reads every module, one after the other, and orders them. Callers that read the modules anyway, or in
    /// parallel, use [`ModuleInfo::new`] and [`LoadGraph::new`] instead.
    ///
    /// # Errors
    ///
    /// The error of [`Module::open`] for the first module that cannot be read, or [`Error::Cycle`].
    pub fn load_graph(&self) -> Result<LoadGraph, Error> {
        let read = |file: &PathBuf| Module::open(self.dir.join(file)).map(|module| ModuleInfo::new(&module, file));
        LoadGraph::new(self.files.iter().map(read).collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(root: &Path, file: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }

    #[test]
    fn modules_are_found_in_both_places_and_sorted() {
        let root = tempfile::tempdir().unwrap();
        for file in ["kernel/b.ko", "kernel/a-b.ko.xz", "updates/c.ko.zst", "modules.order", "kernel/b.ko.old"] {
            touch(root.path(), &format!("usr/lib/modules/6.1/{file}"));
        }
        touch(root.path(), "lib/modules/5.10/kernel/z.ko");
        fs::create_dir_all(root.path().join("lib/modules/6.1")).unwrap();
        let tree = ModuleTree::find(root.path(), "6.1").unwrap();
        let expected = ["kernel/a-b.ko.xz", "kernel/b.ko", "updates/c.ko.zst"].map(PathBuf::from);
        assert_eq!(tree.files(), expected);
        assert_eq!(tree.path_of("a-b").unwrap(), tree.dir().join("kernel/a-b.ko.xz"));
        assert_eq!(tree.path_of("a_b"), tree.path_of("a-b"));
        assert_eq!(tree.path_of("z"), None);
        assert_eq!(ModuleTree::releases(root.path()).unwrap(), ["5.10", "6.1"]);
    }

    #[test]
    fn a_release_that_is_not_there_or_no_name_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        touch(root.path(), "lib/modules/6.1/kernel/z.ko");
        for release in ["6.2", "", "..", "../modules/6.1", "6.1/kernel", "."] {
            let error = ModuleTree::find(root.path(), release).unwrap_err();
            assert!(matches!(error, Error::NoModuleTree { .. }), "{release}: {error:?}");
        }
    }

    #[test]
    fn links_to_source_trees_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        touch(root.path(), "src/drivers/x.ko");
        touch(root.path(), "lib/modules/6.1/kernel/z.ko");
        std::os::unix::fs::symlink("../../../src", root.path().join("lib/modules/6.1/build")).unwrap();
        assert_eq!(ModuleTree::find(root.path(), "6.1").unwrap().files(), [PathBuf::from("kernel/z.ko")]);
    }
}

//! Files of a sandbox: writing, removing, touching them, and separating them from their hard links.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use tempfile::NamedTempFile;
use walkdir::WalkDir;

use crate::error::Error;

/// The part of a sandbox that contains a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the source.
    Source,
    /// In the output tree.
    Tree,
    /// In the copy of `kernel-configs/external`.
    External,
}

/// A small file in `/recipe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name: a single path component.
    pub name: String,
    /// Its content.
    pub text: String,
    /// Its mode: `0o755` for a script.
    pub mode: u32,
}

fn bad(path: &str, why: &'static str) -> Error {
    Error::BadSandbox { path: path.to_owned(), why }
}

/// A path below a root. A path that could leave the root is refused, also through a link: an output tree links to its
/// source.
pub(super) fn below(root: &Path, path: &str) -> Result<PathBuf, Error> {
    let inside = Path::new(path).components().all(|component| matches!(component, Component::Normal(_)));
    if path.is_empty() || !inside {
        return Err(bad(path, "is not a path below its directory"));
    }
    let whole = root.join(path);
    require_inside(root, whole.parent().unwrap_or(root), path)?;
    Ok(whole)
}

/// Refuses a directory that does not exist or that a link places outside of the root.
fn require_inside(root: &Path, directory: &Path, path: &str) -> Result<(), Error> {
    let canonical = |path: &Path| fs::canonicalize(path).map_err(|source| Error::io("resolve", path, source));
    match fs::canonicalize(directory) {
        Ok(directory) if directory.starts_with(canonical(root)?) => Ok(()),
        Ok(_) => Err(bad(path, "leaves its directory through a link")),
        Err(_) => Err(bad(path, "is not in an existing directory")),
    }
}

/// Removes a file.
pub(super) fn remove(root: &Path, path: &str) -> Result<(), Error> {
    let file = below(root, path)?;
    match fs::remove_file(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(bad(path, "is not a file of the output tree")),
        other => other.map_err(|source| Error::io("remove", &file, source)),
    }
}

/// Writes a small file.
pub(super) fn write(root: &Path, file: &File) -> Result<(), Error> {
    let path = below(root, &file.name)?;
    let failed = |source| Error::io("write", &path, source);
    fs::write(&path, &file.text).map_err(failed)?;
    fs::set_permissions(&path, Permissions::from_mode(file.mode)).map_err(failed)
}

/// Sets a file's time stamps to now, and gives it its own inode.
pub(super) fn touch(root: &Path, path: &str) -> Result<(), Error> {
    let file = below(root, path)?;
    if !fs::symlink_metadata(&file).is_ok_and(|metadata| metadata.is_file()) {
        return Err(bad(path, "is no file there"));
    }
    replace(&file, SystemTime::now())
}

/// Gives every file of a directory its own inode. Time stamps are kept.
pub(super) fn unshare(root: &Path, path: &str) -> Result<(), Error> {
    let directory = below(root, path)?;
    if !directory.is_dir() {
        return Err(bad(path, "is not a directory of the source"));
    }
    require_inside(root, &directory, path)?;
    // Sorting reads a directory completely before its files are replaced.
    for entry in WalkDir::new(&directory).sort_by_file_name() {
        let entry = entry.map_err(|error| Error::io("read", &directory, error.into()))?;
        if entry.file_type().is_file() {
            let modified = entry.metadata().map_err(io::Error::from).and_then(|metadata| metadata.modified());
            replace(entry.path(), modified.map_err(|source| Error::io("read", entry.path(), source))?)?;
        }
    }
    Ok(())
}

/// Replaces a file by a copy.
fn replace(file: &Path, modified: SystemTime) -> Result<(), Error> {
    let failed = |source| Error::io("copy", file, source);
    let parent = file.parent().unwrap_or(Path::new("/"));
    let copy = NamedTempFile::new_in(parent).map_err(failed)?;
    fs::copy(file, copy.path()).map_err(failed)?;
    copy.as_file().set_modified(modified).map_err(failed)?;
    copy.persist(file).map(drop).map_err(|error| failed(error.error))
}

/// Copies a small directory with files, links and permissions. If the original does not exist, the copy is empty.
pub(super) fn copy_directory(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir(to).map_err(|source| Error::io("create", to, source))?;
    if !from.exists() {
        return Ok(());
    }
    for entry in WalkDir::new(from).min_depth(1) {
        let entry = entry.map_err(|error| Error::io("read", from, error.into()))?;
        let path = entry.path();
        let target = to.join(path.strip_prefix(from).unwrap_or(path));
        let copied = match entry.file_type() {
            kind if kind.is_dir() => fs::create_dir(&target),
            kind if kind.is_symlink() => fs::read_link(path).and_then(|link| symlink(link, &target)),
            _ => fs::copy(path, &target).map(drop),
        };
        copied.map_err(|source| Error::io("copy", path, source))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_does_not_lead_out_of_a_place() {
        let parent = tempfile::tempdir().unwrap();
        let (root, outside) = (parent.path().join("tree"), parent.path().join("outside"));
        for directory in [&root, &outside, &root.join("fs")] {
            fs::create_dir(directory).unwrap();
            fs::write(directory.join("Makefile"), "x").unwrap();
        }
        symlink(&outside, root.join("source")).unwrap();
        symlink(outside.join("Makefile"), root.join("file")).unwrap();
        symlink("fs", root.join("inner")).unwrap();
        let refused = |result: Result<(), Error>| matches!(result, Err(Error::BadSandbox { .. }));
        for path in ["source/Makefile", "file", "gone/Makefile", "fs", "../outside/Makefile"] {
            assert!(refused(touch(&root, path)), "{path}");
        }
        assert!(refused(remove(&root, "source/Makefile")) && refused(unshare(&root, "source")));
        assert!(outside.join("Makefile").is_file());
        touch(&root, "inner/Makefile").unwrap();
        unshare(&root, "fs").unwrap();
        remove(&root, "fs/Makefile").unwrap();
        remove(&root, "source").unwrap();
        assert!(outside.is_dir());
    }
}

//! Replacing a file whole, its mode and owner kept.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Uid, fchown};
use tempfile::NamedTempFile;

use crate::Error;

/// Replaces a file by `bytes`, by one rename or not at all. What was there keeps its mode and owner; a new file gets mode 644. A link
/// is followed.
///
/// # Errors
///
/// [`Error::Io`], and [`Error::ReadOnly`] for a file that is not to be written to.
pub fn replace_file(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), Error> {
    replace_files(&[(path.as_ref(), bytes)])
}

/// Replaces files as [`replace_file`] does, none before the new content of all lies beside them.
///
/// # Errors
///
/// As of [`replace_file`].
pub fn replace_files(files: &[(&Path, &[u8])]) -> Result<(), Error> {
    let written =
        files.iter().map(|&(path, bytes)| Replacement::with(path, bytes)).collect::<Result<Vec<_>, Error>>()?;
    written.into_iter().try_for_each(|replacement| replacement.commit(false))
}

/// The new content of a file, beside it until it takes its place; removed again if that does not come to be.
pub(crate) struct Replacement<'p> {
    path: &'p Path,
    /// The file itself, where `path` is a link.
    target: PathBuf,
    temporary: NamedTempFile,
}

impl<'p> Replacement<'p> {
    /// For a file that is there.
    pub(crate) fn of(path: &'p Path) -> Result<Self, Error> {
        let target = fs::canonicalize(path).map_err(Error::io("open", path))?;
        let metadata = fs::metadata(&target).map_err(Error::io("open", path))?;
        if !metadata.is_file() {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
            return Err(Error::Io { action: "replace", path: path.to_owned(), source });
        }
        let mode = metadata.mode() & 0o7777;
        if mode & 0o222 == 0 {
            return Err(Error::ReadOnly { path: path.to_owned(), mode });
        }
        let replacement = Self::beside(path, target)?;
        let failed = Error::io("keep the owner and mode of", path);
        replacement.adopt(&metadata, mode).map_err(failed)?;
        Ok(replacement)
    }

    /// For one that is not.
    pub(crate) fn new_file(path: &'p Path) -> Result<Self, Error> {
        let replacement = Self::beside(path, path.to_owned())?;
        let mode = Permissions::from_mode(0o644);
        replacement.file().set_permissions(mode).map_err(Error::io("create", path))?;
        Ok(replacement)
    }

    /// For a file that is there or not, with all of its new content.
    fn with(path: &'p Path, bytes: &[u8]) -> Result<Self, Error> {
        let mut replacement = if path.exists() { Self::of(path)? } else { Self::new_file(path)? };
        replacement.write_all(bytes).map_err(Error::io("write", path))?;
        Ok(replacement)
    }

    fn beside(path: &'p Path, target: PathBuf) -> Result<Self, Error> {
        let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = tempfile::Builder::new().prefix(".new-").tempfile_in(dir);
        let temporary = temporary.map_err(Error::io("create a file beside", path))?;
        Ok(Self { path, target, temporary })
    }

    fn adopt(&self, metadata: &fs::Metadata, mode: u32) -> io::Result<()> {
        let own = self.file().metadata()?;
        if (own.uid(), own.gid()) != (metadata.uid(), metadata.gid()) {
            fchown(self.file(), Some(Uid::from_raw(metadata.uid())), Some(Gid::from_raw(metadata.gid())))?;
        }
        self.file().set_permissions(Permissions::from_mode(mode))
    }

    pub(crate) fn file(&self) -> &File {
        self.temporary.as_file()
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Not through the temporary file itself, whose errors name it and not the file that is meant.
        self.temporary.as_file_mut().write_all(bytes)
    }

    /// Puts the new content in the file's place; if it is to be `durable`, it is on the disk before.
    pub(crate) fn commit(self, durable: bool) -> Result<(), Error> {
        if durable {
            self.file().sync_all().map_err(Error::io("write the new content of", self.path))?;
        }
        let path = self.path;
        self.temporary.persist(&self.target).map_err(|error| Error::io("replace", path)(error.error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn mode_and_link_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        replace_file(&link, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(names(dir.path()), ["file", "link"]);
    }

    #[test]
    fn of_several_files_none_is_replaced_before_all_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let [one, other, nowhere] = ["one", "other", "nowhere/x"].map(|name| dir.path().join(name));
        fs::write(&one, "old").unwrap();
        assert!(replace_files(&[(&one, b"new"), (&other, b"new"), (&nowhere, b"new")]).is_err());
        assert_eq!((fs::read(&one).unwrap(), names(dir.path())), (b"old".to_vec(), vec!["one".to_owned()]));
        replace_files(&[(&one, b"1"), (&other, b"2")]).unwrap();
        assert_eq!([one, other].map(|path| fs::read(path).unwrap()), [b"1", b"2"]);
        assert_eq!(names(dir.path()), ["one", "other"]);
    }

    #[test]
    fn what_is_not_committed_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "old").unwrap();
        let mut replacement = Replacement::of(&file).unwrap();
        replacement.write_all(b"half of the n").unwrap();
        assert_eq!(names(dir.path()).len(), 2);
        drop(replacement);
        assert_eq!((fs::read(&file).unwrap(), names(dir.path())), (b"old".to_vec(), vec!["file".to_owned()]));
    }

    #[test]
    fn a_file_that_is_read_only_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o444)).unwrap();
        assert!(matches!(replace_file(&file, b"new"), Err(Error::ReadOnly { mode: 0o444, .. })));
        assert!(matches!(replace_file(dir.path(), b"new"), Err(Error::Io { .. })));
        assert_eq!((fs::read(&file).unwrap(), names(dir.path())), (b"old".to_vec(), vec!["file".to_owned()]));
    }
}

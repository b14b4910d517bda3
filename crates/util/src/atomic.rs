//! Replaces a file by one atomic rename, or not at all.
//!
//! New content is written to a temporary file beside the old one, which is then renamed over it. A replaced file
//! keeps its mode and owner; a new one gets mode 644. A symbolic link is followed; one whose target does not
//! exist is refused. A file without any write permission is refused, also for root, because a rename would silently
//! replace it.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Uid, fchown};
use tempfile::NamedTempFile;

use crate::FileError;

/// The reason why a file was not replaced. It is unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused an operation. The path is that of the file to replace, not of the temporary one.
    #[error(transparent)]
    Io(#[from] FileError),
    /// The file has no write permission.
    #[error("cannot replace {}: its mode {mode:o} forbids writing; chmod u+w it first", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl Error {
    /// Converts to an [`io::Error`] of the same kind, for callers that add action and path themselves.
    #[must_use]
    pub fn into_io(self) -> io::Error {
        match self {
            Self::Io(error) => error.source,
            Self::ReadOnly { .. } => io::Error::new(io::ErrorKind::PermissionDenied, self.to_string()),
        }
    }
}

/// Replaces the content of `path` by `bytes`.
///
/// # Errors
///
/// [`Error`]; `path` is then unchanged.
pub fn replace(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), Error> {
    replace_all(&[(path.as_ref(), bytes)])
}

/// Replaces several files. None is renamed before the new content of all has been written.
///
/// # Errors
///
/// [`Error`]. If the new content of a file cannot be written, all files are unchanged. If a rename fails, the files that
/// come earlier in `files` are already replaced; the others are unchanged.
pub fn replace_all(files: &[(&Path, &[u8])]) -> Result<(), Error> {
    let written: Vec<_> = files
        .iter()
        .map(|&(path, bytes)| {
            let mut new = AtomicFile::create(path)?;
            new.write_all(bytes).map_err(FileError::on("write", path))?;
            Ok(new)
        })
        .collect::<Result<_, Error>>()?;
    written.into_iter().try_for_each(|new| new.commit(Durability::Renamed))
}

/// The data that must be on disk before the new content replaces the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// None: a crash of the machine may lose the new content, a crash of the program may not.
    Renamed,
    /// The new content.
    Synced,
}

/// The new content of a file, in a temporary file beside it. [`commit`](Self::commit) renames it. If it is dropped
/// before that, it is removed and the old file stays.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    /// The target of `path` if that is a link, else `path`.
    target: PathBuf,
    temporary: NamedTempFile,
}

impl AtomicFile {
    /// Prepares to replace or create a file.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn create(path: &Path) -> Result<Self, Error> {
        // A link whose target does not exist is something to replace, too.
        if fs::symlink_metadata(path).is_ok() { Self::for_existing(path) } else { Self::for_new(path) }
    }

    /// Prepares to replace an existing file, whose mode and owner are kept.
    ///
    /// # Errors
    ///
    /// [`Error`], also if it is not a regular file or is a symbolic link whose target does not exist.
    pub fn for_existing(path: &Path) -> Result<Self, Error> {
        let target = fs::canonicalize(path).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound && path.is_symlink() {
                let source = io::Error::new(error.kind(), "it is a symbolic link to a file that does not exist");
                return FileError::on("replace", path)(source);
            }
            FileError::on("open", path)(error)
        })?;
        let metadata = fs::metadata(&target).map_err(FileError::on("open", path))?;
        if !metadata.is_file() {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
            return Err(FileError::on("replace", path)(source).into());
        }
        let mode = metadata.mode() & 0o7777;
        if mode & 0o222 == 0 {
            return Err(Error::ReadOnly { path: path.to_owned(), mode });
        }
        let new = Self::beside(path, target)?;
        new.adopt(&metadata, mode).map_err(FileError::on("keep the owner and mode of", path))?;
        Ok(new)
    }

    fn for_new(path: &Path) -> Result<Self, Error> {
        let new = Self::beside(path, path.to_owned())?;
        new.file().set_permissions(Permissions::from_mode(0o644)).map_err(FileError::on("create", path))?;
        Ok(new)
    }

    fn beside(path: &Path, target: PathBuf) -> Result<Self, Error> {
        let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = tempfile::Builder::new().prefix(".new-").tempfile_in(dir);
        let temporary = temporary.map_err(FileError::on("create a file beside", path))?;
        Ok(Self { path: path.to_owned(), target, temporary })
    }

    fn adopt(&self, metadata: &fs::Metadata, mode: u32) -> io::Result<()> {
        let own = self.file().metadata()?;
        if (own.uid(), own.gid()) != (metadata.uid(), metadata.gid()) {
            fchown(self.file(), Some(Uid::from_raw(metadata.uid())), Some(Gid::from_raw(metadata.gid())))?;
        }
        self.file().set_permissions(Permissions::from_mode(mode))
    }

    /// The temporary file, open for reading and writing.
    #[must_use]
    pub fn file(&self) -> &File {
        self.temporary.as_file()
    }

    /// The path of the temporary file, for programs that write it.
    #[must_use]
    pub fn temporary_path(&self) -> &Path {
        self.temporary.path()
    }

    /// Renames the new content over the file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; the file is then unchanged.
    pub fn commit(self, durability: Durability) -> Result<(), Error> {
        if durability == Durability::Synced {
            self.file().sync_all().map_err(FileError::on("write the new content of", &self.path))?;
        }
        let path = self.path;
        self.temporary.persist(&self.target).map_err(|error| FileError::on("replace", path)(error.error))?;
        Ok(())
    }
}

/// Writes to the temporary file. Errors are the system's own and do not name the temporary file.
impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.as_file_mut().flush()
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
    fn replace_keeps_mode_and_link() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(names(dir.path()), ["file", "link"]);
    }

    #[test]
    fn replace_refuses_a_dangling_link() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        let Err(Error::Io(error)) = replace(&link, b"new") else { panic!("a dangling link was replaced") };
        assert_eq!(error.source.to_string(), "it is a symbolic link to a file that does not exist");
        assert_eq!((fs::read_link(&link).unwrap(), names(dir.path())), (PathBuf::from("nowhere"), vec!["link".into()]));
    }

    #[test]
    fn replace_all_renames_nothing_before_all_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let [one, other, nowhere] = ["one", "other", "nowhere/x"].map(|name| dir.path().join(name));
        fs::write(&one, "old").unwrap();
        assert!(replace_all(&[(&one, b"new"), (&other, b"new"), (&nowhere, b"new")]).is_err());
        assert_eq!((fs::read(&one).unwrap(), names(dir.path())), (b"old".to_vec(), vec!["one".to_owned()]));
        replace_all(&[(&one, b"1"), (&other, b"2")]).unwrap();
        assert_eq!([&one, &other].map(|path| fs::read(path).unwrap()), [b"1", b"2"]);
        assert_eq!(fs::metadata(&other).unwrap().mode() & 0o7777, 0o644);
        assert_eq!(names(dir.path()), ["one", "other"]);
    }

    #[test]
    fn dropped_content_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "old").unwrap();
        let mut new = AtomicFile::for_existing(&file).unwrap();
        new.write_all(b"half of the n").unwrap();
        assert_eq!(names(dir.path()).len(), 2);
        drop(new);
        assert_eq!((fs::read(&file).unwrap(), names(dir.path())), (b"old".to_vec(), vec!["file".to_owned()]));
    }

    #[test]
    fn read_only_file_and_directory_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o444)).unwrap();
        assert!(matches!(replace(&file, b"new"), Err(Error::ReadOnly { mode: 0o444, .. })));
        assert!(matches!(replace(dir.path(), b"new"), Err(Error::Io(_))));
        assert_eq!((fs::read(&file).unwrap(), names(dir.path())), (b"old".to_vec(), vec!["file".to_owned()]));
    }
}

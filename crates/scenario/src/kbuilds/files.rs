//! Finding the files that a command writes, from the state of a directory before and after it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use kmod::Module;
use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use super::error::Error;
use super::transcript::{ChangeKind, FileChange, FileChanges};

/// The files of a directory that match some patterns, by their paths in it.
#[derive(Debug)]
pub(super) struct TreeState(BTreeMap<String, FileState>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct FileState {
    stamp: Stamp,
    bytes: [u8; 32],
    /// The digest of a module's `.BTF`.
    btf: Option<[u8; 32]>,
}

/// Metadata that changes when a file is written, even with the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl TreeState {
    /// Reads a directory. A file that vanishes during that counts as absent.
    pub(super) fn of(root: &Path, patterns: &[String]) -> Result<Self, Error> {
        let patterns = compile(patterns);
        let mut files = BTreeMap::new();
        for entry in WalkDir::new(root) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound) => continue,
                Err(error) => return Err(Error::io("list", root)(error.into())),
            };
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap_or(path);
            if entry.file_type().is_file() && patterns.is_match(name) {
                files.insert(name.to_string_lossy().into_owned(), FileState::of(path)?);
            }
        }
        Ok(Self(files))
    }

    /// The files written between this state and a later one.
    pub(super) fn changes(&self, later: &Self) -> FileChanges {
        let mut files: Vec<FileChange> = later
            .0
            .iter()
            .filter_map(|(path, is)| {
                let how = self.0.get(path).map_or(Some(ChangeKind::New), |was| was.became(is))?;
                Some(FileChange { path: path.clone(), how })
            })
            .collect();
        let gone: Vec<_> = self.0.keys().filter(|path| !later.0.contains_key(*path)).collect();
        let watched = later.0.len() + gone.len();
        files.extend(gone.into_iter().map(|path| FileChange { path: path.clone(), how: ChangeKind::Gone }));
        files.sort_by(|left, right| left.path.cmp(&right.path));
        FileChanges { watched, files }
    }
}

impl FileState {
    fn of(path: &Path) -> Result<Self, Error> {
        let failed = || Error::io("read", path);
        let metadata = fs::metadata(path).map_err(failed())?;
        let stamp = Stamp { inode: metadata.ino(), seconds: metadata.mtime(), nanoseconds: metadata.mtime_nsec() };
        let bytes = fs::read(path).map_err(failed())?;
        let digest = Sha256::digest(&bytes).into();
        let is_module = path.extension().is_some_and(|extension| extension == "ko");
        let module = is_module.then(|| Module::from_bytes(bytes).ok()).flatten();
        let btf = module.and_then(|module| Some(Sha256::digest(module.btf()?).into()));
        Ok(Self { stamp, bytes: digest, btf })
    }

    fn became(&self, later: &Self) -> Option<ChangeKind> {
        if self.btf != later.btf {
            Some(ChangeKind::OtherBtf)
        } else if self.bytes != later.bytes {
            Some(ChangeKind::OtherBytes)
        } else {
            (self.stamp != later.stamp).then_some(ChangeKind::Same)
        }
    }
}

/// Combines the patterns. An invalid one, which no definition has, matches nothing.
fn compile(patterns: &[String]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        if let Ok(glob) = GlobBuilder::new(pattern).literal_separator(true).build() {
            set.add(glob);
        }
    }
    set.build().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn changes_finds_written_files_and_the_kind_of_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let write = |name: &str, text: &str| {
            fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            fs::write(path(name), text).unwrap();
            let old = SystemTime::now() - Duration::from_secs(1000);
            fs::File::options().write(true).open(path(name)).unwrap().set_modified(old).unwrap();
        };
        for name in ["a.ko", "sub/b.ko", "sub/c.ko", "sub/d.ko", "sub/vmlinux", "vmlinux", "x.o"] {
            write(name, name);
        }
        let patterns = ["**/*.ko".to_owned(), "vmlinux".to_owned()];
        let state = || TreeState::of(dir.path(), &patterns).unwrap();
        let before = state();
        assert_eq!(before.changes(&state()), FileChanges { watched: 5, files: Vec::new() });

        fs::write(path("a.ko"), "a.ko").unwrap();
        fs::write(path("sub/b.ko"), "other").unwrap();
        fs::remove_file(path("sub/c.ko")).unwrap();
        fs::write(path("sub/new.ko"), "").unwrap();
        fs::write(path("x.o"), "other").unwrap();
        fs::write(path("sub/vmlinux"), "other").unwrap();
        let FileChanges { watched, files } = before.changes(&state());
        let files: Vec<_> = files.iter().map(|change| (change.path.as_str(), change.how)).collect();
        let expected = [
            ("a.ko", ChangeKind::Same),
            ("sub/b.ko", ChangeKind::OtherBytes),
            ("sub/c.ko", ChangeKind::Gone),
            ("sub/new.ko", ChangeKind::New),
        ];
        assert_eq!((watched, files.as_slice()), (6, expected.as_slice()));
    }

    #[test]
    fn a_module_s_btf_is_told_from_its_other_bytes() {
        let file = |bytes: u8, btf: Option<u8>| FileState {
            stamp: Stamp { inode: 1, seconds: 1, nanoseconds: 1 },
            bytes: [bytes; 32],
            btf: btf.map(|digit| [digit; 32]),
        };
        let became = |from: FileState, to: FileState| from.became(&to);
        assert_eq!(became(file(1, Some(1)), file(2, Some(1))), Some(ChangeKind::OtherBytes));
        assert_eq!(became(file(1, Some(1)), file(2, Some(2))), Some(ChangeKind::OtherBtf));
        assert_eq!(became(file(1, None), file(2, Some(2))), Some(ChangeKind::OtherBtf));
        assert_eq!(became(file(1, Some(1)), file(2, None)), Some(ChangeKind::OtherBtf));
        assert_eq!(became(file(1, Some(1)), file(1, Some(1))), None);
    }
}

//! The initramfs: a newc archive whose bytes depend only on its content.
//!
//! Entries are sorted by path, have no time and no owner, and are numbered from 1. Directories are added as needed.
//! The format is that of the kernel's `Documentation/driver-api/early-userspace/buffer-format.rst`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use cpio::newc::{Builder, ModeFileType, trailer};
use guest_protocol::{INIT_PATH, PLAN_PATH};
use serde::Serialize;
use thiserror::Error;
use util::atomic::{self, AtomicFile, Durability};

/// The maximum length of a path in bytes. The kernel skips an entry whose name, including its NUL, is longer than
/// `PATH_MAX` (`init/initramfs.c`, `do_header`).
const PATH_MAX: usize = 4095;

/// PID 1's standard input, output and error before it mounts anything. Without them Rust's runtime aborts.
const CONSOLE: &str = "dev/console";

/// The reason why an initramfs could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InitramfsError {
    /// A path in the guest is not absolute or not normalised.
    #[error(
        "cannot place {path:?} in the initramfs: a path begins with `/`, has no empty, `.` or `..` part and no NUL, \
         and at most {PATH_MAX} bytes"
    )]
    Path {
        /// The given path.
        path: String,
    },
    /// Two entries have the same path, or one is a file where the other needs a directory.
    #[error("cannot place {path:?} in the initramfs: the path is already in use")]
    Occupied {
        /// The given path.
        path: String,
    },
    /// A file is too large for the format, or its length changed while it was read.
    #[error("cannot pack {path:?}: it has {length} bytes, of which {written} could be written")]
    Length {
        /// Its path in the guest.
        path: String,
        /// Its length in bytes when it was opened.
        length: u64,
        /// The number of bytes written.
        written: u64,
    },
    /// A file could not be read or packed.
    #[error("cannot pack {path:?} from {file}")]
    Pack {
        /// Its path in the guest.
        path: String,
        /// The file on the host, or a description of the given bytes.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The archive could not be written.
    #[error("cannot write the initramfs {path}")]
    Write {
        /// The archive.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The archive could not be moved to its path.
    #[error(transparent)]
    Replace(#[from] atomic::Error),
    /// The plan could not be written as JSON.
    #[error("cannot write the plan as JSON")]
    Plan(#[from] serde_json::Error),
}

/// The source of an entry's bytes.
#[derive(Debug, Clone)]
pub enum EntrySource {
    /// A file, read when the archive is written.
    File(PathBuf),
    /// Bytes in memory.
    Bytes(Vec<u8>),
}

/// The content of an initramfs.
#[derive(Debug)]
pub struct Initramfs {
    /// The entries, by path without the leading `/`.
    files: BTreeMap<String, (EntrySource, u32)>,
    directories: BTreeSet<String>,
}

impl Initramfs {
    /// Creates an initramfs with PID 1, an executable file on the host, and its plan.
    ///
    /// # Errors
    ///
    /// [`InitramfsError::Plan`].
    pub fn new(init: impl Into<PathBuf>, plan: &impl Serialize) -> Result<Self, InitramfsError> {
        let mut new = Self { files: BTreeMap::new(), directories: BTreeSet::new() };
        new.place(INIT_PATH, EntrySource::File(init.into()), 0o755)?;
        new.place(PLAN_PATH, EntrySource::Bytes(serde_json::to_vec(plan)?), 0o644)?;
        new.make_parents(CONSOLE);
        Ok(new)
    }

    /// Adds a file at the absolute path `path` in the guest.
    ///
    /// # Errors
    ///
    /// [`InitramfsError::Path`] and [`InitramfsError::Occupied`].
    pub fn add(&mut self, path: &str, source: EntrySource) -> Result<(), InitramfsError> {
        self.place(path, source, 0o644)
    }

    fn place(&mut self, path: &str, source: EntrySource, mode: u32) -> Result<(), InitramfsError> {
        let name = relative(path).ok_or_else(|| InitramfsError::Path { path: path.to_owned() })?;
        let below_a_file = ancestors(name).any(|parent| self.files.contains_key(parent) || parent == CONSOLE);
        if below_a_file || name == CONSOLE || self.files.contains_key(name) || self.directories.contains(name) {
            return Err(InitramfsError::Occupied { path: path.to_owned() });
        }
        self.make_parents(name);
        self.files.insert(name.to_owned(), (source, mode));
        Ok(())
    }

    fn make_parents(&mut self, name: &str) {
        self.directories.extend(ancestors(name).map(str::to_owned));
    }

    /// Writes the archive and replaces `target` by one rename. Returns its length in bytes.
    ///
    /// # Errors
    ///
    /// [`InitramfsError::Pack`] and [`InitramfsError::Length`] contain the entry, [`InitramfsError::Write`] and
    /// [`InitramfsError::Replace`] the archive.
    pub fn write(&self, target: &Path) -> Result<u64, InitramfsError> {
        let failed = |source| InitramfsError::Write { path: target.to_owned(), source };
        let file = AtomicFile::create(target)?;
        let file = self.pack(BufWriter::with_capacity(1 << 18, file), target)?.into_inner();
        let file = file.map_err(|error| failed(error.into_error()))?;
        let length = file.file().metadata().map_err(failed)?.len();
        file.commit(Durability::Renamed)?;
        Ok(length)
    }

    /// Packs all entries into `out`, sorted by path.
    fn pack<W: Write>(&self, out: W, target: &Path) -> Result<W, InitramfsError> {
        let failed = |source| InitramfsError::Write { path: target.to_owned(), source };
        let mut out = out;
        let mut inode = 0;
        let mut next = || {
            inode += 1;
            inode
        };
        let console = [CONSOLE];
        let mut names: Vec<&str> =
            self.files.keys().chain(&self.directories).map(String::as_str).chain(console).collect();
        names.sort_unstable();
        for name in names {
            let entry = Builder::new(name).ino(next());
            out = match self.files.get(name) {
                Some((source, mode)) => {
                    let entry = entry.mode(*mode).set_mode_file_type(ModeFileType::Regular);
                    pack_file(entry, source, name, out)?
                }
                None if name == CONSOLE => {
                    let entry = entry.mode(0o600).set_mode_file_type(ModeFileType::Char).rdev_major(5).rdev_minor(1);
                    entry.write(out, 0).finish().map_err(failed)?
                }
                None => {
                    let entry = entry.mode(0o755).nlink(2).set_mode_file_type(ModeFileType::Directory);
                    entry.write(out, 0).finish().map_err(failed)?
                }
            };
        }
        trailer(out).map_err(failed)
    }
}

fn pack_file<W: Write>(entry: Builder, source: &EntrySource, name: &str, out: W) -> Result<W, InitramfsError> {
    let path = format!("/{name}");
    match source {
        EntrySource::Bytes(bytes) => {
            let failed = |source| InitramfsError::Pack { path: path.clone(), file: "bytes in memory".into(), source };
            let length = bytes.len() as u64;
            let size =
                u32::try_from(length).map_err(|_| InitramfsError::Length { path: path.clone(), length, written: 0 })?;
            let mut writer = entry.write(out, size);
            writer.write_all(bytes).map_err(failed)?;
            writer.finish().map_err(failed)
        }
        EntrySource::File(file) => {
            let failed = |source| InitramfsError::Pack { path: path.clone(), file: file.clone(), source };
            let opened = File::open(file).map_err(failed)?;
            let length = opened.metadata().map_err(failed)?.len();
            let size =
                u32::try_from(length).map_err(|_| InitramfsError::Length { path: path.clone(), length, written: 0 })?;
            let mut writer = entry.write(out, size);
            let written = io::copy(&mut opened.take(length), &mut writer).map_err(failed)?;
            if written != length {
                return Err(InitramfsError::Length { path, length, written });
            }
            writer.finish().map_err(failed)
        }
    }
}

/// The path without its leading `/`, if the archive can represent it and the kernel unpacks it unchanged.
fn relative(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\0');
    (name.len() <= PATH_MAX && name != "TRAILER!!!" && name.split('/').all(plain)).then_some(name)
}

/// The directories above `name`, outermost first.
fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').filter_map(|(at, _)| name.get(..at))
}

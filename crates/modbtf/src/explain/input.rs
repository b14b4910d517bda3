//! The log: standard input or a file, compressed or not.

use std::fs::File;
use std::io::{self, Cursor, IsTerminal as _, Read, Seek as _};
use std::path::{Path, PathBuf};

use cli::terminal::say;
use kmod::Compression;
use util::error::{Class, Classified};

/// A file that cannot be read, or not for what it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    /// The log.
    #[error("cannot read the log {}", path.display())]
    Log {
        /// Its path, or `-`.
        path: PathBuf,
        source: io::Error,
    },
    /// A log that is compressed and damaged.
    #[error("cannot decompress the log {}", path.display())]
    Compressed { path: PathBuf, source: kmod::Error },
    /// A module or a base.
    #[error("cannot use {}", path.display())]
    Binary { path: PathBuf, source: kmod::Error },
    /// BTF that cannot be taken apart.
    #[error("cannot read the BTF of {}", path.display())]
    Btf { path: PathBuf, source: btf::ParseError },
    /// A module without BTF.
    #[error("cannot follow {}: it has no BTF; an installed module has, unless the kernel was built without", path.display())]
    NoBtf { path: PathBuf },
}

impl InputError {
    /// An error while the log was read.
    pub(super) fn read(path: Option<&Path>, source: io::Error) -> Self {
        Self::Log { path: path.unwrap_or(Path::new("-")).to_owned(), source }
    }
}

impl Classified for InputError {
    /// The log is what this command is given, as an argument is to others: it exits with 2, as grep does.
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// A version that cannot be determined.
#[derive(Debug, thiserror::Error)]
#[error("cannot tell the version of the running kernel; give --kernel VERSION")]
pub(super) struct UnknownVersion;

impl Classified for UnknownVersion {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// Opens the log.
pub(super) fn open(path: Option<&Path>) -> Result<Box<dyn Read>, InputError> {
    let Some(path) = path.filter(|path| *path != Path::new("-")) else {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            say("reading the log from the terminal; Ctrl-D ends it. Or: journalctl -k -b | modbtf explain");
        }
        return Ok(Box::new(stdin));
    };
    let failed = |source| InputError::read(Some(path), source);
    let mut file = File::open(path).map_err(failed)?;
    let mut magic = Vec::new();
    (&mut file).take(16).read_to_end(&mut magic).map_err(failed)?;
    let Some(compression) = Compression::detect(&magic) else {
        // A pipe cannot go back.
        return Ok(match file.rewind() {
            Ok(()) => Box::new(file),
            Err(_) => Box::new(Cursor::new(magic).chain(file)),
        });
    };
    let mut bytes = magic;
    file.read_to_end(&mut bytes).map_err(failed)?;
    let plain = compression.decompress(&bytes, kmod::MAX_DECOMPRESSED);
    plain
        .map(|plain| Box::new(Cursor::new(plain)) as Box<dyn Read>)
        .map_err(|source| InputError::Compressed { path: path.to_owned(), source })
}

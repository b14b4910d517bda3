//! Errors of a run or of one of its scenarios.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error as ThisError;

use util::FileError;
use util::error::{Class, Classified};

use crate::{baseline, definition, kbuilds, selection, transcript};

/// An error of a run or of one of its scenarios.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A kernel, an engine or an image cannot be prepared.
    #[error(transparent)]
    Kernels(#[from] kernels::Error),
    /// A definition cannot be read.
    #[error(transparent)]
    Definition(#[from] definition::Error),
    /// An unknown scenario or series, or conflicting options.
    #[error(transparent)]
    Selection(#[from] selection::Error),
    /// A kernel's image or a module cannot be used.
    #[error(transparent)]
    Kmod(#[from] kmod::Error),
    /// An empty Module.symvers.
    #[error("cannot compare the module ABI: {} names no symbol; rebuild the kernel", path.display())]
    NoSymbols {
        /// The file.
        path: PathBuf,
    },
    /// The running kernel's version is no version, so its rules are not known.
    #[error("cannot predict what the kernel does")]
    Version {
        /// The text that is no version.
        source: verdict::NotAVersion,
    },
    /// BTF cannot be parsed.
    #[error("cannot parse {what}")]
    Btf {
        /// The owner of the BTF.
        what: String,
        /// The parser's error.
        source: btf::ParseError,
    },
    /// The BTF of a prebuilt module cannot be encoded or replaced.
    #[error("cannot give {} BTF of our own: {what}", path.display())]
    Encoded {
        /// The module, or the kernel's configuration.
        path: PathBuf,
        /// The problem.
        what: String,
    },
    /// The initramfs could not be made.
    #[error(transparent)]
    Initramfs(#[from] vm::InitramfsError),
    /// The guest's PID 1 could not be built.
    #[error(transparent)]
    Guest(#[from] vm::GuestError),
    /// A boot could not be followed.
    #[error(transparent)]
    Boot(#[from] vm::BootError),
    /// The guest's report is not a valid transcript.
    #[error(transparent)]
    Transcript(#[from] transcript::Error),
    /// A record cannot be used.
    #[error(transparent)]
    Recorded(#[from] baseline::Error),
    /// A build could not be followed.
    #[error(transparent)]
    Build(kbuilds::Error),
    /// A file of the run could not be replaced.
    #[error(transparent)]
    Replace(util::atomic::Error),
    /// A file of the run could not be handled.
    #[error(transparent)]
    Io(#[from] FileError),
}

impl From<container::Error> for Error {
    fn from(error: container::Error) -> Self {
        Self::Kernels(error.into())
    }
}

impl From<kbuilds::Error> for Error {
    fn from(error: kbuilds::Error) -> Self {
        match error {
            kbuilds::Error::Kernels(error) => Self::Kernels(error),
            other => Self::Build(other),
        }
    }
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Kernels(error) => error.class(),
            Self::Definition(_) | Self::Selection(_) => Class::Usage,
            _ => Class::Environment,
        }
    }
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| FileError::on(doing, path)(source).into()
    }
}

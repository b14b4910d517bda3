//! Errors that prevent a conformance run.

use std::io;
use std::path::PathBuf;

use util::error::{Class, Classified};

/// An error that prevents a conformance run. A wrong prediction is not an error but a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel's files.
    #[error(transparent)]
    Run(#[from] scenario::run::Error),
    /// A module or image.
    #[error(transparent)]
    Kmod(#[from] kmod::Error),
    /// The initramfs.
    #[error(transparent)]
    Initramfs(#[from] vm::InitramfsError),
    /// The guest's program.
    #[error(transparent)]
    Guest(#[from] vm::GuestError),
    /// The machine.
    #[error(transparent)]
    Boot(#[from] vm::BootError),
    /// The run's folder.
    #[error(transparent)]
    Container(#[from] container::Error),
    /// The base.
    #[error("cannot parse the BTF of {what}")]
    Btf {
        /// Whose.
        what: String,
        /// What is wrong.
        source: btf::ParseError,
    },
    /// The kernel's version cannot be parsed.
    #[error(transparent)]
    Version(verdict::NotAVersion),
    /// No module is small and simple enough.
    #[error(
        "cannot choose a module of {release} to load: each has an init function, imports from other modules, or brings no BTF"
    )]
    NoTemplate {
        /// The kernel.
        release: String,
    },
    /// A case is too large, or the module is no ELF file of 64 bits, little-endian.
    #[error("cannot put the sections of {what} into the module")]
    Template {
        /// What is to be put.
        what: String,
    },
    /// The guest did not do what it had to.
    #[error("cannot use what the machine reported: {what}")]
    Machine {
        /// What is wrong.
        what: String,
    },
    /// A file.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A case's file.
    #[error("cannot understand {path} as a case of `cargo xtask conformance`")]
    CaseFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// An error of a file.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Run(error) => error.class(),
            Self::Container(error) => error.class(),
            Self::CaseFile { .. } => Class::Usage,
            Self::Interrupted => Class::Cancelled,
            _ => Class::Environment,
        }
    }
}

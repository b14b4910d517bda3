//! What keeps a build scenario from being run, or its record from being used.

use std::io;
use std::path::PathBuf;

use thiserror::Error as ThisError;

use crate::transcript;

/// What keeps a build scenario from being run, or its record from being used.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The tree cannot be made, or a command cannot be run on it.
    #[error(transparent)]
    Kernels(#[from] kernels::Error),
    /// A step uses a tool that the run was not given.
    #[error("cannot find the tool {tool}, which the scenario uses: it is not in kernel-configs/tools.toml")]
    NoTool {
        /// The tool.
        tool: String,
    },
    /// A file could not be handled.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// A file could not be replaced.
    #[error(transparent)]
    Replace(#[from] util::atomic::Error),
    /// What was recorded does not make a transcript.
    #[error(transparent)]
    Transcript(#[from] transcript::Error),
}

impl From<container::Error> for Error {
    fn from(error: container::Error) -> Self {
        Self::Kernels(error.into())
    }
}

impl Error {
    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

//! Errors of running a build scenario, and of using its record.

use std::io;
use std::path::PathBuf;

use thiserror::Error as ThisError;

use crate::transcript;

/// An error of running a build scenario, or of using its record.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The tree cannot be made, or a command cannot run in it.
    #[error(transparent)]
    Kernels(#[from] kernels::Error),
    /// A step uses a tool that the run does not have.
    #[error("cannot find the tool {tool}, which the scenario uses: it is not in kernel-configs/tools.toml")]
    NoTool {
        /// The tool.
        tool: String,
    },
    /// A file could not be handled.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// The operation.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file could not be replaced.
    #[error(transparent)]
    Replace(#[from] util::atomic::Error),
    /// The record is not a valid transcript.
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

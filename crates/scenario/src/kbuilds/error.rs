//! Errors of running a build scenario, and of using its record.

use std::io;
use std::path::Path;

use thiserror::Error as ThisError;
use util::FileError;

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
    #[error(transparent)]
    Io(#[from] FileError),
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
    pub(super) fn io(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| FileError::on(doing, path)(source).into()
    }
}

//! What keeps a build scenario from being run, or its record from being used.

use std::io;
use std::path::PathBuf;

use thiserror::Error as ThisError;

use super::VERSION;

/// What keeps a build scenario from being run, or its record from being used.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The tree cannot be made, or a command cannot be run on it.
    #[error(transparent)]
    Kernels(#[from] kernels::Error),
    /// A step uses a tool that the run was not given.
    #[error("failed to find the tool {tool}, which the scenario uses: it is not in kernel-configs/tools.toml")]
    NoTool {
        /// The tool.
        tool: String,
    },
    /// The output tree that files are to be taken from is not there.
    #[error(
        "failed to take {path} from the output tree of the finished build: the cache has no such tree; build it anew"
    )]
    NoTree {
        /// The first of the files.
        path: String,
    },
    /// A file could not be handled.
    #[error("failed to {doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line of a transcript is not what it should be.
    #[error("failed to understand line {line} of the build's transcript: {source}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// Where and what.
        source: serde_json::Error,
    },
    /// Another version of the schema.
    #[error(
        "failed to read a build's transcript of schema version {found}: this program reads version {VERSION}; record it \
         anew"
    )]
    Version {
        /// The version found.
        found: u32,
    },
    /// The steps are not those of a complete run.
    #[error("failed to follow the build's transcript: {what}")]
    Sequence {
        /// What is missing, surplus or out of order.
        what: String,
    },
}

impl Error {
    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

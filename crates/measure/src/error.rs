//! Errors of measuring.

use std::path::PathBuf;

use util::error::{Class, Classified};

/// The reason why nothing was measured. A module that cannot be measured is not an error, but a [`crate::Trouble`] in
/// the data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An error of the engine, the image, the cache or a build.
    #[error(transparent)]
    Kernels(#[from] kernels::Error),
    /// A kernel or a directory of modules that cannot be read.
    #[error("cannot read {path:?}")]
    Kmod {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: kmod::Error,
    },
    /// A file that cannot be read.
    #[error("cannot read {path:?}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A release does not begin with two numbers, so the pahole flags of its build are unknown.
    #[error(
        "cannot choose pahole's flags for the kernel {release:?}: its release does not begin with two numbers such as 6.1"
    )]
    Release {
        /// The given release.
        release: String,
    },
    /// The encoding script printed an unexpected line.
    #[error("cannot encode the modules of {release}: unexpected line {line:?} of sizes.sh")]
    Unreadable {
        /// The kernel.
        release: String,
        /// The line, cut to 200 characters.
        line: String,
    },
    /// A kernel has no modules, so there is no time to measure.
    #[error("cannot measure the time of encoding the modules of {release}: it has none")]
    NoModules {
        /// The kernel.
        release: String,
    },
    /// The inputs or outputs of the two encoders cannot be compared.
    #[error("cannot compare the outputs of both encoders for {path:?}: {what}")]
    Checked {
        /// The file that they encoded.
        path: PathBuf,
        /// The reason.
        what: String,
    },
    /// A build did not do the work that was to be measured.
    #[error(
        "cannot use the time of `{command}` after {after}: it encoded the BTF of {got} modules instead of {wanted}"
    )]
    NotMeasured {
        /// The command.
        command: String,
        /// The step before it: `touch vmlinux`.
        after: &'static str,
        /// The number of modules that it should have encoded.
        wanted: usize,
        /// The number of modules that it encoded.
        got: usize,
    },
    /// A build failed during the measurement.
    #[error("cannot measure `{command}`: it {status}; its last lines:\n{output}")]
    BuildFailed {
        /// The command.
        command: String,
        /// How it ended.
        status: String,
        /// The end of its output.
        output: String,
    },
}

impl From<container::Error> for Error {
    fn from(error: container::Error) -> Self {
        Self::Kernels(error.into())
    }
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Kernels(error) => error.class(),
            _ => Class::Environment,
        }
    }
}

//! What can go wrong while figures are measured.

use std::path::PathBuf;

use util::error::{Class, Classified};

/// Why nothing was measured. A module that cannot be measured is no error, but [`crate::Trouble`] in the figures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The engine, the image, the cache or a build.
    #[error(transparent)]
    Kernels(#[from] kernels::Error),
    /// A kernel or a directory of modules that cannot be read.
    #[error("cannot read {path:?}")]
    Kmod {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: kmod::Error,
    },
    /// A file that cannot be read.
    #[error("cannot read {path:?}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A release that does not begin with two numbers, so that nobody knows how its build calls pahole.
    #[error("the kernel release {release:?} does not begin with two numbers such as 6.1")]
    Release {
        /// What was given.
        release: String,
    },
    /// The script that encodes printed something that we do not understand.
    #[error("cannot encode the modules of {release}: unexpected line {line:?} of sizes.sh")]
    Unreadable {
        /// The kernel.
        release: String,
        /// The line, cut to 200 characters.
        line: String,
    },
    /// A kernel without modules, of which no time can be measured.
    #[error("{release} has no modules, so that encoding their BTF again takes no time that could be measured")]
    NoModules {
        /// The kernel.
        release: String,
    },
    /// What both encoders were given, or wrote, cannot be compared.
    #[error("cannot compare what both encoders wrote of {path:?}: {what}")]
    Checked {
        /// The file that they encoded.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// A build that did not do what its time was to be measured for.
    #[error(
        "`{command}` after {after} was to encode the BTF of {wanted} modules, and encoded that of {got}: its time says nothing"
    )]
    NotMeasured {
        /// The command.
        command: String,
        /// What went before: `touch vmlinux`.
        after: &'static str,
        /// How many modules it should have encoded.
        wanted: usize,
        /// How many it did.
        got: usize,
    },
    /// A build that failed while its time was measured.
    #[error("`{command}` {status} while its time was measured; its last lines:\n{output}")]
    BuildFailed {
        /// The command.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it printed.
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

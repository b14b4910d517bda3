//! Why a boot could not be tried or followed.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a boot could not be tried or followed. A failure of QEMU is not an error but an ending: see
/// [`MachineLost`](crate::MachineLost).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BootError {
    /// The run's directory could not be made ready.
    #[error("cannot prepare the run directory {path}")]
    Prepare {
        /// The directory.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// A file of the run could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// What runs QEMU could not be followed or killed: something of it may be left.
    #[error("cannot follow or end what runs QEMU for {path}; look for processes that are left")]
    Process {
        /// The run's directory.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

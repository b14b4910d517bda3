//! The directories of the cache.
//!
//! - `kernels/<release>-<version>-<hash>/`: unpacked kernels, each published whole by one rename
//! - `debug/<release>-<version>-<hash>/`: debug information of kernels, published the same way
//! - `sources/<series>-<version>-<hash>/`: kernel sources, published the same way
//! - `builds/<series>-<config>-<upgrade>-<key>/`: kernels built from source, published the same way
//! - `trees/<series>-<config>-<key>/`: the output trees that upgrades are built on
//! - `tools/<name>-<key>/`: pinned programs, published the same way
//! - `benches/`: private copies of output trees. Each is locked while it is used; unlocked ones are removed
//! - `logs/`: the output of the builds
//! - `debs/`: packages that were downloaded and verified, but not yet unpacked
//! - `apt/`: the private apt state, with a lock of its own
//!
//! [`Cache`] itself creates everything else.

use std::path::{Path, PathBuf};

use container::Cache;

const DIRECTORIES: &[&str] =
    &["kernels", "debug", "sources", "builds", "trees", "tools", "benches", "logs", "debs", "apt"];

/// The cache that the environment selects, see [`Cache::from_env`].
///
/// # Errors
///
/// Same as [`Cache::from_env`].
pub fn from_env() -> Result<Cache, container::Error> {
    Cache::from_env(DIRECTORIES)
}

/// The cache in this directory, see [`Cache::at`].
///
/// # Errors
///
/// Same as [`Cache::at`].
pub fn at(root: &Path) -> Result<Cache, container::Error> {
    Cache::at(root, DIRECTORIES)
}

/// The directories of the cache, by their content.
pub(crate) trait Directories {
    fn kernels(&self) -> PathBuf;
    fn debug(&self) -> PathBuf;
    fn sources(&self) -> PathBuf;
    fn builds(&self) -> PathBuf;
    fn trees(&self) -> PathBuf;
    fn tools(&self) -> PathBuf;
    fn benches(&self) -> PathBuf;
    fn logs(&self) -> PathBuf;
    fn debs(&self) -> PathBuf;
    fn apt(&self) -> PathBuf;
}

impl Directories for Cache {
    fn kernels(&self) -> PathBuf {
        self.directory("kernels")
    }

    fn debug(&self) -> PathBuf {
        self.directory("debug")
    }

    fn sources(&self) -> PathBuf {
        self.directory("sources")
    }

    fn builds(&self) -> PathBuf {
        self.directory("builds")
    }

    fn trees(&self) -> PathBuf {
        self.directory("trees")
    }

    fn tools(&self) -> PathBuf {
        self.directory("tools")
    }

    fn benches(&self) -> PathBuf {
        self.directory("benches")
    }

    fn logs(&self) -> PathBuf {
        self.directory("logs")
    }

    fn debs(&self) -> PathBuf {
        self.directory("debs")
    }

    fn apt(&self) -> PathBuf {
        self.directory("apt")
    }
}

/// A cache in a temporary directory, with shell scripts as programs.
#[cfg(test)]
pub(crate) fn fixture() -> container::testing::Fixture {
    container::testing::Fixture::with_directories(DIRECTORIES)
}

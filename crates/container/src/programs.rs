//! Finding the host's programs.

use std::env;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// The directories in which the host's programs are searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    directories: Vec<PathBuf>,
}

impl Programs {
    /// `PATH`, then the system's own directories, which are often missing in a user's `PATH`.
    #[must_use]
    pub fn from_env() -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        let system = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
        Self { directories: env::split_paths(&path).filter(|path| path.is_absolute()).chain(system).collect() }
    }

    /// These directories only, in this order.
    #[must_use]
    pub fn in_directories(directories: Vec<PathBuf>) -> Self {
        Self { directories }
    }

    /// The absolute path of a program, if it exists and is executable.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        self.directories.iter().map(|directory| directory.join(name)).find(|path| is_program(path))
    }
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

//! A failed operation on a file or directory.

use std::io;
use std::path::{Path, PathBuf};

/// A failed operation on a file or directory: `cannot read /a/b`.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct FileError {
    /// The operation: `open`, `read`, `list`.
    pub action: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The system's error.
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`: the error of an operation on a path.
    pub fn on(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { action, path: path.as_ref().to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_names_the_operation_the_path_and_the_cause() {
        let error = FileError::on("read", "/a/b")(io::ErrorKind::NotFound.into());
        assert_eq!(crate::error::one_line(&error), "cannot read /a/b: entity not found");
    }
}

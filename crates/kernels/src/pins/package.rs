//! One pinned package, and the characters allowed in its fields.

use serde::{Deserialize, Serialize};
use util::Sha256;

/// One exact package of a kernel. Packages of sources and tools are also fetched as a `Pin`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The output of `uname -r`: `6.1.0-55-cloud-amd64`.
    pub release: String,
    /// The binary package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The suite that had it when it was pinned: `bookworm-security`.
    pub suite: String,
    /// Bytes in the package file.
    pub size: u64,
    /// The package file's hash.
    pub sha256: Sha256,
}

impl Pin {
    /// `package=version`, as in apt's command line.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}={}", self.package, self.version)
    }
}

/// Whether a text is a valid package, release, version or suite, and so is harmless as an argument and in a path:
/// letters, digits and `+-.:~`, not beginning with a `-` or `.`, at most 200 characters.
pub(crate) fn is_word(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && !text.starts_with(['-', '.'])
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.:~".contains(&byte))
}

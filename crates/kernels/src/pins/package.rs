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
    /// The pin of a package that belongs to no release, such as a source or a tool. The package's name replaces the
    /// release.
    pub(crate) fn without_release(package: &str, version: &str, suite: &str, size: u64, sha256: Sha256) -> Self {
        let [release, package] = [package.to_owned(), package.to_owned()];
        Self { release, package, version: version.to_owned(), suite: suite.to_owned(), size, sha256 }
    }

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

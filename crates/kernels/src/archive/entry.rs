//! A package as the archive's index describes it.

use serde::{Deserialize, Serialize};
use util::Sha256;

use crate::error::Error;
use crate::pins::{Pin, is_word};

/// Assumed ratio of unpacked size to package size where the index has no size. For kernels of 6.1 it is four.
const UNPACKED_RATIO: u64 = 5;

/// Prefix of the names of kernel source packages.
const SOURCE_PREFIX: &str = "linux-source-";

/// Prefix of the package names of kernels and of their debug information.
pub(super) const KERNEL_PREFIX: &str = "linux-image-";

/// Suffix of the package names of unsigned kernels.
const KERNEL_SUFFIX: &str = "-unsigned";

/// Prefix of the package names of images from 7.2 on, whose modules are in separate packages.
const SPLIT_IMAGE_PREFIX: &str = "linux-binary-";

/// Suffix of the package names of signed kernels.
const ARCHITECTURE: &str = "-amd64";

/// Suffix of the package names of debug information.
pub(super) const DEBUG_SUFFIX: &str = "-dbg";

/// A package in the archive: a kernel, its debug information, its source, or a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The suite.
    pub suite: String,
    /// The binary package.
    pub package: String,
    /// The kernel's release, taken from the package's name. For a source it is the series (`6.1`), for a tool the
    /// package name.
    pub release: String,
    /// The package's version.
    pub version: String,
    /// Bytes in the package file.
    pub size: u64,
    /// Bytes that it takes when unpacked, according to the package.
    pub unpacked: u64,
    /// The package file's hash, from the signed index.
    pub sha256: Sha256,
}

impl Entry {
    /// The package file's name, as `apt-get download` writes it.
    #[must_use]
    pub fn file_name(&self) -> String {
        file_name(&self.package, &self.version)
    }

    /// This entry converted to a pin.
    #[must_use]
    pub fn to_pin(&self) -> Pin {
        Pin {
            release: self.release.clone(),
            package: self.package.clone(),
            version: self.version.clone(),
            suite: self.suite.clone(),
            size: self.size,
            sha256: self.sha256,
        }
    }

    /// Whether this is a kernel, rather than its source, its debug information, or a tool.
    #[must_use]
    pub fn is_kernel(&self) -> bool {
        self.package.starts_with(KERNEL_PREFIX) && !self.is_debug()
    }

    /// Whether this is a kernel's debug information.
    #[must_use]
    pub fn is_debug(&self) -> bool {
        self.package.ends_with(DEBUG_SUFFIX)
    }

    /// Whether this is an image without modules, see [`super::Reason::SplitPackages`].
    pub(super) fn is_split_image(&self) -> bool {
        self.package.starts_with(SPLIT_IMAGE_PREFIX)
    }

    /// The flavour. Kernels of different flavours (`cloud-amd64`, `rt-amd64`) never replace each other.
    pub(super) fn flavour(&self) -> &str {
        flavour(&self.release)
    }
}

pub(super) fn file_name(package: &str, version: &str) -> String {
    let architecture = if package.starts_with(SOURCE_PREFIX) { "all" } else { "amd64" };
    format!("{package}_{}_{architecture}.deb", version.replace(':', "%3a"))
}

/// Parses lines with suite, package, version, bytes, unpacked KiB and hash. A package that is in several suites is
/// listed once.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, Error> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in text.lines() {
        let entry = parse_line(line).ok_or_else(|| Error::Unreadable {
            doing: "read the archive's index",
            line: line.chars().take(200).collect(),
        })?;
        if !entries.iter().any(|other| other.package == entry.package && other.version == entry.version) {
            entries.push(entry);
        }
    }
    Ok(entries)
}

fn parse_line(line: &str) -> Option<Entry> {
    let words: Vec<&str> = line.split(' ').collect();
    let [suite, package, version, size, unpacked, sha256] = words.as_slice() else { return None };
    let kernel = [KERNEL_PREFIX, SPLIT_IMAGE_PREFIX].iter().find_map(|prefix| package.strip_prefix(prefix));
    let release = match (package.strip_prefix(SOURCE_PREFIX), kernel) {
        (Some(series), _) => series,
        (None, Some(kernel)) => release_of(kernel)?,
        (None, None) => package,
    };
    if ![suite, package, version].into_iter().all(|word| is_word(word)) {
        return None;
    }
    let size: u64 = size.parse().ok()?;
    let unpacked = unpacked.parse::<u64>().map_or(size.saturating_mul(UNPACKED_RATIO), |kib| kib.saturating_mul(1024));
    Some(Entry {
        suite: (*suite).to_owned(),
        package: (*package).to_owned(),
        release: release.to_owned(),
        version: (*version).to_owned(),
        size,
        unpacked,
        sha256: sha256.parse().ok()?,
    })
}

/// The release in a package's name: `6.1.0-55-cloud-amd64` for `linux-image-6.1.0-55-cloud-amd64-unsigned`, for
/// `…-dbg` and for the signed kernel.
pub(super) fn release_of(package: &str) -> Option<&str> {
    let named = [KERNEL_SUFFIX, DEBUG_SUFFIX].iter().find_map(|suffix| package.strip_suffix(suffix));
    named.or_else(|| package.ends_with(ARCHITECTURE).then_some(package))
}

/// The part of a release after the version: `cloud-amd64` for `6.1.0-55-cloud-amd64` and for
/// `6.12.115+deb13-cloud-amd64`.
pub(super) fn flavour(release: &str) -> &str {
    let mut rest = release;
    while let Some((head, tail)) = rest.split_once('-') {
        if head.starts_with(|first: char| first.is_ascii_alphabetic()) {
            break;
        }
        rest = tail;
    }
    if rest.starts_with(|first: char| first.is_ascii_alphabetic()) { rest } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_index_are_read_and_doubles_count_once() {
        let hash = Sha256::of(b"x");
        let line = format!("trixie linux-image-6.12.1-cloud-amd64-unsigned 6.12.1-1 100 200 {hash}");
        let text = format!("{line}\n{}\n", line.replace("trixie", "trixie-security").replace("200", ""));
        let entries = parse(&text).unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].size, entries[0].unpacked, entries[0].suite.as_str()), (100, 204_800, "trixie"));
        assert_eq!(entries[0].release, "6.12.1-cloud-amd64");
        assert_eq!(entries[0].file_name(), "linux-image-6.12.1-cloud-amd64-unsigned_6.12.1-1_amd64.deb");
        for bad in [
            "",
            "x",
            &line.replace("linux-image", "../linux-image"),
            &line.replace(" 100 ", " -1 "),
            &line[..line.len() - 1],
        ] {
            assert!(matches!(parse(&format!("{bad}\n")), Err(Error::Unreadable { .. })), "{bad}");
        }
    }

    #[test]
    fn a_flavour_is_what_follows_the_version() {
        assert_eq!(flavour("6.1.0-55-cloud-amd64"), "cloud-amd64");
        assert_eq!(flavour("6.12.115+deb13.1-cloud-amd64"), "cloud-amd64");
        assert_eq!(flavour("6.12.115+deb13-amd64"), "amd64");
        assert_eq!(flavour("6.1.0-55-rt-amd64"), "rt-amd64");
        assert_eq!(flavour("6.1.0-55"), "");
        assert_eq!(flavour(""), "");
    }
}

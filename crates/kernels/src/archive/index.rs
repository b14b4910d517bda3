//! What the archive has, and what of it comes nearest to what it no longer has.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{Reason, UNPACKED_RATIO, Unavailable};
use crate::error::Error;
use crate::pins::{Pin, is_word};
use crate::version::{compare, line};
use util::Sha256;

/// What the packages of kernel sources are called.
const SOURCE_PREFIX: &str = "linux-source-";

/// What the package names of kernels and of their debug information begin with.
const KERNEL_PREFIX: &str = "linux-image-";

/// What the package names of kernels end with.
const KERNEL_SUFFIX: &str = "-unsigned";

/// What the package names of their debug information end with.
const DEBUG_SUFFIX: &str = "-dbg";

/// A package of a kernel, of its debug information, of its source, or of a tool, that the archive has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The suite.
    pub suite: String,
    /// The binary package.
    pub package: String,
    /// The kernel's release, as the package's name has it; a source has its line there, `6.1`, a tool its
    /// package.
    pub release: String,
    /// The package's version.
    pub version: String,
    /// Bytes in the package file.
    pub size: u64,
    /// Bytes that it takes unpacked, as the package says.
    pub unpacked: u64,
    /// The package file's hash, from the signed index.
    pub sha256: Sha256,
}

impl Entry {
    /// The package file's name, as `apt-get download` makes it.
    #[must_use]
    pub fn file_name(&self) -> String {
        file_name(&self.package, &self.version)
    }

    /// This entry as a pin.
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

    /// Whether this is a kernel, and not its source or debug information, nor a tool.
    #[must_use]
    pub fn is_kernel(&self) -> bool {
        self.package.starts_with(KERNEL_PREFIX) && !self.is_debug()
    }

    /// Whether this is a kernel's debug information, and not a kernel.
    #[must_use]
    pub fn is_debug(&self) -> bool {
        self.package.ends_with(DEBUG_SUFFIX)
    }

    /// Kernels of different flavours (`cloud-amd64`, `rt-amd64`) never stand in for each other.
    fn flavour(&self) -> &str {
        flavour(&self.release)
    }
}

pub(super) fn file_name(package: &str, version: &str) -> String {
    let architecture = if package.starts_with(SOURCE_PREFIX) { "all" } else { "amd64" };
    format!("{package}_{}_{architecture}.deb", version.replace(':', "%3a"))
}

/// Reads lines of suite, package, version, bytes, KiB unpacked, hash. A package that several suites have counts once.
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
    let release = match (package.strip_prefix(SOURCE_PREFIX), package.strip_prefix(KERNEL_PREFIX)) {
        (Some(line), _) => line,
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

/// The release in a package's name.
fn release_of(package: &str) -> Option<&str> {
    [KERNEL_SUFFIX, DEBUG_SUFFIX].iter().find_map(|suffix| package.strip_suffix(suffix))
}

/// What follows the kernel's own version: `cloud-amd64` of `6.1.0-55-cloud-amd64` and of `6.12.115+deb13-cloud-amd64`.
fn flavour(release: &str) -> &str {
    let mut rest = release;
    while let Some((head, tail)) = rest.split_once('-') {
        if head.starts_with(|first: char| first.is_ascii_alphabetic()) {
            break;
        }
        rest = tail;
    }
    if rest.starts_with(|first: char| first.is_ascii_alphabetic()) { rest } else { "" }
}

/// Says that something is gone, and what there is of its kind, line and flavour. `release` is a release or a package.
pub(super) fn gone(wanted: String, release: &str, version: Option<&str>, entries: &[Entry]) -> Unavailable {
    let is_release = release.starts_with(|first: char| first.is_ascii_digit());
    if let Some(package) = Some(release).filter(|name| !is_release && !name.starts_with(KERNEL_PREFIX)) {
        let of_package = entries.iter().filter(|entry| entry.package == package).cloned().collect();
        return gone_of(wanted, version.unwrap_or_default(), of_package);
    }
    let debug = release.ends_with(DEBUG_SUFFIX);
    let release = release.strip_prefix(KERNEL_PREFIX).unwrap_or(release);
    let release = release_of(release).unwrap_or(release);
    let wanted_flavour = Some(flavour(release)).filter(|flavour| !flavour.is_empty()).unwrap_or("cloud-amd64");
    let have = entries
        .iter()
        .filter(|entry| if debug { entry.is_debug() } else { entry.is_kernel() })
        .filter(|entry| line(&entry.release) == line(release) && entry.flavour() == wanted_flavour)
        .cloned()
        .collect();
    gone_of(wanted, version.unwrap_or(release), have)
}

fn gone_of(wanted: String, version: &str, mut have: Vec<Entry>) -> Unavailable {
    have.sort_by(|left, right| compare(&left.version, &right.version));
    let nearest = nearest(version, &have).map(Box::new);
    Unavailable { wanted, reason: Reason::Gone, nearest, have }
}

/// The entry whose version comes nearest: the oldest that is not older, else the newest.
fn nearest(version: &str, have: &[Entry]) -> Option<Entry> {
    let by_version = |left: &&Entry, right: &&Entry| compare(&left.version, &right.version);
    let not_older = have.iter().filter(|entry| compare(&entry.version, version) != Ordering::Less).min_by(by_version);
    not_older.or_else(|| have.iter().max_by(by_version)).cloned()
}

/// The two kernels that come nearest to a pair of versions: what is still there of it stays, and the other end is its
/// neighbour; if both are gone, the newest two. Nothing if the archive has fewer than two kernels of that line.
#[must_use]
pub fn nearest_pair(from: &str, to: &str, have: &[Entry]) -> Option<(Entry, Entry)> {
    let mut sorted: Vec<&Entry> = have.iter().collect();
    sorted.sort_by(|left, right| compare(&left.version, &right.version));
    let at = |version: &str| sorted.iter().position(|entry| compare(&entry.version, version) == Ordering::Equal);
    let pair = |from: usize| Some((*sorted.get(from)?, *sorted.get(from.checked_add(1)?)?));
    let (from, to) = match (at(from), at(to)) {
        (Some(from), Some(to)) => (*sorted.get(from)?, *sorted.get(to)?),
        (Some(from), None) => pair(from).or_else(|| pair(from.checked_sub(1)?))?,
        (None, Some(to)) => to.checked_sub(1).and_then(pair).or_else(|| pair(to))?,
        (None, None) => pair(sorted.len().checked_sub(2)?)?,
    };
    Some((from.clone(), to.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(release: &str, version: &str) -> Entry {
        let sha256 = Sha256::of(release.as_bytes());
        let text = format!("suite linux-image-{release}-unsigned {version} 10 20 {sha256}");
        parse_line(&text).unwrap()
    }

    fn versions(pair: Option<(Entry, Entry)>) -> Option<(String, String)> {
        pair.map(|(from, to)| (from.version, to.version))
    }

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
    fn a_source_is_no_kernel_and_its_package_is_for_every_architecture() {
        let hash = Sha256::of(b"x");
        let entries = parse(&format!("sid linux-source-7.2 7.2.13-1 100 200 {hash}\n")).unwrap();
        assert_eq!((entries[0].release.as_str(), entries[0].is_kernel()), ("7.2", false));
        assert_eq!(entries[0].file_name(), "linux-source-7.2_7.2.13-1_all.deb");
        let gone = gone("x".into(), "6.1.0-55-cloud-amd64", None, &entries);
        assert_eq!(gone.have, [], "a source never stands in for a kernel");
    }

    #[test]
    fn debug_information_is_no_kernel_and_neither_stands_in_for_the_other() {
        let hash = Sha256::of(b"x");
        let text = format!("s linux-image-6.1.0-57-cloud-amd64-dbg 6.1.200-1 1 2 {hash}\n");
        let mut entries = parse(&text).unwrap();
        assert_eq!((entries[0].release.as_str(), entries[0].is_debug()), ("6.1.0-57-cloud-amd64", true));
        assert_eq!(entries[0].file_name(), "linux-image-6.1.0-57-cloud-amd64-dbg_6.1.200-1_amd64.deb");
        entries.push(entry("6.1.0-58-cloud-amd64", "6.1.300-1"));
        let nearest = |package: &str| gone("x".into(), package, Some("6.1.192-2"), &entries).nearest.unwrap().version;
        assert_eq!(nearest("linux-image-6.1.0-56-cloud-amd64-dbg"), "6.1.200-1");
        assert_eq!(nearest("linux-image-6.1.0-56-cloud-amd64-unsigned"), "6.1.300-1");
        assert_eq!(nearest("6.1.0-56-cloud-amd64"), "6.1.300-1");
    }

    #[test]
    fn a_tool_stands_under_its_package_and_stands_in_for_its_own_versions_only() {
        let hash = Sha256::of(b"x");
        let text = format!("bookworm libbpf1 1:1.1.2-0+deb12u1 1 2 {hash}\ntrixie pahole 1.30-1 1 2 {hash}\n");
        let mut entries = parse(&text).unwrap();
        assert_eq!((entries[0].release.as_str(), entries[0].is_kernel()), ("libbpf1", false));
        assert_eq!(entries[0].file_name(), "libbpf1_1%3a1.1.2-0+deb12u1_amd64.deb");
        entries.push(entry("6.1.0-58-cloud-amd64", "6.1.300-1"));
        let have = |wanted: &str| gone("x".into(), wanted, Some("1.24-4.1"), &entries).have;
        assert_eq!(have("pahole"), [entries[1].clone()]);
        assert_eq!(have("6.1.0-56-cloud-amd64"), [entries[2].clone()]);
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

    #[test]
    fn what_is_gone_names_its_nearest_of_the_same_line_and_flavour() {
        let entries = [
            entry("6.1.0-57-cloud-amd64", "6.1.200-1"),
            entry("6.1.0-50-cloud-amd64", "6.1.176-1"),
            entry("6.1.0-56-amd64", "6.1.192-2"),
            entry("6.12.1+deb13-cloud-amd64", "6.12.1-1"),
        ];
        let gone = gone("x".into(), "6.1.0-55-cloud-amd64", Some("6.1.192-1"), &entries);
        let versions: Vec<_> = gone.have.iter().map(|entry| entry.version.as_str()).collect();
        assert_eq!(versions, ["6.1.176-1", "6.1.200-1"]);
        assert_eq!(gone.nearest.unwrap().version, "6.1.200-1");
        assert_eq!(nearest("6.1.300-1", &gone.have).unwrap().version, "6.1.200-1");
        assert_eq!(nearest("6.1.300-1", &[]), None);
    }

    #[test]
    fn a_pair_keeps_the_end_that_is_still_there() {
        let have = [entry("6.1.0-1-a", "3"), entry("6.1.0-2-a", "1"), entry("6.1.0-3-a", "2")];
        let pair = |from, to, have: &[Entry]| versions(nearest_pair(from, to, have));
        let some = |from: &str, to: &str| Some((from.to_owned(), to.to_owned()));
        assert_eq!(pair("1", "9", &have), some("1", "2"));
        assert_eq!(pair("3", "9", &have), some("2", "3"));
        assert_eq!(pair("0", "3", &have), some("2", "3"));
        assert_eq!(pair("0", "1", &have), some("1", "2"));
        assert_eq!(pair("0", "9", &have), some("2", "3"));
        assert_eq!(pair("1", "3", &have), some("1", "3"));
        assert_eq!(pair("1", "9", &have[..1]), None);
        assert_eq!(pair("1", "9", &[]), None);
    }
}

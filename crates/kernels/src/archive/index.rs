//! The archive's index: reading it, looking up packages, and suggesting others for those it lacks.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use container::{AloneLock, Context};
use util::error::one_line;

use super::access::Archive;
use super::entry::{DEBUG_SUFFIX, Entry, KERNEL_PREFIX, flavour, release_of};
use super::unavailable::{Availability, Reason, Unavailable};
use crate::error::Error;
use crate::pins::{KernelSpec, PREFERRED_FLAVOUR, Pin};
use crate::stage;
use crate::version::{compare, series};

/// The packages in the suites that were searched.
#[derive(Debug)]
pub(super) struct Index {
    suites: Vec<String>,
    entries: Vec<Entry>,
}

/// Reads the index of some suites, or returns the reason why it cannot be read. The caller holds the lock on apt's
/// state: two runs with different suites would read each other's index.
pub(super) fn read(
    context: &Context<'_>,
    archive: &dyn Archive,
    suites: BTreeSet<String>,
    _apt: &AloneLock,
) -> Result<Availability<Index, Reason>, Error> {
    if context.offline {
        return Ok(Availability::Unavailable(Reason::Offline));
    }
    match context.stage(stage::INDEX, "reading the archive's index", || archive.index(&suites)) {
        Ok(entries) => Ok(Availability::Available(Index { suites: suites.into_iter().collect(), entries })),
        Err(
            error @ Error::Container(
                container::Error::Cancelled { .. } | container::Error::DiskFull { .. } | container::Error::Io { .. },
            ),
        ) => Err(error),
        Err(error) => Ok(Availability::Unavailable(Reason::Unreachable { detail: complaint(&error) })),
    }
}

/// apt's own complaint, or an empty text.
fn complaint(error: &Error) -> String {
    let of_apt = match error {
        Error::Container(container::Error::Failed { output, .. }) => {
            output.lines().find_map(|line| line.strip_prefix("E: ")).map(str::to_owned)
        }
        _ => None,
    };
    of_apt.unwrap_or_else(|| one_line(error)).trim().to_owned()
}

impl Index {
    /// The kernels that can be unpacked and booted. From 7.2 on the package `linux-image-*` is empty and the image is
    /// in `linux-binary-*`.
    fn kernels(&self) -> Vec<&Entry> {
        let split: BTreeSet<&str> =
            self.entries.iter().filter(|entry| entry.is_split_image()).map(|entry| entry.release.as_str()).collect();
        let whole = |entry: &&Entry| entry.is_kernel() && !split.contains(entry.release.as_str());
        self.entries.iter().filter(whole).collect()
    }

    /// The kernel that a command line names.
    pub(super) fn find_kernel(&self, spec: &KernelSpec) -> Availability<Pin> {
        let kernels = self.kernels();
        if let Some(entry) = spec.pick(&kernels, |entry| (&entry.release, &entry.package, &entry.version)) {
            return Availability::Available(entry.to_pin());
        }
        let images: Vec<_> = self.entries.iter().filter(|entry| entry.is_split_image()).collect();
        if let Some(entry) = spec.pick(&images, |entry| (&entry.release, &entry.package, &entry.version)) {
            let reason = Reason::SplitPackages { package: format!("{}={}", entry.package, entry.version) };
            return Availability::Unavailable(Unavailable::because(spec.to_string(), reason));
        }
        Availability::Unavailable(match spec {
            KernelSpec::Package { package, version } => self.lacks_package(spec.to_string(), package, version),
            KernelSpec::Release(release) => {
                let has_flavour = !flavour(release).is_empty();
                let packages = format!("{KERNEL_PREFIX}{release}{}", if has_flavour { "[-unsigned]" } else { "-*" });
                let have = self.of_kind_and_series(release, false);
                let not_found = Reason::NotFound { packages, suites: self.suites.clone() };
                offer(spec.to_string(), not_found, have, |entry| compare_releases(&entry.release, release))
            }
        })
    }

    /// The entry for a pin. An entry with another hash is an error, reported before the download.
    pub(super) fn find_pinned(&self, pin: &Pin) -> Result<Availability<Entry>, Error> {
        let wanted = pin.name();
        let same = |entry: &&Entry| entry.package == pin.package && entry.version == pin.version;
        let Some(entry) = self.entries.iter().find(same) else {
            return Ok(Availability::Unavailable(self.lacks_package(wanted, &pin.package, &pin.version)));
        };
        if entry.sha256 != pin.sha256 {
            let source_of_hash = "according to the archive's signed index";
            return Err(Error::WrongHash { file: wanted, wanted: pin.sha256, got: entry.sha256, source_of_hash });
        }
        Ok(Availability::Available(entry.clone()))
    }

    /// The reason for a missing package, with suggestions: for a kernel or its debug information, others of the same
    /// series and flavour; for any other package, its other versions.
    fn lacks_package(&self, wanted: String, package: &str, version: &str) -> Unavailable {
        let have = match package.strip_prefix(KERNEL_PREFIX) {
            Some(kernel) => {
                self.of_kind_and_series(release_of(kernel).unwrap_or(kernel), kernel.ends_with(DEBUG_SUFFIX))
            }
            None => self.entries.iter().filter(|entry| entry.package == package).collect(),
        };
        let not_found = Reason::NotFound { packages: wanted.clone(), suites: self.suites.clone() };
        offer(wanted, not_found, have, |entry| compare(&entry.version, version))
    }

    /// The kernels, or the debug information, of the same series and flavour as a release.
    fn of_kind_and_series(&self, release: &str, debug: bool) -> Vec<&Entry> {
        let wanted = Some(flavour(release)).filter(|flavour| !flavour.is_empty()).unwrap_or(PREFERRED_FLAVOUR);
        let kind = match debug {
            true => self.entries.iter().filter(|entry| entry.is_debug()).collect(),
            false => self.kernels(),
        };
        let alike = |entry: &&Entry| series(&entry.release) == series(release) && entry.flavour() == wanted;
        kind.into_iter().filter(alike).collect()
    }
}

/// Compares releases without their flavours, which dpkg's rules would treat as part of the version.
fn compare_releases(left: &str, right: &str) -> Ordering {
    let bare = |release: &str| {
        let of_flavour = flavour(release);
        release.strip_suffix(of_flavour).unwrap_or(release).trim_end_matches('-').to_owned()
    };
    compare(&bare(left), &bare(right))
}

/// Suggests the nearest entry: the oldest that is not older than the wanted one, or else the newest.
fn offer(wanted: String, reason: Reason, have: Vec<&Entry>, to_wanted: impl Fn(&Entry) -> Ordering) -> Unavailable {
    let mut have: Vec<Entry> = have.into_iter().cloned().collect();
    have.sort_by(|left, right| compare(&left.version, &right.version));
    let newer = have.iter().find(|entry| to_wanted(entry) != Ordering::Less);
    let nearest = newer.or_else(|| have.last()).cloned().map(Box::new);
    Unavailable { wanted, reason, nearest, have }
}

/// The two kernels nearest to a pair of versions. If one of the two exists, it stays and its neighbour becomes the
/// other end. If neither exists, the newest two are returned. `None` if the archive has fewer than two kernels of
/// that series.
#[must_use]
pub fn nearest_pair(from: &str, to: &str, have: &[Entry]) -> Option<(Entry, Entry)> {
    let mut sorted: Vec<&Entry> = have.iter().collect();
    sorted.sort_by(|left, right| compare(&left.version, &right.version));
    // A kernel may be listed signed and unsigned.
    sorted.dedup_by(|left, right| left.version == right.version);
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
    use super::super::entry::parse;
    use super::*;
    use util::Sha256;

    fn index(packages: &[(&str, &str)]) -> Index {
        let hash = Sha256::of(b"x");
        let text: String =
            packages.iter().map(|(name, version)| format!("s {name} {version} 10 20 {hash}\n")).collect();
        Index { suites: vec!["s".into(), "s-security".into()], entries: parse(&text).unwrap() }
    }

    fn kernel(release: &str) -> String {
        format!("linux-image-{release}-unsigned")
    }

    fn lacks(index: &Index, spec: &str) -> Unavailable {
        index.find_kernel(&spec.parse().unwrap()).into_result().unwrap_err()
    }

    fn nearest(index: &Index, spec: &str) -> Option<String> {
        lacks(index, spec).nearest.map(|entry| entry.release.clone())
    }

    #[test]
    fn missing_release_offers_the_nearest_release() {
        let names = ["6.1.0-47", "6.1.0-50", "6.1.0-57"].map(|release| kernel(&format!("{release}-cloud-amd64")));
        let other = [kernel("6.1.0-59-amd64"), kernel("6.12.1+deb13-cloud-amd64")];
        let index = index(&[
            (&names[0], "6.1.170-1"),
            (&names[1], "6.1.176-1"),
            (&names[2], "6.1.200-1"),
            (&other[0], "6.1.210-1"),
            (&other[1], "6.12.1-1"),
        ]);
        for spec in ["6.1.0-58", "6.1.0-58-cloud-amd64", "6.1.0-99", "6.1.0-51"] {
            assert_eq!(nearest(&index, spec).as_deref(), Some("6.1.0-57-cloud-amd64"), "{spec}");
        }
        assert_eq!(nearest(&index, "6.1.0-48").as_deref(), Some("6.1.0-50-cloud-amd64"));
        assert_eq!(nearest(&index, "6.1.0-1").as_deref(), Some("6.1.0-47-cloud-amd64"));
        assert_eq!(nearest(&index, "6.1.0-58-amd64").as_deref(), Some("6.1.0-59-amd64"));
        assert_eq!(nearest(&index, "6.1.0-58-rt-amd64"), None);
        assert_eq!(
            nearest(&index, "linux-image-6.1.0-56-cloud-amd64-unsigned=6.1.192-2").as_deref(),
            Some("6.1.0-57-cloud-amd64")
        );
    }

    #[test]
    fn missing_kernel_says_where_it_was_looked_for() {
        let text = |spec: &str| lacks(&index(&[]), spec).to_string();
        assert_eq!(text("6.1.0-58"), "6.1.0-58 is unavailable: no package linux-image-6.1.0-58-* in s or s-security");
        assert!(text("6.1.0-58-cloud-amd64").contains("linux-image-6.1.0-58-cloud-amd64[-unsigned] in s or"));
        assert!(text("linux-image-x-unsigned=1-1").contains("no package linux-image-x-unsigned=1-1 in s or"));
    }

    #[test]
    fn signed_kernel_is_found_where_there_is_no_unsigned_one() {
        let release = "6.12.107+deb13-cloud-amd64";
        let signed = format!("linux-image-{release}");
        let found =
            |index: &Index| index.find_kernel(&"6.12.107+deb13".parse().unwrap()).into_result().unwrap().package;
        assert_eq!(found(&index(&[(&signed, "6.12.107-1")])), signed);
        let both = index(&[(&signed, "6.12.107-1"), (&kernel(release), "6.12.107-1")]);
        assert_eq!(found(&both), kernel(release));
    }

    #[test]
    fn split_packages_are_named_and_never_offered() {
        let binary = "linux-binary-7.2.13+deb14-cloud-amd64";
        let index = index(&[(binary, "7.2.13-1"), ("linux-image-7.2.13+deb14-cloud-amd64", "7.2.13-1")]);
        let unavailable = lacks(&index, "7.2.13+deb14");
        assert!(matches!(&unavailable.reason, Reason::SplitPackages { package } if package.starts_with(binary)));
        assert_eq!(nearest(&index, "7.2.12+deb14"), None);
    }

    #[test]
    fn source_debug_and_tool_never_stand_in_for_a_kernel() {
        let index = index(&[
            ("linux-source-6.1", "6.1.200-1"),
            ("linux-image-6.1.0-57-cloud-amd64-dbg", "6.1.200-1"),
            (&kernel("6.1.0-58-cloud-amd64"), "6.1.300-1"),
            ("libbpf1", "1:1.1.2-0+deb12u1"),
            ("pahole", "1.30-1"),
        ]);
        assert_eq!(nearest(&index, "6.1.0-56").as_deref(), Some("6.1.0-58-cloud-amd64"));
        let have = |package: &str| {
            let entries = index.lacks_package("x".into(), package, "6.1.192-2").have;
            entries.into_iter().map(|entry| entry.package).collect::<Vec<_>>()
        };
        assert_eq!(have("linux-image-6.1.0-56-cloud-amd64-dbg"), ["linux-image-6.1.0-57-cloud-amd64-dbg"]);
        assert_eq!(have("linux-image-6.1.0-56-cloud-amd64-unsigned"), [kernel("6.1.0-58-cloud-amd64")]);
        assert_eq!(have("pahole"), ["pahole"]);
    }

    #[test]
    fn a_pair_keeps_the_end_that_is_still_there() {
        let have = [("6.1.0-1-a", "3"), ("6.1.0-2-a", "1"), ("6.1.0-3-a", "2")].map(|(release, version)| {
            parse(&format!("s {} {version} 1 1 {}", kernel(release), Sha256::of(b"x"))).unwrap().remove(0)
        });
        let pair = |from, to, have: &[Entry]| nearest_pair(from, to, have).map(|(from, to)| (from.version, to.version));
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

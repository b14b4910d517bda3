//! The names of kernels on a command line.

use std::str::FromStr;

use super::package::is_word;
use crate::error::Error;
use crate::version::{compare, series};

/// The default flavour for a kernel that is named without one.
pub(crate) const PREFERRED_FLAVOUR: &str = "cloud-amd64";

/// A kernel as named on a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KernelSpec {
    /// By its release, with or without the flavour: `6.1.0-55-cloud-amd64`, `6.1.0-55`.
    Release(String),
    /// By package and version: `linux-image-6.1.0-55-cloud-amd64-unsigned=6.1.192-1`.
    Package {
        /// The binary package.
        package: String,
        /// Its version.
        version: String,
    },
}

impl KernelSpec {
    /// The item that this names. Without a flavour, `cloud-amd64` is preferred, then the shortest name. Among several
    /// versions of a release the newest is used, and an unsigned package is preferred to a signed one.
    pub(crate) fn pick<'a, T>(
        &self,
        items: &'a [T],
        key: impl Fn(&'a T) -> (&'a str, &'a str, &'a str),
    ) -> Option<&'a T> {
        match self {
            Self::Package { package, version } => items.iter().find(|item| {
                let (_, has_package, has_version) = key(item);
                has_package == package && has_version == version
            }),
            Self::Release(wanted) => {
                let flavour =
                    |release: &'a str| release.strip_prefix(wanted.as_str()).map(|rest| rest.trim_start_matches('-'));
                items.iter().filter(|item| names(wanted, key(item).0)).min_by(|left, right| {
                    let rank = |item: &'a T| {
                        let flavour = flavour(key(item).0).unwrap_or_default();
                        (flavour != PREFERRED_FLAVOUR, flavour.len(), flavour)
                    };
                    let signed = |item: &'a T| !key(item).1.ends_with("-unsigned");
                    rank(left)
                        .cmp(&rank(right))
                        .then_with(|| compare(key(left).2, key(right).2).reverse())
                        .then_with(|| signed(left).cmp(&signed(right)))
                })
            }
        }
    }
}

/// Whether `wanted` is the release, or the release without its flavour.
fn names(wanted: &str, release: &str) -> bool {
    release.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

impl FromStr for KernelSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |why| Error::BadSpec { given: text.to_owned(), what: "a kernel", why };
        match text.split_once('=') {
            Some((package, version)) if is_word(package) && is_word(version) => {
                Ok(Self::Package { package: package.to_owned(), version: version.to_owned() })
            }
            Some(_) => Err(bad("expected package=version")),
            None if !is_word(text) => Err(bad("expected a release such as 6.1.0-55, or package=version")),
            None if series(text).is_none() => Err(bad("a release begins with two numbers, such as 6.1")),
            None => Ok(Self::Release(text.to_owned())),
        }
    }
}

impl std::fmt::Display for KernelSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Release(release) => f.write_str(release),
            Self::Package { package, version } => write!(f, "{package}={version}"),
        }
    }
}

/// Two kernels, `FROM..TO`: the one that boots, and the one whose modules are loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairSpec {
    /// The kernel that boots.
    pub from: KernelSpec,
    /// The kernel whose modules are loaded.
    pub to: KernelSpec,
}

impl FromStr for PairSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (from, to) = text.split_once("..").ok_or_else(|| Error::BadSpec {
            given: text.to_owned(),
            what: "a pair of kernels",
            why: "expected FROM..TO",
        })?;
        Ok(Self { from: from.parse()?, to: to.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_flavour_the_cloud_kernel_is_meant_and_the_newest_version() {
        let items = [
            ("6.1.0-60-amd64", "6.1.200-1"),
            ("6.1.0-60-rt-amd64", "6.1.200-1"),
            ("6.1.0-60-cloud-amd64", "6.1.200-1"),
            ("6.1.0-60-cloud-amd64", "6.1.200-2"),
        ];
        let pick = |spec: &str, items: &[(&'static str, &'static str)]| {
            spec.parse::<KernelSpec>().unwrap().pick(items, |item| (item.0, "", item.1)).copied()
        };
        assert_eq!(pick("6.1.0-60", &items), Some(("6.1.0-60-cloud-amd64", "6.1.200-2")));
        assert_eq!(pick("6.1.0-60", &items[..2]), Some(("6.1.0-60-amd64", "6.1.200-1")));
        assert_eq!(pick("6.1.0-60-rt", &items), Some(("6.1.0-60-rt-amd64", "6.1.200-1")));
    }

    #[test]
    fn a_pair_is_split_at_two_dots() {
        let pair: PairSpec = "6.12.115+deb13..6.12.115+deb13.1".parse().unwrap();
        assert_eq!(pair.from, KernelSpec::Release("6.12.115+deb13".into()));
        assert_eq!(pair.to, KernelSpec::Release("6.12.115+deb13.1".into()));
        for text in ["6.1.0-55", "..", "6.1.0-55..", "..6.1.0-56", "6.1.0-55..-rf", "a=b=c..6.1", "6.1..$(reboot)"] {
            assert!(text.parse::<PairSpec>().is_err(), "{text}");
        }
    }
}

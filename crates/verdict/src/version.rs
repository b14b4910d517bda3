//! Versions of the kernel, as far as rules depend on them.

use core::fmt;
use core::str::FromStr;

/// A kernel's version: `6.1.192` or `7.2`.
///
/// A distribution's release string need not say the stable version (`6.1.0-56-cloud-amd64` is 6.1.192), so a third number of 0 or none
/// means that it is unknown. Rules then assume the newest kernel of the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KernelVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number, if it is known.
    pub patch: Option<u32>,
}

/// A text that does not start with a kernel's version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} does not start with a kernel's version, such as 6.1 or 7.2.13")]
pub struct NotAVersion {
    /// The text.
    pub text: String,
}

impl KernelVersion {
    /// A kernel of a series, with an unknown third number.
    #[must_use]
    pub const fn series(major: u32, minor: u32) -> Self {
        Self { major, minor, patch: None }
    }

    /// Whether this is the release with these numbers or a later one. Releases of different series are ordered by their series.
    #[must_use]
    pub fn at_least(self, major: u32, minor: u32, patch: u32) -> bool {
        (self.major, self.minor, self.patch.unwrap_or(u32::MAX)) >= (major, minor, patch)
    }

    /// Whether both belong to one series, such as 6.1.
    #[must_use]
    pub const fn same_series(self, other: Self) -> bool {
        self.major == other.major && self.minor == other.minor
    }
}

impl FromStr for KernelVersion {
    type Err = NotAVersion;

    /// Reads the numbers at the start: `6.12.115+deb13-cloud-amd64` is 6.12.115.
    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let wrong = || NotAVersion { text: text.to_owned() };
        let numbers_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut numbers = text.get(..numbers_end).unwrap_or(text).split('.').map(str::parse::<u32>);
        let major = numbers.next().and_then(Result::ok).ok_or_else(wrong)?;
        let minor = numbers.next().and_then(Result::ok).ok_or_else(wrong)?;
        let patch = numbers.next().and_then(Result::ok).filter(|&patch| patch != 0);
        Ok(Self { major, minor, patch })
    }
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.patch {
            None => write!(f, "{}.{}", self.major, self.minor),
            Some(patch) => write!(f, "{}.{}.{patch}", self.major, self.minor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_off_the_start_of_a_release() {
        let read = |text: &str| text.parse::<KernelVersion>().map(|version| version.to_string());
        assert_eq!(read("6.12.115+deb13-cloud-amd64").unwrap(), "6.12.115");
        assert_eq!(read("6.1.0-56-cloud-amd64").unwrap(), "6.1");
        assert_eq!(read("7.3-rc1").unwrap(), "7.3");
        assert_eq!(read("5.15.0").unwrap(), "5.15");
    }

    #[test]
    fn a_version_needs_two_numbers() {
        for text in ["", "6", "linux-6.1", ".1", "6.", "99999999999.1"] {
            assert!(text.parse::<KernelVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn versions_are_ordered_by_number() {
        let at_least = |text: &str, patch| text.parse::<KernelVersion>().unwrap().at_least(6, 12, patch);
        assert!(!at_least("6.9", 0) && at_least("6.12", 0) && at_least("7.0", 5));
        assert!(!at_least("6.12.4", 5) && at_least("6.12.5", 5));
        assert!(at_least("6.12.0-1-amd64", 5), "an unknown third number is the newest");
    }
}

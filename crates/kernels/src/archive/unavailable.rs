//! What cannot be had although nothing failed: one type for it over the whole workspace.

use std::fmt;

use super::entry::Entry;

/// Something that is there, or the reason why it is not to be had although nothing failed.
///
/// It is the answer of everything that gets kernels, sources, tools or builds: `Result<Availability<T>, Error>`. The error ends
/// a run. Unavailability does not, but it is never a success either: whoever runs a check on `T` has to report the check as
/// *unavailable* ([`Availability::into_result`] gives the reason), since a check that did not run is not a pass.
///
/// ```
/// use kernels::Availability;
///
/// fn verdict(kernel: Availability<&str, &str>) -> String {
///     match kernel {
///         Availability::Available(kernel) => format!("pass on {kernel}"),
///         Availability::Unavailable(why) => format!("unavailable: {why}"),
///     }
/// }
/// assert_eq!(verdict(Availability::Unavailable("offline")), "unavailable: offline");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "what is unavailable has to be reported"]
pub enum Availability<T, U = Unavailable> {
    /// It is there.
    Available(T),
    /// It is not to be had, for this reason.
    Unavailable(U),
}

impl<T, U> Availability<T, U> {
    /// Changes what is there.
    pub fn map<V>(self, change: impl FnOnce(T) -> V) -> Availability<V, U> {
        match self {
            Self::Available(value) => Availability::Available(change(value)),
            Self::Unavailable(why) => Availability::Unavailable(why),
        }
    }

    /// Changes the reason.
    pub fn map_unavailable<V>(self, change: impl FnOnce(U) -> V) -> Availability<T, V> {
        match self {
            Self::Available(value) => Availability::Available(value),
            Self::Unavailable(why) => Availability::Unavailable(change(why)),
        }
    }

    /// Goes on with what is there.
    pub fn and_then<V>(self, next: impl FnOnce(T) -> Availability<V, U>) -> Availability<V, U> {
        match self {
            Self::Available(value) => next(value),
            Self::Unavailable(why) => Availability::Unavailable(why),
        }
    }

    /// The same, borrowed.
    pub const fn as_ref(&self) -> Availability<&T, &U> {
        match self {
            Self::Available(value) => Availability::Available(value),
            Self::Unavailable(why) => Availability::Unavailable(why),
        }
    }

    /// Whether it is there.
    #[must_use]
    pub const fn is_available(&self) -> bool {
        matches!(self, Self::Available(_))
    }

    /// As a result, for `?` in a function whose error is the reason.
    ///
    /// # Errors
    ///
    /// The reason.
    pub fn into_result(self) -> Result<T, U> {
        match self {
            Self::Available(value) => Ok(value),
            Self::Unavailable(why) => Err(why),
        }
    }
}

impl<T, U> From<Result<T, U>> for Availability<T, U> {
    fn from(result: Result<T, U>) -> Self {
        match result {
            Ok(value) => Self::Available(value),
            Err(why) => Self::Unavailable(why),
        }
    }
}

/// Why a package cannot be had, although nothing failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// What was wanted: `package=version` or a release.
    pub wanted: String,
    /// Why.
    pub reason: Reason,
    /// What the archive has of the same series, in version order.
    pub have: Vec<Entry>,
    /// Of these, the one nearest to what was wanted.
    pub nearest: Option<Box<Entry>>,
}

impl Unavailable {
    /// Without anything that could be offered instead.
    pub(crate) fn because(wanted: String, reason: Reason) -> Self {
        Self { wanted, reason, have: Vec::new(), nearest: None }
    }
}

impl std::error::Error for Unavailable {}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is unavailable: {}", self.wanted, self.reason)?;
        match &self.nearest {
            None => Ok(()),
            Some(entry) => write!(f, "; the nearest is {}={}", entry.package, entry.version),
        }
    }
}

/// Why something is [`Unavailable`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// None of the suites that were searched has such a package. It may be gone, or be elsewhere.
    #[error("no package {packages} in {}", list(.suites))]
    NotFound {
        /// What the packages would be called: `linux-image-6.1.0-99-*`.
        packages: String,
        /// The suites that were searched.
        suites: Vec<String>,
    },
    /// The archive has it, in packages that are not supported.
    #[error(
        "the archive has it as {package}, whose image and modules are in packages of their own, which is not supported"
    )]
    SplitPackages {
        /// The package with the image.
        package: String,
    },
    /// It is not in the cache, and `--offline` was given.
    #[error("it is not in the cache, and --offline forbids fetching it")]
    Offline,
    /// The archive cannot be read.
    #[error("it is not in the cache, and the archive cannot be read: {detail}")]
    Unreachable {
        /// What failed.
        detail: String,
    },
}

fn list(suites: &[String]) -> String {
    match suites {
        [] => "any suite".to_owned(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

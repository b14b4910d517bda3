//! Things that are unavailable although nothing failed: one type for the whole workspace.

use std::fmt;

use super::entry::Entry;

/// A value, or the reason why it is unavailable although nothing failed.
///
/// Every function that gets kernels, sources, tools or builds returns `Result<Availability<T>, Error>`. An error ends
/// the run. An unavailable value does not, but it is never a success either: a caller that wanted to check `T`
/// reports the check as *unavailable* ([`Availability::into_result`] gives the reason), because a check that did not
/// run is not a pass.
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
    /// The value.
    Available(T),
    /// The reason why there is no value.
    Unavailable(U),
}

impl<T, U> Availability<T, U> {
    /// Converts the value.
    pub fn map<V>(self, change: impl FnOnce(T) -> V) -> Availability<V, U> {
        match self {
            Self::Available(value) => Availability::Available(change(value)),
            Self::Unavailable(why) => Availability::Unavailable(why),
        }
    }

    /// Converts the reason.
    pub fn map_unavailable<V>(self, change: impl FnOnce(U) -> V) -> Availability<T, V> {
        match self {
            Self::Available(value) => Availability::Available(value),
            Self::Unavailable(why) => Availability::Unavailable(change(why)),
        }
    }

    /// Continues with the value, if there is one.
    pub fn and_then<V>(self, next: impl FnOnce(T) -> Availability<V, U>) -> Availability<V, U> {
        match self {
            Self::Available(value) => next(value),
            Self::Unavailable(why) => Availability::Unavailable(why),
        }
    }

    /// Borrows the value or the reason.
    pub const fn as_ref(&self) -> Availability<&T, &U> {
        match self {
            Self::Available(value) => Availability::Available(value),
            Self::Unavailable(why) => Availability::Unavailable(why),
        }
    }

    /// Whether there is a value.
    #[must_use]
    pub const fn is_available(&self) -> bool {
        matches!(self, Self::Available(_))
    }

    /// Converts to a `Result`, for `?` in a function whose error is the reason.
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

/// Why a package is unavailable although nothing failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// What was wanted: `package=version` or a release.
    pub wanted: String,
    /// The reason.
    pub reason: Reason,
    /// The packages of the same series that the archive has, in version order.
    pub have: Vec<Entry>,
    /// The one of these that is nearest to the wanted one.
    pub nearest: Option<Box<Entry>>,
}

impl Unavailable {
    /// A reason without suggestions.
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

/// The reason why something is [`Unavailable`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// None of the searched suites has the package. It may have been removed, or be in another suite.
    #[error("no package {packages} in {}", list(.suites))]
    NotFound {
        /// A pattern for the package names: `linux-image-6.1.0-99-*`.
        packages: String,
        /// The suites that were searched.
        suites: Vec<String>,
    },
    /// The archive has the kernel in packages of an unsupported form.
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

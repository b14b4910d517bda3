//! Reasons why a kernel or a source is unavailable, and the endings of the scenarios that need it.

use container::Class;
use kernels::Availability;
use kernels::archive::{self, nearest_pair};

use super::Error;
use super::task::{Origin, Pair};
use crate::exit::Ending;

/// The reason why a kernel or a source is unavailable.
#[derive(Debug, Clone)]
pub(super) enum Unavailable {
    /// The archive lacks the package.
    Package(archive::Unavailable),
    /// The archive lacks the source.
    Source(archive::Unavailable),
    /// Acquiring or building it failed.
    Failed(String),
}

impl Unavailable {
    /// The ending of a scenario that needs this.
    pub(super) fn ending(&self) -> Ending {
        match self {
            Self::Package(unavailable) => Ending::Unavailable { why: unavailable.to_string() },
            Self::Source(unavailable) => Ending::Unavailable {
                why: format!(
                    "{unavailable}\nuse another source of that series: cargo xtask repro --source DIR|TARBALL"
                ),
            },
            Self::Failed(what) => Ending::Environment { what: what.clone() },
        }
    }

    /// The ending of a scenario that needs this as one of its two kernels. For a package, it includes the nearest
    /// pair in the archive.
    pub(super) fn ending_of(&self, pair: &Pair) -> Ending {
        let Self::Package(unavailable) = self else { return self.ending() };
        let version = |origin: &Result<Origin, String>| match origin {
            Ok(Origin::Package(pin)) => pin.version.clone(),
            _ => String::new(),
        };
        match nearest_pair(&version(&pair.running), &version(&pair.modules_of), &unavailable.have) {
            Some((from, to)) => Ending::Unavailable {
                why: format!(
                    "{unavailable}\nthe nearest pair in the archive: cargo xtask repro --pair {}..{}",
                    from.release, to.release
                ),
            },
            None => self.ending(),
        }
    }
}

/// Keeps the failure of one kernel for the scenarios that need it. A request to stop or an invalid request ends the
/// run.
pub(super) fn survivable<T>(result: Result<T, kernels::Error>) -> Result<Availability<T, Unavailable>, Error> {
    match result {
        Ok(value) => Ok(Availability::Available(value)),
        Err(error) if error.class() == Class::Environment => {
            Ok(Availability::Unavailable(Unavailable::Failed(util::error::causes(&error).join(": "))))
        }
        Err(error) => Err(error.into()),
    }
}

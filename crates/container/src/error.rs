//! Errors of engines, images, host packages, programs and the cache directory.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use util::error::{Class, Classified};

use serde::{Deserialize, Serialize};
use util::suggest::Suggestion;

/// An engine that was tried and cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// The engine: `podman with crun`.
    pub what: String,
    /// The reason why it cannot be used, one line.
    pub why: String,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

/// A failure to prepare a program, an image or the cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Unknown engine name.
    #[error("cannot use the engine `{given}`: {}", Suggestion::new(.given, ["auto", "podman", "docker", "host"]))]
    UnknownEngine {
        /// The name that was given.
        given: String,
    },
    /// A path that cannot be passed to a container engine or to apt.
    #[error("cannot mount {path:?} into a container: it {why}; use another directory")]
    BadPath {
        /// The path.
        path: PathBuf,
        /// The problem with the path.
        why: &'static str,
    },
    /// A command without a program.
    #[error("cannot run a command without a program")]
    NoProgram,
    /// There is no directory for the cache.
    #[error("cannot find a cache directory: set MODBTF_CACHE, XDG_CACHE_HOME or HOME to an absolute path")]
    NoCacheDirectory,
    /// No engine runs.
    #[error("cannot run a container: no container engine runs{}; {remedy}", list(.rejected))]
    NoEngine {
        /// The engines that were tried.
        rejected: Vec<Rejected>,
        /// How to get an engine.
        remedy: String,
    },
    /// Packages are missing on the host, and this program may not or cannot install them.
    #[error("cannot continue: the host lacks {}, {why}; {reason}. To install, as root: {command}", .packages.join(" and "))]
    MissingPackages {
        /// Their names.
        packages: Vec<String>,
        /// The purpose of the packages.
        why: String,
        /// The reason why they were not installed.
        reason: &'static str,
        /// The exact command that installs them.
        command: String,
    },
    /// The host is not a Debian system, so we do not know how to install packages.
    #[error("cannot continue: the host lacks {}, {why}; this is {os}, not Debian: install them by hand", .packages.join(" and "))]
    NotDebian {
        /// The missing packages, by Debian's names.
        packages: Vec<String>,
        /// The purpose of the packages.
        why: String,
        /// The name of the host's distribution.
        os: String,
    },
    /// The machine's apt configuration names no mirror.
    #[error(
        "cannot find a Debian {which} mirror in this machine's apt configuration: give one with {option} or {variable}"
    )]
    NoMirror {
        /// The archive: `archive` or `security`.
        which: &'static str,
        /// The option that selects a mirror.
        option: &'static str,
        /// The environment variable that selects a mirror.
        variable: &'static str,
    },
    /// A mirror given by the user that apt in a container could not use.
    #[error("cannot use the mirror `{given}`: an http:// or https:// URI without blanks or quotes is needed")]
    BadMirror {
        /// The mirror that was given.
        given: String,
    },
    /// A file operation failed.
    #[error("cannot {doing} {path:?}")]
    Io {
        /// The operation: `read`, `create`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file system is full, or too small for the operation.
    #[error(
        "the disk is full: cannot {doing} {path:?}{}; free some space there or set MODBTF_CACHE to another directory",
        need(.needed, .free)
    )]
    DiskFull {
        /// The operation.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Bytes that are needed, if known.
        needed: Option<u64>,
        /// Bytes that are free, if known.
        free: Option<u64>,
    },
    /// A program could not be started.
    #[error("cannot start {program}")]
    Start {
        /// The program.
        program: String,
        /// The system's error.
        source: io::Error,
    },
    /// A program failed.
    #[error("cannot {doing}: {program} ended with {status}{}", printed(.output))]
    Failed {
        /// The purpose of the program: `build the image localhost/x`.
        doing: String,
        /// The program.
        program: String,
        /// How it ended: `exit status: 1`.
        status: String,
        /// The end of its output.
        output: String,
    },
    /// A program took too long and was killed.
    #[error("cannot {doing}: no answer within {seconds} s")]
    TimedOut {
        /// The purpose of the program.
        doing: String,
        /// The time limit in seconds.
        seconds: u64,
    },
    /// The user asked to stop.
    #[error("stopped on request; the next step was to {doing}")]
    Cancelled {
        /// The next step.
        doing: String,
    },
    /// An operation that needs a container was requested with the host as engine.
    #[error("cannot bind-mount {path:?} with --engine host; use podman or docker")]
    NeedsContainer {
        /// The path at which the mount should appear.
        path: PathBuf,
    },
    /// `--offline`, and an image does not exist.
    #[error(
        "cannot use the image {image}: it does not exist, and --offline forbids making it; run once without --offline"
    )]
    OfflineImage {
        /// The image.
        image: String,
    },
    /// `--offline`, and host packages are missing.
    #[error("cannot continue: the host lacks {}, {why}, and --offline forbids fetching them; to install, as root: {command}", .packages.join(" and "))]
    OfflinePackages {
        /// Their names.
        packages: Vec<String>,
        /// The purpose of the packages.
        why: String,
        /// The command that installs them.
        command: String,
    },
}

impl Classified for Error {
    fn class(&self) -> Class {
        Self::class(self)
    }
}

impl Error {
    /// The class of trouble.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::UnknownEngine { .. } | Self::BadMirror { .. } => Class::Usage,
            Self::Cancelled { .. } => Class::Cancelled,
            _ => Class::Environment,
        }
    }

    /// The error of a failed file operation. A full disk gets its own variant.
    #[must_use]
    pub fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { doing, path, needed: None, free: None }
            }
            _ => Self::Io { doing, path, source },
        }
    }
}

fn list(rejected: &[Rejected]) -> String {
    let mut text = String::new();
    for one in rejected {
        text.push_str(if text.is_empty() { ": " } else { "; " });
        text.push_str(&format!("{one}"));
    }
    text
}

fn need(needed: &Option<u64>, free: &Option<u64>) -> String {
    match (needed, free) {
        (Some(needed), Some(free)) => format!(" ({needed} bytes needed, {free} free)"),
        _ => String::new(),
    }
}

fn printed(output: &str) -> String {
    match output.trim() {
        "" => String::new(),
        text => format!(", after printing:\n{text}"),
    }
}

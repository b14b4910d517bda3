//! What can go wrong with engines, images, host packages, programs and the cache directory.

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
    /// What was tried: `podman with crun`.
    pub what: String,
    /// Why it cannot be used, one line.
    pub why: String,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

/// Why a program, an image or the cache is not ready.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Unknown engine name.
    #[error("cannot use the engine `{given}`: {}", Suggestion::new(.given, ["auto", "podman", "docker", "host"]))]
    UnknownEngine {
        /// What was given.
        given: String,
    },
    /// A path that cannot be handed to a container engine or to apt.
    #[error("cannot mount {path:?} into a container: it {why}; use another directory")]
    BadPath {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
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
        /// What was tried.
        rejected: Vec<Rejected>,
        /// What to do.
        remedy: String,
    },
    /// Packages are missing on the host, and must not or cannot be installed from here.
    #[error("the host lacks {}, {why}; {reason}. To install, as root: {command}", .packages.join(" and "))]
    MissingPackages {
        /// Their names.
        packages: Vec<String>,
        /// What they are needed for.
        why: String,
        /// Why they were not installed.
        reason: &'static str,
        /// The exact command that installs them.
        command: String,
    },
    /// The host is not a Debian system, so we do not know how to install packages.
    #[error("the host lacks {}, {why}; this is {os}, not Debian: install them by hand", .packages.join(" and "))]
    NotDebian {
        /// What is missing, by Debian's names.
        packages: Vec<String>,
        /// What they are needed for.
        why: String,
        /// What the host calls itself.
        os: String,
    },
    /// The machine's apt configuration names no mirror.
    #[error(
        "cannot find a Debian {which} mirror in this machine's apt configuration: give one with {option} or {variable}"
    )]
    NoMirror {
        /// `archive` or `security`.
        which: &'static str,
        /// The option that names one.
        option: &'static str,
        /// The environment variable that names one.
        variable: &'static str,
    },
    /// A mirror given by hand is not a URI that apt inside a container could use.
    #[error("cannot use the mirror `{given}`: an http:// or https:// URI without blanks or quotes is needed")]
    BadMirror {
        /// What was given.
        given: String,
    },
    /// A file operation failed.
    #[error("cannot {doing} {path:?}")]
    Io {
        /// What was being done: `read`, `create`.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The file system is full, or would be.
    #[error(
        "the disk is full: cannot {doing} {path:?}{}; free some space there or set MODBTF_CACHE to another directory",
        need(.needed, .free)
    )]
    DiskFull {
        /// What was being done.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Bytes that are needed, where that is known.
        needed: Option<u64>,
        /// Bytes that are free, where that is known.
        free: Option<u64>,
    },
    /// A program could not be started.
    #[error("cannot start {program}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program failed.
    #[error("cannot {doing}: {program} ended with {status}{}", printed(.output))]
    Failed {
        /// What it was to do: `build the image localhost/x`.
        doing: String,
        /// The program.
        program: String,
        /// How it ended: `exit status: 1`.
        status: String,
        /// The end of what it printed.
        output: String,
    },
    /// A program took too long and was ended.
    #[error("cannot {doing}: no answer within {seconds} s")]
    TimedOut {
        /// What it was to do.
        doing: String,
        /// How long it had.
        seconds: u64,
    },
    /// Somebody asked to stop.
    #[error("stopped on request; the next step was to {doing}")]
    Cancelled {
        /// What was being done.
        doing: String,
    },
    /// Something that only a container can do, and the host is the engine.
    #[error("cannot bind-mount {path:?} with --engine host; use podman or docker")]
    NeedsContainer {
        /// Where something should have appeared.
        path: PathBuf,
    },
    /// `--offline`, and an image does not exist.
    #[error("the image {image} does not exist, and --offline forbids making it: run once without --offline")]
    OfflineImage {
        /// The image.
        image: String,
    },
    /// `--offline`, and host packages are missing.
    #[error("the host lacks {}, {why}, and --offline forbids fetching them; to install, as root: {command}", .packages.join(" and "))]
    OfflinePackages {
        /// Their names.
        packages: Vec<String>,
        /// What they are needed for.
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

    /// The error of a failed file operation: a full disk is told apart from everything else.
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

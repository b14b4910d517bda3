//! Everything that can go wrong here, and what class of trouble it is.

use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Sha256;
use crate::engine::Rejected;

/// What kind of trouble an [`Error`] is; the caller maps it to an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// What was asked for makes no sense.
    Usage,
    /// The machine, the network or the archive does not provide what is needed.
    Environment,
    /// Somebody asked to stop.
    Cancelled,
}

/// Why something could not be got ready. Texts complete "failed to get ready: …".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An engine's name that is none.
    #[error("`{given}` is not an engine: use auto, podman, docker or host")]
    UnknownEngine {
        /// What was given.
        given: String,
    },
    /// A kernel or a pair of kernels that cannot be parsed.
    #[error("`{given}` does not name {what}: {why}")]
    BadSpec {
        /// What was given.
        given: String,
        /// What it should have named: `a kernel`, `a pair of kernels`.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A path that cannot be handed to a container engine or to apt.
    #[error("the path {path:?} cannot be mounted into a container: it {why}; use another directory")]
    BadPath {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is no directory for the cache.
    #[error("no cache directory is known: set MODBTF_CACHE, XDG_CACHE_HOME or HOME to an absolute path")]
    NoCacheDirectory,
    /// No engine runs.
    #[error("no container engine runs{}; {remedy}", list(.rejected))]
    NoEngine {
        /// What was tried.
        rejected: Vec<Rejected>,
        /// What to do.
        remedy: String,
    },
    /// Packages are missing on the host, and may or can not be installed from here.
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
    /// The host is no Debian, so we do not know how to install packages.
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
    #[error("this machine's apt configuration names no Debian {which} mirror: give one with {option} or {variable}")]
    NoMirror {
        /// `archive` or `security`.
        which: &'static str,
        /// The option that names one.
        option: &'static str,
        /// The environment variable that names one.
        variable: &'static str,
    },
    /// A mirror given by hand is no URI that apt inside a container could use.
    #[error("`{given}` is not a mirror: an http:// or https:// URI without blanks is wanted")]
    BadMirror {
        /// What was given.
        given: String,
    },
    /// A file operation failed.
    #[error("could not {doing} {path:?}: {source}")]
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
        "the disk is full: could not {doing} {path:?}{}; free some space there or set MODBTF_CACHE to another directory",
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
    #[error("could not start {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program failed.
    #[error("could not {doing}: {program} {status}{}", said(.output))]
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
    #[error("could not {doing}: no answer within {seconds} s")]
    TimedOut {
        /// What it was to do.
        doing: String,
        /// How long it had.
        seconds: u64,
    },
    /// Somebody asked to stop.
    #[error("stopped on request while it was to {doing}")]
    Cancelled {
        /// What was being done.
        doing: String,
    },
    /// A file is not the one that was pinned.
    #[error(
        "{file} is not the pinned file: its SHA-256 is {got} ({source_of_hash}), {wanted} is pinned. Nothing of it was used; \
         if the pin is wrong, correct kernel-configs, else distrust the mirror"
    )]
    WrongHash {
        /// The package file or package.
        file: String,
        /// The pinned hash.
        wanted: Sha256,
        /// The hash found.
        got: Sha256,
        /// Where the found hash comes from: `computed`, `the archive's index`.
        source_of_hash: &'static str,
    },
    /// A download ended before the file did.
    #[error("the download of {file} was cut short: {got} of {wanted} bytes came; nothing of it was used, run again")]
    CutShort {
        /// The package file.
        file: String,
        /// Bytes in the complete file.
        wanted: u64,
        /// Bytes that came.
        got: u64,
    },
    /// A package that has no kernel in it.
    #[error("the package {package} holds no {what}, so it cannot be booted")]
    NoKernel {
        /// The package.
        package: String,
        /// What is missing: `boot/vmlinuz-6.1.0-55-cloud-amd64`.
        what: String,
    },
    /// A file of pins that cannot be read.
    #[error("could not read the pins of {path:?}: {source}")]
    Pins {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: toml::de::Error,
    },
    /// A file of pins that contradicts itself.
    #[error("the pins of {path:?} are wrong: {why}")]
    InconsistentPins {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A tool printed something that we do not understand.
    #[error("could not {doing}: did not understand the line {line:?}")]
    Unreadable {
        /// What was being done.
        doing: &'static str,
        /// The line, cut to 200 characters.
        line: String,
    },
    /// Something that only a container can do, and the host is the engine.
    #[error("on the host nothing can be seen at {path:?} that lies elsewhere: building kernels needs podman or docker")]
    NeedsContainer {
        /// Where something was to be seen.
        path: PathBuf,
    },
    /// A line, configuration or upgrade that there is not.
    #[error("there is no {what} {given}; there {}", known_text(.known))]
    UnknownName {
        /// What was named: `kernel line`, `configuration`, `upgrade`.
        what: &'static str,
        /// What was given.
        given: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Somebody's own source that no kernel can be built from.
    #[error("{path:?} is no kernel source to build from: {why}")]
    NoSource {
        /// The directory or tarball.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A line of a configuration fragment that is none.
    #[error(
        "the fragment {path:?} is wrong in line {line}: {text:?} sets no symbol; CONFIG_X=value or `# CONFIG_X is not set` is wanted"
    )]
    BadFragment {
        /// The fragment.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// The line, cut to 200 characters.
        text: String,
    },
    /// The final configuration is not what its fragments ask for.
    #[error(
        "the configuration of {what} is not what its fragments ask for: {}; ask for what these symbols depend on, or, if they \
         vanished from this source, take them out of kernel-configs/fragments or declare them as expected off",
        .lost.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    ConfigLost {
        /// What was to be built.
        what: String,
        /// Each symbol that is not as asked for.
        lost: Vec<crate::build::Lost>,
    },
    /// Packages of a tool without the program.
    #[error("the packages of the tool {tool} hold no {program}; correct kernel-configs/tools.toml")]
    NoTool {
        /// The tool.
        tool: String,
        /// The program's path that is pinned.
        program: String,
    },
    /// A workbench that was asked for with what there is not.
    #[error("the workbench cannot be made or used as asked: {path:?} {why}")]
    BadWorkbench {
        /// The path or name.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// What was to be built is no longer what was looked up.
    #[error("{what} was changed while it was being built; nothing of it was used, run again")]
    Changed {
        /// What changed.
        what: String,
    },
    /// A patch that does not fit the source.
    #[error(
        "the upgrade {upgrade} does not apply to {source_name}: adapt the patch, or add one for this line beside it; patch says:\n{output}"
    )]
    PatchFailed {
        /// The upgrade.
        upgrade: String,
        /// The source, by line and version.
        source_name: String,
        /// What patch said.
        output: String,
    },
    /// A build that failed.
    #[error("could not build {what}: make {status}; the whole log is {log:?}, its end:\n{output}")]
    BuildFailed {
        /// What was to be built.
        what: String,
        /// How make ended.
        status: String,
        /// The lines that say what is wrong, else the last ones.
        output: String,
        /// The whole log.
        log: PathBuf,
    },
    /// A build that went on after an error that counts for us.
    #[error("{what} was built, but not as it should be: {}; the whole log is {log:?}", .findings.join("; "))]
    BuildLimped {
        /// What was built.
        what: String,
        /// What the log says, with what it means.
        findings: Vec<String>,
        /// The whole log.
        log: PathBuf,
    },
    /// `--offline`, and an image is not there.
    #[error("the image {image} is not there and --offline forbids to make it: run once without --offline")]
    OfflineImage {
        /// The image.
        image: String,
    },
    /// `--offline`, and host packages are missing.
    #[error("the host lacks {}, {why}, and --offline forbids to fetch them; to install, as root: {command}", .packages.join(" and "))]
    OfflinePackages {
        /// Their names.
        packages: Vec<String>,
        /// What they are needed for.
        why: String,
        /// The command that installs them.
        command: String,
    },
}

impl Error {
    /// The class of trouble.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::UnknownEngine { .. }
            | Self::BadSpec { .. }
            | Self::BadMirror { .. }
            | Self::UnknownName { .. }
            | Self::NoSource { .. }
            | Self::BadWorkbench { .. }
            | Self::BadFragment { .. } => Class::Usage,
            Self::Cancelled { .. } => Class::Cancelled,
            _ => Class::Environment,
        }
    }

    /// The error for a failed file operation: a full disk is told apart from everything else.
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

fn known_text(known: &[String]) -> String {
    match known {
        [] => "are none".into(),
        [one] => format!("is {one}"),
        several => format!("are {}", several.join(", ")),
    }
}

fn need(needed: &Option<u64>, free: &Option<u64>) -> String {
    match (needed, free) {
        (Some(needed), Some(free)) => format!(" ({needed} bytes needed, {free} free)"),
        _ => String::new(),
    }
}

fn said(output: &str) -> String {
    match output.trim() {
        "" => String::new(),
        text => format!(", saying:\n{text}"),
    }
}

//! Errors of getting and building kernels.

use std::io;
use std::path::{Path, PathBuf};

use util::Sha256;
use util::error::{Class, Classified};
use util::suggest::Suggestion;

use crate::kbuild::LostSymbol;

/// Why a kernel could not be fetched or built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The container, the host or the cache.
    #[error(transparent)]
    Container(#[from] container::Error),
    /// A kernel or a pair of kernels that cannot be parsed.
    #[error("cannot read `{given}` as {what}: {why}")]
    BadSpec {
        /// The text that was given.
        given: String,
        /// What the text should name: `a kernel`, `a pair of kernels`.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file is not the one that was pinned.
    #[error(
        "cannot use {file}: it is not the pinned file. Its SHA-256 is {got} ({source_of_hash}), {wanted} is pinned. \
         If the pin is wrong, correct kernel-configs, else distrust the mirror"
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
    /// A download stopped before the end of the file.
    #[error("cannot use {file}: the download was cut short, {got} of {wanted} bytes came; run again")]
    CutShort {
        /// The package file.
        file: String,
        /// Bytes in the complete file.
        wanted: u64,
        /// Bytes that were downloaded.
        got: u64,
    },
    /// A package that contains no kernel.
    #[error("cannot boot the package {package}: it does not contain {what}")]
    NoKernel {
        /// The package.
        package: String,
        /// What is missing: `boot/vmlinuz-6.1.0-55-cloud-amd64`.
        what: String,
    },
    /// A file of pins that cannot be parsed.
    #[error("cannot read the pins of {path:?}")]
    Pins {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        source: toml::de::Error,
    },
    /// A file of pins that contradicts itself.
    #[error("cannot use the pins of {path:?}: {why}")]
    InconsistentPins {
        /// The file.
        path: PathBuf,
        /// The contradiction.
        why: String,
    },
    /// A tool printed an unexpected line.
    #[error("cannot {doing}: unexpected line {line:?}")]
    Unreadable {
        /// What was being done.
        doing: &'static str,
        /// The line, cut to 200 characters.
        line: String,
    },
    /// Unknown series, configuration or upgrade.
    #[error("cannot find the {what} `{given}`: {}", Suggestion::new(.given, .known))]
    UnknownName {
        /// The kind of name: `kernel series`, `configuration`, `upgrade`.
        what: &'static str,
        /// The name that was given.
        given: String,
        /// The known names.
        known: Vec<String>,
    },
    /// A user's source tree or tarball from which no kernel can be built.
    #[error("cannot build from {path:?}: {why}")]
    NoSource {
        /// The directory or tarball.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A line of a configuration fragment that sets no symbol.
    #[error(
        "cannot read line {line} of the fragment {path:?}: {text:?} sets no symbol; write CONFIG_X=value or `# CONFIG_X is not set`"
    )]
    BadFragment {
        /// The fragment.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// The line, cut to 200 characters.
        text: String,
    },
    /// The final configuration differs from its fragments.
    #[error(
        "cannot configure {what} as its fragments say: {}; add what these symbols depend on. If they vanished from \
         this source, remove them from kernel-configs/fragments or declare them as expected off",
        .lost.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    ConfigLost {
        /// What was to be built.
        what: String,
        /// Each symbol that differs from the fragments.
        lost: Vec<LostSymbol>,
    },
    /// Packages of a tool without the program.
    #[error("cannot find {program} in the packages of the tool {tool}; correct kernel-configs/tools.toml")]
    NoTool {
        /// The tool.
        tool: String,
        /// The program's path that is pinned.
        program: String,
    },
    /// A build sandbox that cannot be made or used as asked.
    #[error("cannot use {path:?} in a build sandbox: it {why}")]
    BadSandbox {
        /// The path or name.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The inputs changed during a build.
    #[error("cannot use the build of {what}: its files changed meanwhile; run again")]
    Changed {
        /// What changed.
        what: String,
    },
    /// A patch that does not apply to the source.
    #[error(
        "cannot apply the upgrade {upgrade} to {source_name}: adapt the patch, or add one for this series beside it. patch printed:\n{output}"
    )]
    PatchFailed {
        /// The upgrade.
        upgrade: String,
        /// The source, by series and version.
        source_name: String,
        /// What patch said.
        output: String,
    },
    /// A build that failed.
    #[error("cannot build {what}: make ended with {status}; the whole log is {log:?}, its end:\n{output}")]
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
    /// A build that finished in spite of an error that matters here.
    #[error("cannot use the build of {what}, which is incomplete: {}; the whole log is {log:?}", .findings.join("; "))]
    BuildIncomplete {
        /// What was built.
        what: String,
        /// What the log says, with what it means.
        findings: Vec<String>,
        /// The whole log.
        log: PathBuf,
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
            Self::Container(error) => error.class(),
            Self::BadSpec { .. }
            | Self::UnknownName { .. }
            | Self::NoSource { .. }
            | Self::BadSandbox { .. }
            | Self::BadFragment { .. } => Class::Usage,
            _ => Class::Environment,
        }
    }

    /// The error of a failed file operation, see [`container::Error::io`].
    #[must_use]
    pub fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Container(container::Error::io(doing, path, source))
    }
}

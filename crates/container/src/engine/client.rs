//! The container engine: which one really runs, and how a program runs in it.

mod leftover;
mod probe;
mod run;
mod verdict;

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use run::{Guard, Invocation, Mount, RunSpec};

use crate::{Context, Error, Stage, host, process};

/// How long an engine may take for what it answers at once when it works.
pub(crate) const ANSWER: Duration = Duration::from_secs(30);

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish {
    /// podman, else docker. Never the host.
    #[default]
    Auto,
    /// podman only.
    Podman,
    /// docker only.
    Docker,
    /// No container: the host's own programs.
    Host,
}

impl Wish {
    const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Podman => "podman",
            Self::Docker => "docker",
            Self::Host => "host",
        }
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Wish {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "auto" => Ok(Self::Auto),
            "podman" => Ok(Self::Podman),
            "docker" => Ok(Self::Docker),
            "host" => Ok(Self::Host),
            _ => Err(Error::UnknownEngine { given: text.to_owned() }),
        }
    }
}

/// An engine that was seen to run a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "engine", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Engine {
    /// podman with one OCI runtime.
    Podman {
        /// The program's absolute path.
        program: PathBuf,
        /// `crun` or `runc`.
        runtime: String,
        /// What `podman --version` says.
        version: String,
    },
    /// docker, whose daemon answers.
    Docker {
        /// The client's absolute path.
        program: PathBuf,
        /// What `docker --version` says.
        version: String,
    },
    /// No container.
    Host,
}

impl Engine {
    /// `podman`, `docker` or `host`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Podman { .. } => "podman",
            Self::Docker { .. } => "docker",
            Self::Host => "host",
        }
    }

    /// The engine's own command line, to which a subcommand is added; nothing for the host.
    pub(crate) fn client(&self) -> Option<Command> {
        let mut command = match self {
            Self::Podman { program, runtime, .. } => {
                let mut command = Command::new(program);
                command.args(["--runtime", runtime]);
                command
            }
            Self::Docker { program, .. } => Command::new(program),
            Self::Host => return None,
        };
        command.stdin(Stdio::null());
        Some(command)
    }

    /// What one subcommand of the engine prints; nothing for the host.
    pub(crate) fn ask(&self, context: &Context<'_>, doing: &str, arguments: &[&str]) -> Result<String, Error> {
        let Some(mut command) = self.client() else { return Ok(String::new()) };
        command.args(arguments);
        process::capture(command, doing, ANSWER, context.cancel)
    }

    /// The id of an image, a hash of its content, if the engine has it.
    ///
    /// # Errors
    ///
    /// [`Error::Start`], [`Error::TimedOut`], [`Error::Cancelled`].
    pub(crate) fn image_id(&self, context: &Context<'_>, name: &str) -> Result<Option<String>, Error> {
        match self.ask(context, "look for an image", &["image", "inspect", "--format", "{{.Id}}", name]) {
            Ok(id) => Ok(Some(id.trim().to_owned()).filter(|id| !id.is_empty())),
            Err(Error::Failed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the engine has an image of this name.
    ///
    /// # Errors
    ///
    /// As [`Engine::image_id`].
    pub(crate) fn has_image(&self, context: &Context<'_>, name: &str) -> Result<bool, Error> {
        self.image_id(context, name).map(|id| id.is_some())
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Podman { runtime, version, .. } => write!(f, "podman with {runtime} ({version})"),
            Self::Docker { version, .. } => write!(f, "docker ({version})"),
            Self::Host => f.write_str("the host itself, without a container"),
        }
    }
}

/// An engine that was tried and does not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// What was tried: `podman with crun`.
    pub what: String,
    /// Why it does not do, one line.
    pub why: String,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

/// The engine that is used, and why not the ones before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The engine.
    pub engine: Engine,
    /// What was tried before it.
    pub rejected: Vec<Rejected>,
}

/// Finds an engine that runs, without changing anything on the host.
///
/// The verdict is remembered in the cache, and holds until the machine is rebooted or one of the engines' programs changes.
///
/// # Errors
///
/// [`Error::NoEngine`] with what was tried; [`Error::Cancelled`].
pub fn choose(context: &Context<'_>, wish: Wish) -> Result<Choice, Error> {
    let key = verdict::key(&context.programs, wish);
    if let Some(choice) = verdict::recall(context, &key) {
        return Ok(choice);
    }
    let choice =
        context.stage(Stage::Engine, "finding a container engine that runs", || probe::ladder(context, wish))?;
    verdict::remember(context, key, &choice)?;
    Ok(choice)
}

/// Finds an engine that runs, installs one if that is allowed and none does, and removes containers that killed runs left.
///
/// # Errors
///
/// [`Error::NoEngine`]; where one has to be installed [`Error::MissingPackages`] with the exact command,
/// [`Error::OfflinePackages`], [`Error::NotDebian`], and [`Error::Failed`] with apt's last lines; [`Error::Cancelled`].
pub fn prepare(context: &Context<'_>, wish: Wish) -> Result<Choice, Error> {
    let mut choice = match choose(context, wish) {
        Err(Error::NoEngine { rejected, remedy }) => match host::need_for_engine(&context.programs, wish) {
            Some(need) => {
                host::install(context, &need)?;
                choose(context, wish)?
            }
            None => return Err(Error::NoEngine { rejected, remedy }),
        },
        other => other?,
    };
    let removed = match leftover::remove(context, &choice.engine) {
        Err(Error::Start { .. } | Error::Failed { .. } | Error::TimedOut { .. }) => {
            // What once ran does no longer: docker's daemon was stopped, say.
            verdict::forget(context)?;
            choice = choose(context, wish)?;
            leftover::remove(context, &choice.engine)?
        }
        other => other?,
    };
    for name in removed {
        context.note(Stage::Engine, format!("removed the container {name}, whose owner is gone"));
    }
    Ok(choice)
}

/// Forgets the remembered verdict, so that the next [`choose`] probes again: for when a container could not be started.
///
/// # Errors
///
/// [`Error::Io`].
pub fn forget(context: &Context<'_>) -> Result<(), Error> {
    verdict::forget(context)
}

//! A working container engine and its command line.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::{Error, Rejected};
use crate::process;

/// The time limit for requests that a working engine answers at once.
pub(crate) const ANSWER: Duration = Duration::from_secs(30);

/// An engine that has run a program successfully.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "engine", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Engine {
    /// podman with one OCI runtime.
    Podman {
        /// The program's absolute path.
        program: PathBuf,
        /// `crun` or `runc`.
        runtime: String,
        /// The output of `podman --version`.
        version: String,
    },
    /// docker, with a daemon that answers.
    Docker {
        /// The client's absolute path.
        program: PathBuf,
        /// The output of `docker --version`.
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

    /// The engine's command line, to which a subcommand is added; `None` for the host.
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

    /// The output of a subcommand of the engine; empty for the host.
    pub(crate) fn ask(&self, context: &Context<'_>, doing: &str, arguments: &[&str]) -> Result<String, Error> {
        let Some(mut command) = self.client() else { return Ok(String::new()) };
        command.args(arguments);
        process::capture(command, doing, ANSWER, context.cancel)
    }

    /// The id of an image, a hash of its content, if the engine has the image.
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
    /// Same as [`Engine::image_id`].
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

/// The selected engine, and the reasons why others were rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectedEngine {
    /// The engine.
    pub engine: Engine,
    /// The engines that were rejected before it.
    pub rejected: Vec<Rejected>,
}

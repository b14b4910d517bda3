//! The engine that the user asked for.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// The engine that the user asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// podman, else docker. Never the host.
    #[default]
    Auto,
    /// podman only.
    Podman,
    /// docker only.
    Docker,
    /// No container: programs run on the host.
    Host,
}

impl EngineChoice {
    const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Podman => "podman",
            Self::Docker => "docker",
            Self::Host => "host",
        }
    }
}

impl fmt::Display for EngineChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EngineChoice {
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

//! A fault: its name, what is done, what is demanded, and how it is injected.

use anyhow::Result;

use crate::setting::Setting;

/// A fault, described for people.
#[derive(Debug, Clone)]
pub struct Described {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is done.
    pub done: &'static str,
    /// What has to come of it.
    pub demanded: String,
}

/// A fault that is injected from outside, on this very program.
pub struct ProgramFault {
    pub name: &'static str,
    pub done: &'static str,
    pub demanded: &'static str,
    /// Injects the fault. Returns what was reported, or an error if that is not what was demanded.
    pub provoke: fn(&Setting<'_>) -> Result<String>,
}

impl ProgramFault {
    pub fn described(&self) -> Described {
        Described { name: self.name, done: self.done, demanded: self.demanded.into() }
    }
}

/// The archive no longer has what a fault needs.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotInArchive(pub String);

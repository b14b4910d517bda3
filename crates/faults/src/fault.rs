//! A fault: its name, what is done, what is expected, and the function that injects it.

use anyhow::Result;

use crate::setting::Setting;

/// A description of a fault.
#[derive(Debug, Clone)]
pub struct Described {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is done.
    pub done: &'static str,
    /// The expected result.
    pub demanded: String,
}

/// A fault that is injected into this program from outside.
pub struct ProgramFault {
    pub name: &'static str,
    pub done: &'static str,
    pub demanded: &'static str,
    /// Injects the fault. Returns the report, or an error if it is not as expected.
    pub provoke: fn(&Setting<'_>) -> Result<String>,
}

impl ProgramFault {
    pub fn described(&self) -> Described {
        Described { name: self.name, done: self.done, demanded: self.demanded.into() }
    }
}

/// The archive no longer has a package that a fault needs.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotInArchive(pub String);

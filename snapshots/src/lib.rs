//! The records of each scenario: a folder with its definition, the raw transcript, the host's measurements, and the snapshot that
//! is computed from these. The tests compute the snapshots again; they need no virtual machine.

use std::io;
use std::path::{Path, PathBuf};

use scenario::baseline;
use scenario::boots::measured::Measured;
use scenario::boots::transcript::Transcript;
use scenario::definition::{self, Definition, Scenario, read_all};

/// The folder that holds the scenarios' folders.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Every scenario, sorted by name.
///
/// # Errors
///
/// A definition cannot be read or parsed.
pub fn scenarios() -> Result<Vec<Scenario>, definition::Error> {
    read_all(&root())
}

/// The scenario with this name.
///
/// # Errors
///
/// As [`scenarios`], or no scenario has the name.
pub fn scenario(name: &str) -> io::Result<Scenario> {
    let all = scenarios().map_err(io::Error::other)?;
    let found = all.into_iter().find(|scenario| scenario.name == name);
    found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no scenario {name}")))
}

/// The records of a boot.
#[derive(Debug, Clone)]
pub struct RecordedBoot {
    /// The scenario.
    pub scenario: Scenario,
    /// The folder of its records.
    pub dir: PathBuf,
    /// The guest's report.
    pub transcript: Transcript,
    /// The host's measurements.
    pub measured: Measured,
}

impl RecordedBoot {
    /// Reads the records of a scenario that boots.
    ///
    /// # Errors
    ///
    /// A file is missing or cannot be parsed, or the scenario has no folder.
    pub fn read(scenario: Scenario) -> Result<Self, baseline::Error> {
        let dir = scenario.dir.clone().unwrap_or_default();
        Ok(Self { transcript: Transcript::read(&dir)?, measured: Measured::read(&dir)?, scenario, dir })
    }

    /// The scenario's definition.
    #[must_use]
    pub const fn definition(&self) -> &Definition {
        &self.scenario.definition
    }
}

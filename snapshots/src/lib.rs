//! What each scenario recorded: a folder for each, with its definition, the raw transcript, what the host measured, and the
//! snapshot that the two come to. The tests replay them; nothing here needs a virtual machine.

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
/// A definition that cannot be read or understood.
pub fn scenarios() -> Result<Vec<Scenario>, definition::Error> {
    read_all(&root())
}

/// The scenario of a name.
///
/// # Errors
///
/// As [`scenarios`], and a name that no scenario has.
pub fn scenario(name: &str) -> io::Result<Scenario> {
    let all = scenarios().map_err(io::Error::other)?;
    let found = all.into_iter().find(|scenario| scenario.name == name);
    found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no scenario {name}")))
}

/// A boot as it was recorded.
#[derive(Debug, Clone)]
pub struct RecordedBoot {
    /// The scenario.
    pub scenario: Scenario,
    /// The folder of its records.
    pub dir: PathBuf,
    /// What the guest reported.
    pub transcript: Transcript,
    /// What the host measured.
    pub measured: Measured,
}

impl RecordedBoot {
    /// Reads the records of a scenario that boots.
    ///
    /// # Errors
    ///
    /// A file that is missing or cannot be understood; a scenario without a folder.
    pub fn read(scenario: Scenario) -> Result<Self, baseline::Error> {
        let dir = scenario.dir.clone().unwrap_or_default();
        Ok(Self { transcript: Transcript::read(&dir)?, measured: Measured::read(&dir)?, scenario, dir })
    }

    /// What the scenario does.
    #[must_use]
    pub const fn definition(&self) -> &Definition {
        &self.scenario.definition
    }
}

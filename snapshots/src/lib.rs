//! What each scenario recorded: a folder each, with its definition, the raw transcript, what the host measured, and the
//! snapshot that the two come to. The tests replay them; nothing here needs a virtual machine.

use std::path::{Path, PathBuf};

use scenario::definition::{self, Scenario, read_all};

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

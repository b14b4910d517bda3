//! The circumstances of a measurement.

use serde::{Deserialize, Serialize};

/// The circumstances of a measurement that are the same for all its parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The time of its start: `2026-01-31 12:00 UTC`.
    pub date: String,
    /// The version of the package that pahole comes from.
    pub pahole: String,
    /// The container image; `host` without a container.
    pub image: String,
    /// The engine that ran it, with its version.
    pub engine: String,
    /// The processor's name; empty if unknown.
    pub processor: String,
    /// The number of usable cores.
    pub cores: usize,
    /// The machine's load average over the previous minute, if known. It shows other work.
    pub load: Option<f64>,
}

impl Setting {
    /// Whether other work took more than a fifth of a core, which makes times unreliable.
    #[must_use]
    pub fn busy(&self) -> bool {
        self.load.is_some_and(|load| load > 0.2)
    }

    /// A short description of the machine.
    #[must_use]
    pub fn machine(&self) -> String {
        let cores = if self.cores == 1 { "1 core".to_owned() } else { format!("{} cores", self.cores) };
        match self.processor.as_str() {
            "" => cores,
            processor => format!("{cores} of {processor}"),
        }
    }
}

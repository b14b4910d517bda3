//! On what something was measured.

use serde::{Deserialize, Serialize};

/// On what something was measured, as far as it is the same for all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// When it was begun: `2026-01-31 12:00 UTC`.
    pub date: String,
    /// The version of the package that pahole comes from.
    pub pahole: String,
    /// The container image; `host` without a container.
    pub image: String,
    /// The engine that ran it, with its version.
    pub engine: String,
    /// What the processor calls itself; empty if that is not known.
    pub processor: String,
    /// How many of its cores could be used.
    pub cores: usize,
    /// The machine's load, averaged over the minute before, if that is known: what else it was doing.
    pub load: Option<f64>,
}

impl Setting {
    /// Whether so much else was going on that times say little: more than a fifth of a core.
    #[must_use]
    pub fn busy(&self) -> bool {
        self.load.is_some_and(|load| load > 0.2)
    }

    /// The machine in a few words.
    #[must_use]
    pub fn machine(&self) -> String {
        let cores = if self.cores == 1 { "1 core".to_owned() } else { format!("{} cores", self.cores) };
        match self.processor.as_str() {
            "" => cores,
            processor => format!("{cores} of {processor}"),
        }
    }
}

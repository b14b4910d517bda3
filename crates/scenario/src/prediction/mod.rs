//! What the model says of a boot, written before the boot, and the comparison with what was observed.
//!
//! The crate `verdict` predicts, [`crate::run::Model`] applies it to the modules of a run. A module's prediction depends on
//! whether the modules that it imports from are loaded. Some do not load for reasons that no file tells, such as missing hardware. So
//! a prediction says for each import which module it comes from, and [`compare()`] takes from the observation which modules are live.

mod compare;
#[cfg(test)]
mod tests;

use guest_protocol::SysfsBtf;
use serde::{Deserialize, Serialize};

pub use compare::compare;

/// The version of the schema.
pub const VERSION: u32 = 1;

/// What the model says of a boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prediction {
    /// [`VERSION`] of the writer.
    pub prediction: u32,
    /// The version of the running kernel, as far as the rules depend on it.
    pub kernel: String,
    /// Whether predictions for this series have been held against booted kernels.
    pub verified: bool,
    /// The modules, in the order of loading.
    pub modules: Vec<ModulePrediction>,
}

/// What the model says of one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModulePrediction {
    /// Its name.
    pub module: String,
    /// Why it is refused before its symbols are looked at, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Refusal>,
    /// Imports that are refused, and those that come from another module, in the order in which the kernel resolves them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<ImportPrediction>,
    /// What becomes of its BTF if its symbols are resolved.
    pub btf: BtfPrediction,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictedLine {
    /// The syslog level.
    pub level: u8,
    /// The text, escaped as `/dev/kmsg` escapes it.
    pub text: String,
}

/// Lines, and the errno with which the load ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The lines.
    pub lines: Vec<PredictedLine>,
    /// The errno, positive.
    pub errno: i32,
}

/// What the model says of one import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportPrediction {
    /// It is refused, whatever is loaded.
    Refused(Refusal),
    /// It comes from this module, and is refused if that is not live.
    From {
        /// The module.
        module: String,
        /// The refusal if it is not live; nothing for a symbol that the module can do without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        otherwise: Option<Refusal>,
    },
}

/// What the model says of a module's BTF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BtfPrediction {
    /// The lines. One that is printed once a boot is in each module's prediction.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<PredictedLine>,
    /// What becomes of it.
    pub fate: BtfFate,
}

/// What becomes of a module's BTF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BtfFate {
    /// There is none.
    None,
    /// It is accepted, and sysfs shows this while the module is live.
    Accepted(SysfsBtf),
    /// It is refused.
    Refused {
        /// The errno of the check, positive.
        errno: i32,
        /// Whether the module is loaded all the same.
        loads: bool,
    },
    /// The kernel leaves its own rules.
    Undefined(String),
}

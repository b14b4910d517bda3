//! The result of a run as plain data.

use std::path::PathBuf;

use serde::Serialize;

use crate::boots::measured::{Measured, SymversCheck, TypeFidelity};
use crate::boots::transcript::{BootProvenance, Transcript};
use crate::exit::{Ending, serialize_exit};
use crate::load_counts::LoadCounts;
use crate::load_outcome::{LoadOutcome, objection};
use cli::Exit;

/// The version of the JSON report.
pub const VERSION: u32 = 1;

/// The result of a whole run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// [`VERSION`].
    pub report: u32,
    /// The engine that ran QEMU, and the reason for choosing it.
    pub engine: String,
    /// The number of boots that ran in parallel.
    pub jobs: usize,
    /// The scenarios, in the requested order.
    pub scenarios: Vec<ScenarioReport>,
    /// Seconds from the start of the preparation to the end of the last scenario.
    pub seconds: f64,
    /// The sum of QEMU's own run times, in seconds.
    pub qemu_seconds: f64,
    /// The exit code of the process.
    #[serde(serialize_with = "serialize_exit")]
    pub exit: Exit,
}

/// The result of one scenario.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScenarioReport {
    /// The scenario's name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Its ending.
    pub ending: Ending,
    /// Further notes for the user: a fallback, a kept directory.
    pub notes: Vec<String>,
    /// Seconds of the scenario as a whole.
    pub seconds: f64,
    /// The sum of the run times of its QEMU processes, in seconds.
    pub qemu_seconds: f64,
    /// With `--twice`, the comparison of the second boot with the first.
    pub second_boot: Option<SecondBoot>,
    /// The comparison with what the model predicted, if it ran.
    pub prediction: Option<PredictionReport>,
    /// The folder with the logs of the run, if it was kept.
    pub kept: Option<PathBuf>,
    /// The observations, if it ran.
    pub seen: Option<RunSummary>,
}

impl ScenarioReport {
    /// The report on a scenario that has not run yet.
    #[must_use]
    pub fn new(name: &str, title: &str) -> Self {
        Self {
            name: name.to_owned(),
            title: title.to_owned(),
            ending: Ending::Interrupted,
            notes: Vec::new(),
            seconds: 0.0,
            qemu_seconds: 0.0,
            second_boot: None,
            prediction: None,
            kept: None,
            seen: None,
        }
    }
}

/// The comparison of a boot with what the model predicted before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PredictionReport {
    /// The number of modules that were predicted.
    pub modules: usize,
    /// The number of modules that are not as predicted.
    pub differing: usize,
    /// Whether predictions for the running kernel's series have been held against booted kernels.
    pub verified: bool,
}

/// The comparison of the second boot of `--twice` with the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SecondBoot {
    /// The first difference between the two serial logs; `None` if they are byte-identical.
    pub difference: Option<String>,
}

/// The observations of a scenario.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunSummary {
    /// The origin of all parts.
    pub provenance: BootProvenance,
    /// Whether no module imports a symbol with another CRC.
    pub abi_compatible: bool,
    /// The comparison of the ABI before the boot, for kernels that were built from source.
    pub proof: Option<SymversCheck>,
    /// Whether the running base equals the modules' build base byte for byte.
    pub same_base: bool,
    /// The number of modules that import a symbol with another CRC.
    pub modules_with_another_crc: usize,
    /// The number of modules that were examined for that.
    pub modules_compared: usize,
    /// The number of imported symbols whose CRC in the running kernel is unknown, so they cannot be compared.
    pub symbols_without_known_crc: usize,
    /// The counts.
    pub summary: LoadCounts,
    /// The counts in one sentence.
    pub sentence: String,
    /// The verdict on each module, in load order.
    pub modules: Vec<ModuleReport>,
    /// The fidelity of the accepted BTF.
    pub truth: Vec<TypeFidelity>,
}

/// The outcome for one module.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ModuleReport {
    /// Its name.
    pub module: String,
    /// The outcome.
    pub fate: LoadOutcome,
    /// The errno of loading it; 0 means success.
    pub errno: i32,
    /// The kernel's own words about it: its objection if there is one, else its last line about the module.
    pub said: Option<String>,
}

impl RunSummary {
    /// Combines a transcript and the measurements.
    #[must_use]
    pub fn new(transcript: &Transcript, measured: &Measured) -> Self {
        let summary = LoadCounts::of(transcript, measured);
        let modules = transcript
            .steps()
            .map(|step| ModuleReport {
                module: step.given.module.clone(),
                fate: LoadOutcome::of(&step),
                errno: step.load.errno,
                said: objection(&step.given.module, step.records),
            })
            .collect();
        Self {
            provenance: transcript.header.provenance.clone(),
            abi_compatible: measured.abi.compatible(),
            proof: measured.built.as_ref().map(|built| built.symvers.clone()),
            same_base: measured.same_base,
            modules_with_another_crc: measured.abi.differing,
            modules_compared: measured.abi.modules,
            symbols_without_known_crc: measured.abi.undecidable,
            summary,
            sentence: summary.sentence(),
            modules,
            truth: measured.fidelity.clone(),
        }
    }

    /// Whether the modules' build base differs from the running base.
    #[must_use]
    pub fn is_upgrade(&self) -> bool {
        !self.same_base && self.provenance.running != self.provenance.modules_of
    }

    /// Whether this was an upgrade that keeps the module ABI: by the comparison of Module.symvers if there is one,
    /// else by the modules' imports.
    #[must_use]
    pub fn is_compatible_upgrade(&self) -> bool {
        self.is_upgrade() && self.proof.as_ref().map_or(self.abi_compatible, SymversCheck::compatible)
    }
}

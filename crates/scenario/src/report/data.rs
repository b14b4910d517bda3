//! What a run came to, as plain data.

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

/// What a whole run came to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// [`VERSION`].
    pub report: u32,
    /// The engine that ran QEMU, and why it was chosen.
    pub engine: String,
    /// How many boots ran side by side.
    pub jobs: usize,
    /// The scenarios, in the order in which they were asked for.
    pub scenarios: Vec<ScenarioReport>,
    /// Seconds from the beginning of getting ready to the end of the last scenario.
    pub seconds: f64,
    /// The sum of QEMU's own run times, in seconds.
    pub qemu_seconds: f64,
    /// What the process exits with.
    #[serde(serialize_with = "serialize_exit")]
    pub exit: Exit,
}

/// What one scenario came to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScenarioReport {
    /// The scenario's name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// How it ended.
    pub ending: Ending,
    /// What a person should know beside that: a fallback, a kept directory.
    pub notes: Vec<String>,
    /// Seconds of the scenario as a whole.
    pub seconds: f64,
    /// The sum of the run times of its QEMU processes, in seconds.
    pub qemu_seconds: f64,
    /// With `--twice`, how the second boot compared: nothing if it was byte-identical, else the first difference.
    pub second_boot: Option<SecondBoot>,
    /// Where the logs of the run lie, if they were kept.
    pub kept: Option<PathBuf>,
    /// What was seen, if it ran.
    pub seen: Option<RunSummary>,
}

impl ScenarioReport {
    /// The report on a scenario that has yet to run.
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
            kept: None,
            seen: None,
        }
    }
}

/// How the second boot of `--twice` compared with the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SecondBoot {
    /// The first difference between the two serial logs; nothing if they are byte-identical.
    pub difference: Option<String>,
}

/// What a scenario saw.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunSummary {
    /// Where everything came from.
    pub provenance: BootProvenance,
    /// Whether no module imports a symbol with another CRC.
    pub abi_compatible: bool,
    /// What was proven of the ABI before the boot, of kernels that were built from source.
    pub proof: Option<SymversCheck>,
    /// Whether the running base is, byte for byte, the one that the modules were made with.
    pub same_base: bool,
    /// How many modules import a symbol with another CRC.
    pub modules_with_another_crc: usize,
    /// How many modules were looked at for that.
    pub modules_compared: usize,
    /// How many imported symbols have no CRC that is known of the running kernel: nothing can be said about them.
    pub symbols_without_known_crc: usize,
    /// The counts.
    pub summary: LoadCounts,
    /// The counts in one sentence.
    pub sentence: String,
    /// The verdict on each module, in the order of loading.
    pub modules: Vec<ModuleReport>,
    /// Whether what the kernel accepted is true.
    pub truth: Vec<TypeFidelity>,
}

/// What became of one module.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ModuleReport {
    /// Its name.
    pub module: String,
    /// What became of it.
    pub fate: LoadOutcome,
    /// The load's errno; 0 is success.
    pub errno: i32,
    /// What the kernel said of it, in its own words: its objection if it had one, else its last line about the module.
    pub said: Option<String>,
}

impl RunSummary {
    /// Puts together what a transcript and the measurements say.
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

    /// Whether the modules were made with another base than the one that runs.
    #[must_use]
    pub fn is_upgrade(&self) -> bool {
        !self.same_base && self.provenance.running != self.provenance.modules_of
    }

    /// Whether this was an upgrade that keeps the module ABI: by the proof where there is one, else by what modules import.
    #[must_use]
    pub fn is_compatible_upgrade(&self) -> bool {
        self.is_upgrade() && self.proof.as_ref().map_or(self.abi_compatible, SymversCheck::compatible)
    }
}

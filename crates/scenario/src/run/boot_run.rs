//! Running one boot scenario, from its modules' files to its ending.

use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{fs, io};

use container::scratch::LockedTempDir;
use guest_protocol::{PROTOCOL, Plan, Step};
use kmod::Module;
use tracing::{info, info_span};
use util::error::{causes, one_line};
use vm::{Accel, AccelRequest, BootOutcome, EntrySource, Initramfs, Machine, MachineLost, first_difference};

use super::kernel_files::KernelFiles;
use super::module_file::{ModuleFile, fingerprint};
use super::store::KernelStore;
use super::symvers_check::compare_symvers;
use super::{Error, KernelPaths, Mode, Pair, Progress, RunContext, RunOptions, Task, measure};
use crate::baseline::{BaselineComparison, compare_boot, record};
use crate::boots::measured::{Measured, SymversCheck};
use crate::boots::snapshot::snapshot;
use crate::boots::transcript::{self, BootHeader, BootProvenance, GivenModule, Transcript};
use crate::definition::{AbiClaim, BootDefinition, Scenario};
use crate::exit::Ending;
use crate::prediction::{self, Prediction};
use crate::report::{PredictionReport, RunSummary, ScenarioReport, SecondBoot};

/// Runs a boot scenario. Any failure becomes its ending. If the run was cancelled before, the scenario does not
/// start.
pub(super) fn run(
    context: &RunContext<'_>,
    task: &Task,
    (boot, pair): (&BootDefinition, &Pair),
    store: &KernelStore<'_>,
    options: &RunOptions,
) -> ScenarioReport {
    let begun = Instant::now();
    let scenario = &task.scenario;
    let _span = info_span!("boot-scenario", scenario = scenario.name).entered();
    let mut report = ScenarioReport::new(&scenario.name, &scenario.definition.title);
    if context.is_cancelled() {
        return report;
    }
    let found = store.paths(pair).and_then(|paths| Ok((check_abi(boot, paths)?, store.files(pair)?)));
    report.ending = match found {
        Err(ending) => ending,
        Ok((proof, (running, upgraded))) => {
            let (running, upgraded) = (&*running, &*upgraded);
            let run = ScenarioRun { context, scenario, boot, running, upgraded, proof, options };
            run.run(&mut report).unwrap_or_else(|error| match error {
                Error::Kernels(error) if error.class() == container::Class::Cancelled => Ending::Interrupted,
                Error::Transcript(_) | Error::Boot(_) => Ending::Lost { what: one_line(&error) },
                error => Ending::Environment { what: causes(&error).join(": ") },
            })
        }
    };
    report.seconds = begun.elapsed().as_secs_f64();
    info!(ending = report.ending.word());
    report
}

/// Checks, for built kernels, the scenario's claim about their ABI. If the claim is false, the scenario does not
/// boot.
fn check_abi(
    boot: &BootDefinition,
    (running, modules_of): (&KernelPaths, &KernelPaths),
) -> Result<Option<SymversCheck>, Ending> {
    let (Some(running), Some(modules_of)) = (&running.symvers, &modules_of.symvers) else { return Ok(None) };
    let proof = compare_symvers(running, modules_of).map_err(|error| Ending::Environment { what: one_line(&error) })?;
    let (claimed, holds) = match boot.abi {
        None => return Ok(Some(proof)),
        Some(AbiClaim::Compatible) => ("compatible", proof.compatible()),
        Some(AbiClaim::Broken) => ("broken", proof.broken()),
    };
    if holds {
        return Ok(Some(proof));
    }
    let diff = format!("it claims abi = \"{claimed}\", but it is {proof}\nnothing was booted");
    Err(Ending::Differs { diff })
}

struct ScenarioRun<'a> {
    context: &'a RunContext<'a>,
    scenario: &'a Scenario,
    boot: &'a BootDefinition,
    running: &'a KernelFiles,
    upgraded: &'a KernelFiles,
    proof: Option<SymversCheck>,
    options: &'a RunOptions,
}

/// The name of the machine's initramfs in a run's folder.
const INITRAMFS: &str = "initramfs";

/// The name of the prediction in a run's folder.
const PREDICTION: &str = "prediction.json";

/// Ignores the error for a missing file, which need not be removed.
fn absent(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

impl ScenarioRun<'_> {
    fn run(&self, report: &mut ScenarioReport) -> Result<Ending, Error> {
        let folder = LockedTempDir::make(self.context.runs, &self.scenario.name)?;
        info!(run_folder = %folder.path().display());
        let ending = self.run_in(folder.path(), report);
        let kept = match &ending {
            Ok(Ending::Panic { .. } | Ending::Hang { .. } | Ending::Lost { .. }) | Err(_) => true,
            Ok(Ending::Differs { .. }) => self.options.mode == Mode::Compare,
            Ok(_) => false,
        };
        if kept || self.options.keep {
            if !self.options.keep {
                // The initramfs takes hundreds of MB and can be made again. The user needs only the logs and the
                // transcript.
                let initramfs = folder.path().join(INITRAMFS);
                fs::remove_file(&initramfs).or_else(absent).map_err(Error::io("remove", &initramfs))?;
            }
            report.kept = Some(folder.keep()?);
        }
        ending
    }

    fn run_in(&self, folder: &Path, report: &mut ScenarioReport) -> Result<Ending, Error> {
        (self.context.progress)(Progress::Packing { scenario: &self.scenario.name });
        let modules = self.upgraded.to_load(&self.boot.load)?;
        let initramfs = folder.join(INITRAMFS);
        info_span!("pack").in_scope(|| self.pack(&modules, &initramfs))?;

        let prediction = info_span!("predict").in_scope(|| self.predict(&modules, folder))?;
        let outcome = self.start(&initramfs, folder.join("boot"), report)?;
        if let Some(ending) = Ending::of_unfinished(&outcome.ending) {
            return Ok(ending);
        }
        let transcript = Transcript::new(self.header(&modules, outcome.accel), outcome.events.clone())?;
        let measured = info_span!("measure")
            .in_scope(|| measure::measure(self.running, self.upgraded, self.proof.clone(), &transcript))?;
        report.seen = Some(RunSummary::new(&transcript, &measured));
        if self.options.keep || self.options.mode == Mode::Compare {
            self.save(folder, &transcript, &measured)?;
        }
        if self.options.twice {
            let second = self.start(&initramfs, folder.join("second-boot"), report)?;
            if let Some(ending) = Ending::of_unfinished(&second.ending) {
                return Ok(ending);
            }
            if let Some(difference) = self.compare_boots(&outcome, &second, report)? {
                return Ok(Ending::Differs { diff: difference });
            }
        }
        let differences = prediction::compare(&prediction, &transcript);
        report.prediction = Some(PredictionReport {
            modules: prediction.modules.len(),
            differing: differences.len(),
            verified: prediction.verified,
        });
        if !differences.is_empty() {
            return Ok(Ending::Differs { diff: not_as_predicted(&differences) });
        }
        let BaselineComparison { ending, note } =
            info_span!("judge").in_scope(|| self.judge(&outcome, &transcript, &measured))?;
        report.notes.extend(note);
        Ok(ending)
    }

    /// Predicts the boot, and writes the prediction to a file in the run's folder.
    fn predict(&self, modules: &[&ModuleFile], folder: &Path) -> Result<Prediction, Error> {
        let prediction = self.context.predictor.predict(&self.scenario.name, self.running, modules)?;
        let path = folder.join(PREDICTION);
        let mut text = serde_json::to_vec_pretty(&prediction).map_err(|error| Error::Transcript(error.into()))?;
        text.push(b'\n');
        util::atomic::replace(&path, &text).map_err(Error::Replace)?;
        Ok(prediction)
    }

    /// Packs the guest's PID 1, its plan and the modules.
    fn pack(&self, modules: &[&ModuleFile], target: &Path) -> Result<(), Error> {
        let steps = modules.iter().map(|module| Step::Load {
            module: module.name.clone(),
            file: in_guest(module),
            parameters: String::new(),
        });
        let plan = Plan { protocol: PROTOCOL, steps: steps.collect() };
        let mut initramfs = Initramfs::new(self.context.guest, &plan)?;
        for module in modules {
            let path = self.upgraded.path_of(module);
            let source = match &module.replaced {
                Some(bytes) => EntrySource::Bytes(bytes.clone()),
                None if module.compressed => EntrySource::Bytes(Module::open(&path)?.bytes().to_vec()),
                None => EntrySource::File(path),
            };
            initramfs.add(&in_guest(module), source)?;
        }
        initramfs.write(target)?;
        Ok(())
    }

    fn start(&self, initramfs: &Path, run: PathBuf, report: &mut ScenarioReport) -> Result<BootOutcome, Error> {
        let _span = info_span!("boot").entered();
        let RunContext { chooser, launcher, cancel, .. } = *self.context;
        let plan = vm::Boot {
            machine: Machine {
                kernel: self.running.image.clone(),
                initramfs: initramfs.to_owned(),
                memory_mib: self.boot.memory_mib,
                command_line: String::new(),
                accel: Accel::Tcg,
            },
            run,
            steps: self.upgraded.to_load(&self.boot.load)?.len(),
            limits: (chooser.limits)(Accel::Tcg),
        };
        let name = &self.scenario.name;
        let mut notes = Vec::new();
        let mut progress = |progress: vm::BootProgress| {
            if let vm::BootProgress::FallingBack { reason } = &progress {
                let first = reason.lines().next().unwrap_or_default();
                notes.push(format!("{first}; booted again with TCG, and KVM is not tried again on this host"));
            }
            (self.context.progress)(Progress::Boot { scenario: name, progress });
        };
        // A record comes from a deterministic boot and is compared with one. So the accelerator can be chosen freely
        // only if nothing is recorded, or if the user asks for KVM and gets no verdict.
        let free = self.scenario.dir.is_none() || chooser.request == AccelRequest::Kvm;
        let outcome = if free {
            chooser.boot(&plan, launcher, cancel, &mut progress)?
        } else {
            vm::boot(&plan, launcher, cancel, &mut progress)?
        };
        if let vm::BootEnding::Lost { how: MachineLost::NotStarted { .. } } = outcome.ending {
            (self.context.progress)(Progress::NotStarted { scenario: name });
        }
        report.notes.extend(notes);
        report.qemu_seconds += outcome.qemu.as_secs_f64();
        Ok(outcome)
    }

    fn header(&self, modules: &[&ModuleFile], accel: Accel) -> BootHeader {
        let given = modules.iter().map(|module| GivenModule {
            module: module.name.clone(),
            path: module.path.display().to_string(),
            btf: module.btf.as_deref().map(fingerprint),
        });
        BootHeader {
            transcript: transcript::VERSION,
            scenario: self.scenario.name.clone(),
            provenance: BootProvenance {
                running: self.running.id.clone(),
                modules_of: self.upgraded.id.clone(),
                qemu: self.context.image.manifest.qemu.clone(),
                accelerator: accel.to_string(),
                image: self.context.image.name.clone(),
            },
            base: fingerprint(&self.running.base),
            allows_btf_mismatch: self.running.allows_btf_mismatch,
            given: given.collect(),
        }
    }

    fn save(&self, folder: &Path, transcript: &Transcript, measured: &Measured) -> Result<(), Error> {
        record(folder, transcript, measured)?;
        let path = folder.join("snapshot.txt");
        let text = snapshot(&self.scenario.definition, transcript, measured);
        util::atomic::replace(&path, text.as_bytes()).map_err(Error::Replace)
    }

    /// Compares the serial logs of two boots byte for byte, and returns the first difference.
    fn compare_boots(
        &self,
        first: &BootOutcome,
        second: &BootOutcome,
        report: &mut ScenarioReport,
    ) -> Result<Option<String>, Error> {
        for (first, second) in [(&first.console, &second.console), (&first.results, &second.results)] {
            let difference = first_difference(first, second).map_err(Error::io("compare with another log", first))?;
            if let Some(difference) = difference {
                let text = format!("{} of two boots: {difference}", first.display());
                report.second_boot = Some(SecondBoot { difference: Some(text.clone()) });
                return Ok(Some(text));
            }
        }
        report.second_boot = Some(SecondBoot { difference: None });
        Ok(None)
    }

    fn judge(
        &self,
        outcome: &BootOutcome,
        transcript: &Transcript,
        measured: &Measured,
    ) -> Result<BaselineComparison, Error> {
        let Some(dir) = &self.scenario.dir else { return Ok(Ending::Measured.into()) };
        if outcome.accel != Accel::Tcg {
            let why = format!("it ran with {}, which never judges a snapshot", outcome.accel);
            return Ok(Ending::Unavailable { why }.into());
        }
        if self.options.mode == Mode::Bless {
            record(dir, transcript, measured)?;
            return Ok(Ending::Blessed.into());
        }
        Ok(compare_boot(&self.scenario.definition, dir, (transcript, measured), self.context.order())?)
    }
}

/// How many modules are shown of those that are not as predicted.
const SHOWN: usize = 10;

fn not_as_predicted(differences: &[String]) -> String {
    let count = match differences.len() {
        1 => "one module is".to_owned(),
        count => format!("{count} modules are"),
    };
    let shown = differences.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n");
    let more = match differences.len().saturating_sub(SHOWN) {
        0 => String::new(),
        rest => format!("\nand {rest} more"),
    };
    format!("{count} not as the model predicted\n{shown}{more}")
}

/// The path of a module in the guest.
fn in_guest(module: &ModuleFile) -> String {
    format!("/modules/{}.ko", module.name)
}

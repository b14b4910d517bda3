//! From scenarios to a report: kernels are acquired, modules packed, machines booted, and what was seen is measured and
//! judged.

mod error;
pub mod fault;
mod folder;
mod kernel;
mod launcher;
mod measure;
mod one;
mod ready;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use kernels::archive::{Kernel, Unavailable, acquire, nearest_pair};
use kernels::pins::Pin;

pub use error::Error;
pub use kernel::{KernelFiles, ModuleFile};
pub use launcher::EngineLauncher;
pub use ready::{Ready, Wanted, known_kvm};

use crate::definition::{Modules, Scenario};
use crate::exit::{Ending, overall};
use crate::report::{Report, ScenarioReport, Seen, VERSION};

/// What is done with what was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Compared with what is recorded. The folder of a run that differs is kept, outside the source tree.
    Compare,
    /// Compared, and nothing is kept but the logs of a machine that went wrong, outside the source tree.
    Check,
    /// Recorded.
    Bless,
}

/// How scenarios are run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What is done with what was seen.
    pub mode: Mode,
    /// How many boots run side by side; at least one.
    pub jobs: usize,
    /// Whether each scenario boots twice, to compare the serial logs byte by byte.
    pub twice: bool,
    /// Whether the folders of all runs are kept.
    pub keep: bool,
    /// Whether scenarios whose kernels are unavailable are let pass, as long as an upgrade was tried.
    pub allow_unavailable: bool,
}

/// What is going on, as plain data: whoever shows it decides how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// A kernel's image and modules are being read.
    Reading {
        /// Its release.
        release: &'a str,
    },
    /// A scenario is being made ready: its modules are packed.
    Packing {
        /// The scenario's name.
        scenario: &'a str,
    },
    /// A boot moved on.
    Boot {
        /// The scenario's name.
        scenario: &'a str,
        /// What happened.
        progress: vm::Progress,
    },
    /// A scenario ended.
    Ended {
        /// What came of it.
        report: &'a ScenarioReport,
    },
}

/// Shows progress, from any thread.
pub type Show<'a> = &'a (dyn Fn(Progress<'_>) + Sync);

/// A scenario and the packages of its two kernels.
#[derive(Debug, Clone)]
pub struct Job {
    /// The scenario.
    pub scenario: Scenario,
    /// The kernel that boots, or why it is not to be had.
    pub running: Result<Pin, String>,
    /// The kernel whose modules are loaded, or why it is not to be had.
    pub modules_of: Result<Pin, String>,
}

/// Runs scenarios and reports on them, in the order in which they were given.
///
/// # Errors
///
/// What keeps every scenario from being tried: the archive, the disk, a request to stop. What befalls one of them is its
/// [`Ending`].
pub fn run(ready: &Ready<'_>, jobs: &[Job], options: &Options, show: Show<'_>) -> Result<Report, Error> {
    let pins: Vec<Pin> = jobs
        .iter()
        .flat_map(|job| [&job.running, &job.modules_of])
        .filter_map(|pin| pin.as_ref().ok())
        .fold(Vec::new(), |mut pins, pin| {
            if !pins.contains(pin) {
                pins.push(pin.clone());
            }
            pins
        });
    let acquired = acquire(&ready.context, &ready.archive(), &pins)?;
    let shelf = Shelf { kernels: pins.into_iter().zip(acquired).collect(), read: Mutex::default(), show };

    let reports = side_by_side(jobs, options.jobs, |job| {
        let report = one::run(ready, job, &shelf, options, show);
        show(Progress::Ended { report: &report });
        report
    });
    if let Err(error) = ready.remember_kvm() {
        let text = format!("what was seen of KVM is forgotten: {}", error.in_one_line());
        (ready.context.progress)(kernels::Progress::Note { stage: kernels::Stage::Engine, text });
    }
    let upgrade_ran = reports
        .iter()
        .any(|report| report.ending.ran() && report.seen.as_ref().is_some_and(Seen::is_compatible_upgrade));
    let upgrade_wanted = jobs.iter().any(|job| job.scenario.definition.is_upgrade());
    Ok(Report {
        report: VERSION,
        engine: ready.choice.engine.to_string(),
        jobs: options.jobs,
        seconds: ready.begun.elapsed().as_secs_f64(),
        qemu_seconds: reports.iter().map(|report| report.qemu_seconds).sum(),
        exit: overall(
            reports.iter().map(|report| &report.ending),
            options.allow_unavailable,
            upgrade_ran || !upgrade_wanted,
        ),
        scenarios: reports,
    })
}

/// Works on several jobs at a time, the long ones first, and gives the results in the order of the jobs.
fn side_by_side(jobs: &[Job], workers: usize, work: impl Fn(&Job) -> ScenarioReport + Sync) -> Vec<ScenarioReport> {
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|&at| jobs.get(at).is_some_and(|job| job.scenario.definition.load != Modules::All));
    let next = AtomicUsize::new(0);
    let done: Vec<OnceLock<ScenarioReport>> = jobs.iter().map(|_| OnceLock::new()).collect();
    thread::scope(|scope| {
        for _ in 0..workers.clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                while let Some(&at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let (Some(job), Some(slot)) = (jobs.get(at), done.get(at)) {
                        let _ = slot.set(work(job));
                    }
                }
            });
        }
    });
    done.into_iter().filter_map(OnceLock::into_inner).collect()
}

/// The kernels of a run, each read once, when a scenario first needs it.
struct Shelf<'a> {
    kernels: Vec<(Pin, Result<Kernel, Unavailable>)>,
    /// By the SHA-256 of the package: two packages can hold the same release.
    read: Mutex<HashMap<String, Arc<Reading>>>,
    show: Show<'a>,
}

/// A kernel that is being read by whoever came first.
type Reading = OnceLock<Result<Arc<KernelFiles>, String>>;

impl Shelf<'_> {
    /// The files of a scenario's two kernels, or the way in which a scenario ends that cannot have them.
    fn pair(&self, job: &Job) -> Result<(Arc<KernelFiles>, Arc<KernelFiles>), Ending> {
        let (running, modules_of) = (self.acquired(&job.running), self.acquired(&job.modules_of));
        match (running, modules_of) {
            (Ok(running), Ok(modules_of)) => Ok((self.read(running)?, self.read(modules_of)?)),
            (Err(gone), _) | (_, Err(gone)) => Err(Ending::Unavailable { why: gone.explain(job) }),
        }
    }

    fn acquired<'k>(&'k self, pin: &'k Result<Pin, String>) -> Result<&'k Kernel, Gone<'k>> {
        let pin = pin.as_ref().map_err(|why| Gone::Unknown(why))?;
        match self.kernels.iter().find(|(known, _)| known == pin) {
            Some((_, Ok(kernel))) => Ok(kernel),
            Some((_, Err(unavailable))) => Err(Gone::Unavailable(unavailable)),
            None => Err(Gone::Unknown("it was not asked for")),
        }
    }

    fn read(&self, kernel: &Kernel) -> Result<Arc<KernelFiles>, Ending> {
        let release = &kernel.pin.release;
        let slot = {
            let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(read.entry(kernel.pin.sha256.to_string()).or_default())
        };
        let files = slot.get_or_init(|| {
            (self.show)(Progress::Reading { release });
            KernelFiles::read(kernel).map(Arc::new).map_err(|error| error.in_one_line())
        });
        files.clone().map_err(|what| Ending::Environment { what })
    }
}

/// Why a kernel is not to be had.
enum Gone<'a> {
    Unavailable(&'a Unavailable),
    Unknown(&'a str),
}

impl Gone<'_> {
    /// Why, and the nearest pair that there is instead.
    fn explain(&self, job: &Job) -> String {
        let gone = match self {
            Self::Unknown(why) => return (*why).to_owned(),
            Self::Unavailable(gone) => gone,
        };
        let version = |pin: &Result<Pin, String>| pin.as_ref().map(|pin| pin.version.clone()).unwrap_or_default();
        match nearest_pair(&version(&job.running), &version(&job.modules_of), &gone.have) {
            Some((from, to)) => format!(
                "{gone}\nthe nearest pair that there is: cargo xtask repro --pair {}..{}",
                from.release, to.release
            ),
            None => gone.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Definition;

    fn job(name: &str, load: Modules) -> Job {
        let definition = Definition {
            title: name.into(),
            about: String::new(),
            running: "1".into(),
            modules_of: "2".into(),
            load,
            memory_mib: 512,
        };
        let gone = || Err("gone".to_owned());
        Job { scenario: Scenario { name: name.into(), definition, dir: None }, running: gone(), modules_of: gone() }
    }

    #[test]
    fn long_jobs_begin_first_and_reports_keep_the_order() {
        let small = || Modules::Named(vec!["overlay".into()]);
        let jobs = [job("a", small()), job("b", Modules::All), job("c", small()), job("d", Modules::All)];
        let begun = Mutex::new(Vec::new());
        let reports = side_by_side(&jobs, 1, |job| {
            begun.lock().unwrap().push(job.scenario.name.clone());
            ScenarioReport::new(&job.scenario.name, "")
        });
        assert_eq!(begun.into_inner().unwrap(), ["b", "d", "a", "c"]);
        assert_eq!(reports.iter().map(|report| report.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    }

    #[test]
    fn as_many_jobs_run_side_by_side_as_are_asked_for() {
        let jobs: Vec<_> = (0..4).map(|at| job(&at.to_string(), Modules::All)).collect();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let barrier = std::sync::Barrier::new(2);
        side_by_side(&jobs, 2, |_| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            barrier.wait();
            now.fetch_sub(1, Ordering::SeqCst);
            barrier.wait();
            ScenarioReport::new("", "")
        });
        assert_eq!(most.into_inner(), 2);
    }
}

//! From scenarios to a report: kernels are acquired or built, modules packed, machines booted, and what was seen is measured
//! and judged.

mod boot_run;
mod build_run;
mod context;
mod coverage;
mod encoded;
mod error;
pub mod fault;
mod kernel_files;
mod kernel_paths;
mod launcher;
mod measure;
mod schedule;
mod store;
mod symvers_check;
mod task;

pub use context::{Encoding, PrepareOptions, RunContext, known_kvm};
use coverage::each_showed_something;
pub use error::Error;
pub use kernel_files::{KernelFiles, ModuleFile};
pub use kernel_paths::KernelPaths;
pub use launcher::EngineLauncher;
use schedule::side_by_side;
use store::KernelStore;
pub use task::{Origin, Pair, Sources, Task};

use crate::exit::overall;
use crate::report::{Report, ScenarioReport, VERSION};

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
pub struct RunOptions {
    /// What is done with what was seen.
    pub mode: Mode,
    /// How many boots run side by side; at least one.
    pub jobs: usize,
    /// Whether each scenario boots twice, to compare the serial logs byte by byte.
    pub twice: bool,
    /// Whether the folders of all runs are kept.
    pub keep: bool,
    /// Whether scenarios whose kernels are unavailable are let pass, as long as every group of them was tried.
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
    /// A scenario that builds began a step.
    Step {
        /// The scenario's name.
        scenario: &'a str,
        /// The step's title.
        title: &'a str,
    },
    /// A command of a scenario that builds wrote a line.
    Line {
        /// The scenario's name.
        scenario: &'a str,
        /// The line.
        text: &'a str,
    },
    /// A scenario ended.
    Ended {
        /// What came of it.
        report: &'a ScenarioReport,
    },
}

/// Shows progress, from any thread.
pub type ProgressSink<'a> = &'a (dyn Fn(Progress<'_>) + Sync);

/// Runs scenarios and reports on them, in the order in which they were given.
///
/// # Errors
///
/// What keeps every scenario from being tried: the archive, the disk, a request to stop. What befalls one of them is its
/// [`Ending`](crate::exit::Ending).
pub fn run(
    ready: &RunContext<'_>,
    jobs: &[Task],
    sources: &Sources,
    options: &RunOptions,
    show: ProgressSink<'_>,
) -> Result<Report, Error> {
    let store = KernelStore::fill(ready, jobs, sources, show)?;
    let ended = |report| {
        show(Progress::Ended { report: &report });
        report
    };
    let boots: Vec<_> = jobs.iter().filter_map(|job| Some((job, job.boot()?))).collect();
    let long_first = |(job, _): &(&Task, _)| job.is_long();
    let booted = side_by_side(&boots, options.jobs, long_first, |&(job, boot)| {
        ended(boot_run::run(ready, job, boot, &store, options, show))
    });
    // After the boots: a machine that boots beside a build could be taken for one that hangs.
    let builds: Vec<_> = jobs.iter().filter(|job| job.boot().is_none()).collect();
    let made = side_by_side(
        &builds,
        options.jobs,
        |_| false,
        |job| ended(build_run::run(ready, job, &store, sources, options, show)),
    );
    let (mut booted, mut made) = (booted.into_iter(), made.into_iter());
    let reports: Vec<_> =
        jobs.iter().filter_map(|job| if job.boot().is_some() { booted.next() } else { made.next() }).collect();
    if let Err(error) = ready.remember_kvm() {
        let text = format!("what was seen of KVM is forgotten: {}", error.in_one_line());
        (ready.context.progress)(kernels::Progress::Note { stage: kernels::Stage::Engine, text });
    }
    Ok(Report {
        report: VERSION,
        engine: ready.choice.engine.to_string(),
        jobs: options.jobs,
        seconds: ready.begun.elapsed().as_secs_f64(),
        qemu_seconds: reports.iter().map(|report| report.qemu_seconds).sum(),
        exit: overall(
            reports.iter().map(|report| &report.ending),
            options.allow_unavailable,
            each_showed_something(jobs.iter().map(|job| &job.scenario).zip(&reports)),
        ),
        scenarios: reports,
    })
}

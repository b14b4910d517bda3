//! A whole run: kernels first, then boots, then builds, then the report.

use tracing::info_span;

use super::coverage::each_showed_something;
use super::schedule::side_by_side;
use super::store::KernelStore;
use super::{Error, Progress, RunContext, RunOptions, Task, boot_run, build_run};
use crate::exit::overall;
use crate::report::{Report, ScenarioReport, VERSION};

/// Runs scenarios and returns a report in the given order.
///
/// # Errors
///
/// A failure that prevents all scenarios: the archive, the disk, a request to stop. The failure of one scenario is
/// its [`Ending`](crate::exit::Ending).
pub fn run(context: &RunContext<'_>, tasks: &[Task], options: &RunOptions) -> Result<Report, Error> {
    let store = info_span!("acquire").in_scope(|| KernelStore::fill(context, tasks))?;
    let ended = |report: ScenarioReport| {
        (context.progress)(Progress::Ended { report: &report });
        report
    };
    let boots: Vec<_> = tasks.iter().filter_map(|task| Some((task, task.boot()?))).collect();
    let long_first = |(task, _): &(&Task, _)| task.is_long();
    let booted = side_by_side(&boots, options.jobs, long_first, |&(task, boot)| {
        ended(boot_run::run(context, task, boot, &store, options))
    });
    // Builds run after the boots: a machine that boots during a build may look as if it hangs.
    let builds: Vec<_> = tasks.iter().filter(|task| task.boot().is_none()).collect();
    let built =
        side_by_side(&builds, options.jobs, |_| false, |task| ended(build_run::run(context, task, &store, options)));
    let (mut booted, mut built) = (booted.into_iter(), built.into_iter());
    let reports: Vec<_> =
        tasks.iter().filter_map(|task| if task.boot().is_some() { booted.next() } else { built.next() }).collect();
    Ok(Report {
        report: VERSION,
        engine: context.engine.clone(),
        jobs: options.jobs,
        seconds: context.begun.elapsed().as_secs_f64(),
        qemu_seconds: reports.iter().map(|report| report.qemu_seconds).sum(),
        exit: overall(
            reports.iter().map(|report| &report.ending),
            options.allow_unavailable,
            each_showed_something(tasks.iter().map(|task| &task.scenario).zip(&reports)),
        ),
        scenarios: reports,
    })
}

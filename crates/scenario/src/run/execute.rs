//! A whole run: kernels first, then boots, then builds, then the report.

use super::coverage::each_showed_something;
use super::schedule::side_by_side;
use super::store::KernelStore;
use super::{Error, Progress, ProgressSink, RunContext, RunOptions, Sources, Task, boot_run, build_run};
use crate::exit::overall;
use crate::report::{Report, VERSION};

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
        (ready.context.progress)(container::Progress::Note { stage: container::Stage::ENGINE, text });
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

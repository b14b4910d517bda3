//! Running one build scenario, from its source to its ending.

use kernels::Availability;
use std::path::Path;
use std::time::Instant;

use container::scratch::LockedTempDir;
use tracing::{info, info_span};
use util::error::{causes, one_line};

use super::store::KernelStore;
use super::{Error, Mode, Progress, RunContext, RunOptions, Task};
use crate::baseline::{BaselineComparison, compare_build, record_build};
use crate::definition::{Definition, Scenario, ScenarioKind};
use crate::exit::Ending;
use crate::kbuilds::{self, Transcript};
use crate::report::ScenarioReport;

/// Runs a build scenario. Any failure becomes its ending. If the run was cancelled before, the scenario does not
/// start.
pub(super) fn run(
    context: &RunContext<'_>,
    task: &Task,
    store: &KernelStore<'_>,
    options: &RunOptions,
) -> ScenarioReport {
    let begun = Instant::now();
    let scenario = &task.scenario;
    let _span = info_span!("build-scenario", scenario = scenario.name).entered();
    let mut report = ScenarioReport::new(&scenario.name, &scenario.definition.title);
    if context.is_cancelled() {
        return report;
    }
    if let Some(why) = context.encoding.and(scenario.about_pahole()) {
        report.ending = Ending::NotRun { why: why.into() };
        return report;
    }
    report.ending = steps(context, scenario, store, options, &mut report).unwrap_or_else(|error| match error {
        Error::Kernels(error) if error.class() == container::Class::Cancelled => Ending::Interrupted,
        Error::Build(error @ kbuilds::Error::Transcript(_)) => Ending::Lost { what: one_line(&error) },
        error => Ending::Environment { what: causes(&error).join(": ") },
    });
    report.seconds = begun.elapsed().as_secs_f64();
    info!(ending = report.ending.word());
    report
}

fn steps(
    context: &RunContext<'_>,
    Scenario { name, series, definition, dir }: &Scenario,
    store: &KernelStore<'_>,
    options: &RunOptions,
    report: &mut ScenarioReport,
) -> Result<Ending, Error> {
    let (ScenarioKind::Build(build), Some(series), Some(dir)) = (&definition.subject, series, dir) else {
        return Ok(Ending::Unavailable { why: "it is not a build scenario of a kernel series".into() });
    };
    let source = match store.source(series) {
        Ok(source) => source,
        Err(ending) => return Ok(ending),
    };
    let tools = match kbuilds::find_tools(context.kernels, build)? {
        Availability::Available(tools) => tools,
        Availability::Unavailable(why) => return Ok(Ending::Unavailable { why: why.to_string() }),
    };
    let show = |event: kbuilds::BuildEvent<'_>| {
        (context.progress)(match event {
            kbuilds::BuildEvent::Step(title) => Progress::Step { scenario: name, title },
            kbuilds::BuildEvent::Line(text) => Progress::Line { scenario: name, text },
        });
    };
    let (configs, encoder) = (&context.sources.configs, context.encoding.map(|encoding| &encoding.encoder));
    let job = kbuilds::BuildRun { scenario: name, source, configs, tools: &tools, encoder, show: &show };
    let transcript = info_span!("build").in_scope(|| kbuilds::run(context.kernels, build, &job))?;
    report.notes.push(format!("{}.", kbuilds::summary(build, &transcript)));
    report.notes.extend(kbuilds::chance(&transcript));
    let odd = kbuilds::odd(build, &transcript);
    let judged = info_span!("judge").in_scope(|| judge(definition, dir, &transcript, &odd, options.mode))?;
    let BaselineComparison { ending, note } = judged;
    report.notes.extend(note);
    let differs = matches!(ending, Ending::Differs { .. }) && options.mode == Mode::Compare;
    if differs || options.keep {
        let folder = LockedTempDir::make(context.runs, name)?;
        info!(run_folder = %folder.path().display());
        save(folder.path(), definition, &transcript)?;
        report.kept = Some(folder.keep()?);
    }
    Ok(ending)
}

/// Compares a build with its record, or records it. A build with results that its definition does not expect always
/// differs, and is not recorded.
fn judge(
    definition: &Definition,
    dir: &Path,
    transcript: &Transcript,
    odd: &[String],
    mode: Mode,
) -> Result<BaselineComparison, Error> {
    if mode == Mode::Bless && odd.is_empty() {
        record_build(dir, transcript)?;
        return Ok(Ending::Blessed.into());
    }
    let mut judged = compare_build(definition, dir, transcript)?;
    if !odd.is_empty() {
        let mut diff = odd.iter().map(|odd| format!("{odd}\n")).collect::<String>();
        diff.push_str(judged.ending.detail());
        judged.ending = Ending::Differs { diff };
    }
    Ok(judged)
}

fn save(folder: &Path, definition: &Definition, transcript: &Transcript) -> Result<(), Error> {
    record_build(folder, transcript)?;
    let path = folder.join("snapshot.txt");
    util::atomic::replace(&path, kbuilds::snapshot(definition, transcript).as_bytes()).map_err(Error::Replace)
}

//! One scenario that builds, from its source to its ending.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use container::scratch::LockedTempDir;

use super::store::KernelStore;
use super::{Error, Mode, Progress, ProgressSink, RunContext, RunOptions, Sources, Task};
use crate::baseline::{BaselineComparison, compare_build, record_build};
use crate::definition::{Definition, Scenario, Subject};
use crate::exit::Ending;
use crate::kbuilds::{self, Transcript};
use crate::report::ScenarioReport;

/// Runs a scenario that builds. Whatever goes wrong with it is its ending; one that has not begun when the run is to stop does
/// not begin.
pub(super) fn run(
    ready: &RunContext<'_>,
    job: &Task,
    store: &KernelStore<'_>,
    sources: &Sources,
    options: &RunOptions,
    show: ProgressSink<'_>,
) -> ScenarioReport {
    let begun = Instant::now();
    let scenario = &job.scenario;
    let mut report = ScenarioReport::new(&scenario.name, &scenario.definition.title);
    if ready.context.cancel.load(Ordering::Relaxed) {
        return report;
    }
    if let Some(why) = ready.encoding.as_ref().and(scenario.about_pahole()) {
        report.ending = Ending::NotRun { why: why.into() };
        return report;
    }
    let attempt = ScenarioRun { ready, scenario, store, sources, options, show };
    report.ending = attempt.make(&mut report).unwrap_or_else(|error| match error {
        Error::Kernels(error) if error.class() == container::Class::Cancelled => Ending::Interrupted,
        Error::Workbench(error @ kbuilds::Error::Transcript { .. }) => Ending::Lost { what: error.to_string() },
        error => Ending::Environment { what: error.in_one_line() },
    });
    report.seconds = begun.elapsed().as_secs_f64();
    report
}

struct ScenarioRun<'a> {
    ready: &'a RunContext<'a>,
    scenario: &'a Scenario,
    store: &'a KernelStore<'a>,
    sources: &'a Sources,
    options: &'a RunOptions,
    show: ProgressSink<'a>,
}

impl ScenarioRun<'_> {
    fn make(&self, report: &mut ScenarioReport) -> Result<Ending, Error> {
        let Scenario { name, line, definition, dir } = self.scenario;
        let (Subject::Build(build), Some(line), Some(dir)) = (&definition.subject, line, dir) else {
            return Ok(Ending::Unavailable { why: "it is no scenario that builds, or of no line".into() });
        };
        let source = match self.store.source(line) {
            Ok(source) => source,
            Err(ending) => return Ok(ending),
        };
        let workshop = self.ready.workshop()?;
        let tools = match kbuilds::find_tools(&workshop, &self.ready.archive(), build)? {
            Ok(tools) => tools,
            Err(unavailable) => return Ok(Ending::Unavailable { why: unavailable.to_string() }),
        };
        let show = |event: kbuilds::BuildEvent<'_>| {
            (self.show)(match event {
                kbuilds::BuildEvent::Step(title) => Progress::Step { scenario: name, title },
                kbuilds::BuildEvent::Line(text) => Progress::Line { scenario: name, text },
            });
        };
        let recipes = &self.sources.recipes;
        let job = kbuilds::BuildRun { scenario: name, source, recipes, tools: &tools, show: &show };
        let transcript = kbuilds::run(&workshop, build, &job)?;
        report.notes.push(format!("{}.", kbuilds::summary(build, &transcript)));
        report.notes.extend(kbuilds::chance(&transcript));
        let odd = kbuilds::odd(build, &transcript);
        let BaselineComparison { ending, note } = judge(definition, dir, &transcript, &odd, self.options.mode)?;
        report.notes.extend(note);
        let differs = matches!(ending, Ending::Differs { .. }) && self.options.mode == Mode::Compare;
        if differs || self.options.keep {
            let folder = LockedTempDir::make(&self.ready.runs, name)?;
            keep_what_was_seen(folder.path(), definition, &transcript)?;
            report.kept = Some(folder.keep()?);
        }
        Ok(ending)
    }
}

/// A run in which something went otherwise than it was to differs, whatever is recorded, and is not recorded.
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

fn keep_what_was_seen(folder: &Path, definition: &Definition, transcript: &Transcript) -> Result<(), Error> {
    record_build(folder, transcript)?;
    let path = folder.join("snapshot.txt");
    util::atomic::replace(&path, kbuilds::snapshot(definition, transcript).as_bytes()).map_err(Error::Replace)
}

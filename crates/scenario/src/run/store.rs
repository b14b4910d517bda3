//! The kernels of a run: each acquired or built before anything boots, and read once, when a scenario first needs it.

use std::sync::{Arc, OnceLock};

use kernels::Availability;
use kernels::archive::Kernel;
use kernels::pins::Pin;
use kernels::source::Source;
use util::error::one_line;

use super::kernel_builder::KernelBuilder;
use super::kernel_files::KernelFiles;
use super::kernel_paths::KernelPaths;
use super::task::{Origin, Pair, Task};
use super::unavailable::{Unavailable, survivable};
use super::{Error, Progress, ProgressSink, RunContext};
use crate::definition::{ModuleEncoder, ScenarioKind};
use crate::exit::Ending;

/// The kernels of a run, and the sources from which they are built.
pub(super) struct KernelStore<'a> {
    entries: Vec<StoreEntry>,
    sources: Vec<(String, Availability<Source, Unavailable>)>,
    progress: ProgressSink<'a>,
}

/// One kernel.
struct StoreEntry {
    origin: Origin,
    paths: Availability<KernelPaths, Unavailable>,
    files: OnceLock<Result<Arc<KernelFiles>, String>>,
}

impl<'a> KernelStore<'a> {
    /// Acquires and builds the kernels for tasks: first packages, then sources, then built kernels.
    ///
    /// # Errors
    ///
    /// A failure that prevents all scenarios: the archive, a request to stop, a configuration or upgrade that does
    /// not exist. The failure of a single kernel is reported by the scenarios that need it.
    pub(super) fn fill(context: &RunContext<'a>, tasks: &[Task]) -> Result<Self, Error> {
        let mut origins: Vec<&Origin> = Vec::new();
        for origin in tasks.iter().filter_map(|task| task.kernels.as_ref()).flat_map(Pair::origins) {
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        let pins: Vec<Pin> = origins
            .iter()
            .filter_map(|origin| match origin {
                Origin::Package(pin) | Origin::Encoded { kernel: pin, .. } => Some(pin.clone()),
                Origin::Source { .. } => None,
            })
            .collect();
        let mut packages = context.kernels.packages(&pins)?.into_iter();
        let mut next_package = || match packages.next() {
            Some(package) => package.map_unavailable(Unavailable::Package),
            None => Availability::Unavailable(Unavailable::Failed("the archive was not asked for it".into())),
        };

        let mut builder = KernelBuilder::new(context);
        for series in series_of(tasks) {
            builder.acquire_source(series)?;
        }
        let mut entries = Vec::new();
        for origin in origins {
            let paths = match origin {
                Origin::Package(_) => next_package().map(|kernel| KernelPaths::of_package(&kernel)),
                Origin::Encoded { debug, encoder, .. } => match next_package() {
                    Availability::Available(kernel) => encoded(context, &kernel, debug, *encoder)?,
                    Availability::Unavailable(why) => Availability::Unavailable(why),
                },
                Origin::Source { line, kernel } => builder.build(line, kernel)?,
            };
            entries.push(StoreEntry { origin: origin.clone(), paths, files: OnceLock::new() });
        }
        Ok(Self { entries, sources: builder.into_sources(), progress: context.progress })
    }

    /// The paths of a boot's two kernels, or the scenario's ending if one is missing.
    pub(super) fn paths(&self, pair: &Pair) -> Result<(&KernelPaths, &KernelPaths), Ending> {
        // If a pair lacks one kernel, the other was not acquired.
        if let Some(why) = [&pair.running, &pair.modules_of].into_iter().find_map(|origin| origin.as_ref().err()) {
            return Err(Ending::Unavailable { why: why.clone() });
        }
        let (running, modules_of) = (self.entry(&pair.running)?, self.entry(&pair.modules_of)?);
        match (&running.paths, &modules_of.paths) {
            (Availability::Available(running), Availability::Available(modules_of)) => Ok((running, modules_of)),
            (Availability::Unavailable(why), _) | (_, Availability::Unavailable(why)) => Err(why.ending_of(pair)),
        }
    }

    /// The files of a boot's two kernels, read on first use.
    pub(super) fn files(&self, pair: &Pair) -> Result<(Arc<KernelFiles>, Arc<KernelFiles>), Ending> {
        self.paths(pair)?;
        Ok((self.read(self.entry(&pair.running)?)?, self.read(self.entry(&pair.modules_of)?)?))
    }

    /// The source of a series.
    pub(super) fn source(&self, series: &str) -> Result<&Source, Ending> {
        match self.sources.iter().find(|(known, _)| known == series) {
            Some((_, Availability::Available(source))) => Ok(source),
            Some((_, Availability::Unavailable(why))) => Err(why.ending()),
            None => Err(Ending::Unavailable { why: format!("the source of {series} was not acquired") }),
        }
    }

    fn entry(&self, origin: &Result<Origin, String>) -> Result<&StoreEntry, Ending> {
        let unavailable = |why: &str| Ending::Unavailable { why: why.to_owned() };
        let origin = origin.as_ref().map_err(|why| unavailable(why))?;
        let entry = self.entries.iter().find(|entry| entry.origin == *origin);
        entry.ok_or_else(|| unavailable("the kernel was not acquired"))
    }

    fn read(&self, entry: &StoreEntry) -> Result<Arc<KernelFiles>, Ending> {
        let paths = entry.paths.as_ref().into_result().map_err(Unavailable::ending)?;
        let files = entry.files.get_or_init(|| {
            (self.progress)(Progress::Reading { release: &paths.id.release });
            KernelFiles::read(paths).map(Arc::new).map_err(|error| one_line(&error))
        });
        files.clone().map_err(|what| Ending::Environment { what })
    }
}

/// A packaged kernel, with the debug information from which its modules' BTF is encoded.
fn encoded(
    context: &RunContext<'_>,
    kernel: &Kernel,
    debug: &Pin,
    encoder: ModuleEncoder,
) -> Result<Availability<KernelPaths, Unavailable>, Error> {
    let debug = survivable(context.kernels.debug_info(debug))?;
    Ok(debug
        .and_then(|debug| debug.map_unavailable(Unavailable::Package))
        .map(|debug| KernelPaths::encoded(kernel, &debug, encoder)))
}

/// The series for which something is built, in the order of the tasks.
fn series_of(tasks: &[Task]) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    for scenario in tasks.iter().map(|task| &task.scenario) {
        let builds = scenario.definition.boot().is_some_and(|boot| boot.is_built())
            || matches!(scenario.definition.subject, ScenarioKind::Build(_));
        if let Some(series) = scenario.series.as_deref().filter(|series| builds && !all.contains(series)) {
            all.push(series);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::BuiltKernel;

    #[test]
    fn paths_of_a_pair_that_lacks_one_kernel_say_which() {
        let store = KernelStore { entries: Vec::new(), sources: Vec::new(), progress: &|_| () };
        let kernel = BuiltKernel { config: "strict".into(), upgrade: None, external: Vec::new() };
        let there = || Ok(Origin::Source { line: "6.1".into(), kernel: kernel.clone() });
        let gone = || Err("6.1.0-99 is unavailable".to_owned());
        for pair in [Pair { running: there(), modules_of: gone() }, Pair { running: gone(), modules_of: there() }] {
            assert_eq!(store.paths(&pair).unwrap_err().detail(), "6.1.0-99 is unavailable");
        }
    }
}

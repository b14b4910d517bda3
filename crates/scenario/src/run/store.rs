//! The kernels of a run: each acquired or built before anything boots, and read once, when a scenario first needs it.

use std::sync::{Arc, OnceLock};

use container::Class;
use kernels::archive::{self, Kernel, acquire, acquire_debug, nearest_pair};
use kernels::kbuild::external::{self, External, ExternalRequest};
use kernels::kbuild::{self, Build, Config, Request};
use kernels::pins::Pin;
use kernels::source::{self, Source};

use super::kernel_files::KernelFiles;
use super::kernel_paths::KernelPaths;
use super::task::{Origin, Pair, Sources, Task};
use super::{Error, Progress, ProgressSink, RunContext};
use crate::definition::{BuiltKernel, ModuleEncoder, Subject};
use crate::exit::Ending;

/// The kernels of a run, and the sources that they are built from.
pub(super) struct KernelStore<'a> {
    entries: Vec<StoreEntry>,
    lines: Vec<(String, Result<Source, Unavailable>)>,
    progress: ProgressSink<'a>,
}

/// One kernel.
struct StoreEntry {
    origin: Origin,
    parts: Result<KernelPaths, Unavailable>,
    files: OnceLock<Result<Arc<KernelFiles>, String>>,
}

/// Why a kernel or a source is not to be had.
#[derive(Debug, Clone)]
enum Unavailable {
    /// The archive does not have the package.
    Package(archive::Unavailable),
    /// The archive does not have the source.
    Source(archive::Unavailable),
    /// Getting or building it failed.
    Failed(String),
}

impl<'a> KernelStore<'a> {
    /// Acquires and builds what jobs need: packages first, then source by source, then kernel by kernel.
    ///
    /// # Errors
    ///
    /// What keeps every scenario from being tried: the archive, a request to stop, a configuration or upgrade that there is not.
    /// What keeps a single kernel from being had is told to those who ask for it.
    pub(super) fn fill(
        ready: &RunContext<'_>,
        jobs: &[Task],
        sources: &Sources,
        progress: ProgressSink<'a>,
    ) -> Result<Self, Error> {
        let mut origins: Vec<&Origin> = Vec::new();
        for origin in jobs.iter().filter_map(|job| job.kernels.as_ref()).flat_map(Pair::origins) {
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
        let mut packages = acquire(&ready.context, &ready.archive(), &pins)?.into_iter();

        let mut builder = Builder { ready, sources, lines: Vec::new(), firsts: Vec::new() };
        for line in lines(jobs) {
            builder.line(line)?;
        }
        let mut entries = Vec::new();
        for origin in origins {
            let parts = match origin {
                Origin::Package(_) => match packages.next() {
                    Some(package) => {
                        package.map(|kernel: Kernel| KernelPaths::of_package(&kernel)).map_err(Unavailable::Package)
                    }
                    None => Err(Unavailable::Failed("it was not asked for".into())),
                },
                Origin::Encoded { debug, encoder, .. } => match packages.next() {
                    Some(Ok(kernel)) => encoded(ready, &kernel, debug, *encoder)?,
                    Some(Err(unavailable)) => Err(Unavailable::Package(unavailable)),
                    None => Err(Unavailable::Failed("it was not asked for".into())),
                },
                Origin::Source { line, kernel } => builder.kernel(line, kernel)?,
            };
            entries.push(StoreEntry { origin: origin.clone(), parts, files: OnceLock::new() });
        }
        Ok(Self { entries, lines: builder.lines, progress })
    }

    /// Where the files of a boot's two kernels are, or the way in which a scenario ends that cannot have them.
    pub(super) fn parts(&self, pair: &Pair) -> Result<(&KernelPaths, &KernelPaths), Ending> {
        // Of a pair that lacks one the other was not asked for.
        if let Some(why) = [&pair.running, &pair.modules_of].into_iter().find_map(|origin| origin.as_ref().err()) {
            return Err(Ending::Unavailable { why: why.clone() });
        }
        let (running, modules_of) = (self.entry(&pair.running)?, self.entry(&pair.modules_of)?);
        match (&running.parts, &modules_of.parts) {
            (Ok(running), Ok(modules_of)) => Ok((running, modules_of)),
            (Err(unavailable), _) | (_, Err(unavailable)) => Err(unavailable.ending(pair)),
        }
    }

    /// The files of a boot's two kernels, read.
    pub(super) fn files(&self, pair: &Pair) -> Result<(Arc<KernelFiles>, Arc<KernelFiles>), Ending> {
        self.parts(pair)?;
        Ok((self.read(self.entry(&pair.running)?)?, self.read(self.entry(&pair.modules_of)?)?))
    }

    /// The source of a line.
    pub(super) fn source(&self, line: &str) -> Result<&Source, Ending> {
        match self.lines.iter().find(|(known, _)| known == line) {
            Some((_, Ok(source))) => Ok(source),
            Some((_, Err(unavailable))) => Err(unavailable.alone()),
            None => Err(Ending::Unavailable { why: format!("the source of {line} was not asked for") }),
        }
    }

    fn entry(&self, origin: &Result<Origin, String>) -> Result<&StoreEntry, Ending> {
        let unknown = |why: &str| Ending::Unavailable { why: why.to_owned() };
        let origin = origin.as_ref().map_err(|why| unknown(why))?;
        self.entries.iter().find(|entry| entry.origin == *origin).ok_or_else(|| unknown("it was not asked for"))
    }

    fn read(&self, entry: &StoreEntry) -> Result<Arc<KernelFiles>, Ending> {
        let parts = entry.parts.as_ref().map_err(Unavailable::alone)?;
        let files = entry.files.get_or_init(|| {
            (self.progress)(Progress::Reading { release: &parts.id.release });
            KernelFiles::read(parts).map(Arc::new).map_err(|error| error.in_one_line())
        });
        files.clone().map_err(|what| Ending::Environment { what })
    }
}

impl Unavailable {
    /// How a scenario ends for which this is not to be had; of a package, with the nearest pair that there is instead.
    fn ending(&self, pair: &Pair) -> Ending {
        let Self::Package(unavailable) = self else { return self.alone() };
        let version = |origin: &Result<Origin, String>| match origin {
            Ok(Origin::Package(pin)) => pin.version.clone(),
            _ => String::new(),
        };
        match nearest_pair(&version(&pair.running), &version(&pair.modules_of), &unavailable.have) {
            Some((from, to)) => Ending::Unavailable {
                why: format!(
                    "{unavailable}\nthe nearest pair that there is: cargo xtask repro --pair {}..{}",
                    from.release, to.release
                ),
            },
            None => self.alone(),
        }
    }

    fn alone(&self) -> Ending {
        match self {
            Self::Package(unavailable) => Ending::Unavailable { why: unavailable.to_string() },
            Self::Source(unavailable) => Ending::Unavailable {
                why: format!(
                    "{unavailable}\nanother source of that line will do: cargo xtask repro --source DIR|TARBALL"
                ),
            },
            Self::Failed(what) => Ending::Environment { what: what.clone() },
        }
    }
}

/// A kernel of a package, with the debug information that the BTF of its modules is encoded from.
fn encoded(
    ready: &RunContext<'_>,
    kernel: &Kernel,
    debug: &Pin,
    encoder: ModuleEncoder,
) -> Result<Result<KernelPaths, Unavailable>, Error> {
    let debug = survivable(acquire_debug(&ready.context, &ready.archive(), debug))?;
    Ok(debug
        .and_then(|debug| debug.map_err(Unavailable::Package))
        .map(|debug| KernelPaths::encoded(kernel, &debug, encoder)))
}

/// The lines that something is built of, in the order of the jobs.
fn lines(jobs: &[Task]) -> Vec<&str> {
    let mut lines: Vec<&str> = Vec::new();
    for scenario in jobs.iter().map(|job| &job.scenario) {
        let builds = scenario.definition.boot().is_some_and(|boot| boot.is_built())
            || matches!(scenario.definition.subject, Subject::Build(_));
        if let Some(line) = scenario.line.as_deref().filter(|line| builds && !lines.contains(line)) {
            lines.push(line);
        }
    }
    lines
}

/// Builds kernels, one at a time.
struct Builder<'r, 'c> {
    ready: &'r RunContext<'c>,
    sources: &'r Sources,
    lines: Vec<(String, Result<Source, Unavailable>)>,
    /// First builds by line and configuration, so that one that fails is not tried again for each of its upgrades.
    firsts: Vec<(String, String, Result<Build, Unavailable>)>,
}

impl Builder<'_, '_> {
    /// Brings the source of a line into the cache.
    fn line(&mut self, line: &str) -> Result<(), Error> {
        let own = self.sources.own.as_ref().filter(|own| own.identity.line == line);
        let source = match own {
            Some(own) => Ok(own.clone()),
            None => self.acquire(line)?,
        };
        self.lines.push((line.to_owned(), source));
        Ok(())
    }

    fn acquire(&self, line: &str) -> Result<Result<Source, Unavailable>, Error> {
        let pin = self.sources.pins.line(line)?;
        let acquired =
            self.ready.workshop().and_then(|workshop| source::acquire(&workshop, &self.ready.archive(), pin));
        Ok(survivable(acquired)?.and_then(|source| source.map_err(Unavailable::Source)))
    }

    fn kernel(&mut self, line: &str, kernel: &BuiltKernel) -> Result<Result<KernelPaths, Unavailable>, Error> {
        let source = match self.lines.iter().find(|(known, _)| known == line) {
            Some((_, Ok(source))) => source.clone(),
            Some((_, Err(unavailable))) => return Ok(Err(unavailable.clone())),
            None => return Ok(Err(Unavailable::Failed(format!("the source of {line} was not asked for")))),
        };
        let first = self.first(&source, &kernel.config)?;
        let build = match (first, &kernel.upgrade) {
            (Ok(_), Some(upgrade)) => self.build(&source, &kernel.config, Some(upgrade))?,
            (first, _) => first,
        };
        let package = self.sources.own.as_ref().is_none_or(|own| own.identity != source.identity);
        let package = package.then(|| self.sources.pins.line(line)).transpose()?.map(|pin| pin.package.as_str());
        let parts = build.map(|build| KernelPaths::of_build(&build, kernel, package));
        match parts {
            Ok(parts) if !kernel.external.is_empty() => {
                let external = self.external(&source, kernel)?;
                Ok(external.map(|external| parts.with_external(&external)))
            }
            parts => Ok(parts),
        }
    }

    fn first(&mut self, source: &Source, config: &str) -> Result<Result<Build, Unavailable>, Error> {
        let line = &source.identity.line;
        if let Some((.., known)) = self.firsts.iter().find(|(of, name, _)| of == line && name == config) {
            return Ok(known.clone());
        }
        let built = self.build(source, config, None)?;
        self.firsts.push((line.clone(), config.to_owned(), built.clone()));
        Ok(built)
    }

    fn build(&self, source: &Source, config: &str, upgrade: Option<&str>) -> Result<Result<Build, Unavailable>, Error> {
        let config = fragments(config);
        let request = Request { source, recipes: &self.sources.recipes, config: &config, upgrade };
        survivable(self.ready.workshop().and_then(|workshop| kbuild::build(&workshop, &request)))
    }

    fn external(&self, source: &Source, kernel: &BuiltKernel) -> Result<Result<External, Unavailable>, Error> {
        let (config, upgrade) = (fragments(&kernel.config), kernel.upgrade.as_deref());
        let request = Request { source, recipes: &self.sources.recipes, config: &config, upgrade };
        let request = ExternalRequest { request, sources: &kernel.external };
        survivable(self.ready.workshop().and_then(|workshop| external::build(&workshop, &request)))
    }
}

fn fragments(config: &str) -> Config {
    Config::new(&config.split('+').collect::<Vec<_>>())
}

/// What befalls one kernel is kept with it; a request to stop, or something that makes no sense, ends the run.
fn survivable<T>(result: Result<T, kernels::Error>) -> Result<Result<T, Unavailable>, Error> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.class() == Class::Environment => Ok(Err(Unavailable::Failed(error.to_string()))),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_pair_that_lacks_one_it_is_said_which() {
        let store = KernelStore { entries: Vec::new(), lines: Vec::new(), progress: &|_| () };
        let kernel = BuiltKernel { config: "strict".into(), upgrade: None, external: Vec::new() };
        let there = || Ok(Origin::Source { line: "6.1".into(), kernel: kernel.clone() });
        let unavailable = || Err("6.1.0-99 is unavailable".to_owned());
        for pair in
            [Pair { running: there(), modules_of: unavailable() }, Pair { running: unavailable(), modules_of: there() }]
        {
            assert_eq!(store.parts(&pair).unwrap_err().detail(), "6.1.0-99 is unavailable");
        }
    }
}

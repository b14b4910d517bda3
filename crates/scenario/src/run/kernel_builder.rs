//! Building the kernels of a run, one at a time.

use kernels::Availability;
use kernels::kbuild::external::{External, ExternalRequest};
use kernels::kbuild::{Build, Config, Request};
use kernels::source::Source;

use super::kernel_paths::KernelPaths;
use super::unavailable::{Unavailable, survivable};
use super::{Error, RunContext};
use crate::definition::BuiltKernel;

/// Builds kernels from the sources of their series.
pub(super) struct KernelBuilder<'r, 'c> {
    context: &'r RunContext<'c>,
    sources: Vec<(String, Availability<Source, Unavailable>)>,
    /// First builds by series and configuration, so that a failing one is not repeated for each of its upgrades.
    first_builds: Vec<(String, String, Availability<Build, Unavailable>)>,
}

impl<'r, 'c> KernelBuilder<'r, 'c> {
    pub(super) fn new(context: &'r RunContext<'c>) -> Self {
        Self { context, sources: Vec::new(), first_builds: Vec::new() }
    }

    /// The sources that were acquired, by series.
    pub(super) fn into_sources(self) -> Vec<(String, Availability<Source, Unavailable>)> {
        self.sources
    }

    /// Acquires the source of a series.
    pub(super) fn acquire_source(&mut self, series: &str) -> Result<(), Error> {
        let own = self.context.sources.own.as_ref().filter(|own| own.identity.series == series);
        let source = match own {
            Some(own) => Availability::Available(own.clone()),
            None => {
                let pin = self.context.sources.pins.series(series)?;
                let source = survivable(self.context.kernels.source(pin))?;
                source.and_then(|source| source.map_unavailable(Unavailable::Source))
            }
        };
        self.sources.push((series.to_owned(), source));
        Ok(())
    }

    /// Builds a kernel from the source of a series.
    pub(super) fn build(
        &mut self,
        series: &str,
        kernel: &BuiltKernel,
    ) -> Result<Availability<KernelPaths, Unavailable>, Error> {
        let source = match self.sources.iter().find(|(known, _)| known == series) {
            Some((_, Availability::Available(source))) => source.clone(),
            Some((_, Availability::Unavailable(why))) => return Ok(Availability::Unavailable(why.clone())),
            None => {
                let why = Unavailable::Failed(format!("the source of {series} was not acquired"));
                return Ok(Availability::Unavailable(why));
            }
        };
        let first = self.first_build(&source, &kernel.config)?;
        let build = match (first, &kernel.upgrade) {
            (Availability::Available(_), Some(upgrade)) => self.make(&source, &kernel.config, Some(upgrade))?,
            (first, _) => first,
        };
        let sources = self.context.sources;
        let pinned = sources.own.as_ref().is_none_or(|own| own.identity != source.identity);
        let package = pinned.then(|| sources.pins.series(series)).transpose()?.map(|pin| pin.package.as_str());
        let paths = match build {
            Availability::Available(build) => KernelPaths::of_build(&build, kernel, package),
            Availability::Unavailable(why) => return Ok(Availability::Unavailable(why)),
        };
        if kernel.external.is_empty() {
            return Ok(Availability::Available(paths));
        }
        let external = self.make_external(&source, kernel)?;
        Ok(external.map(|external| paths.with_external(&external)))
    }

    fn first_build(&mut self, source: &Source, config: &str) -> Result<Availability<Build, Unavailable>, Error> {
        let series = &source.identity.series;
        if let Some((.., known)) = self.first_builds.iter().find(|(of, name, _)| of == series && name == config) {
            return Ok(known.clone());
        }
        let built = self.make(source, config, None)?;
        self.first_builds.push((series.clone(), config.to_owned(), built.clone()));
        Ok(built)
    }

    fn make(
        &self,
        source: &Source,
        config: &str,
        upgrade: Option<&str>,
    ) -> Result<Availability<Build, Unavailable>, Error> {
        let config = fragments(config);
        let request = Request { source, configs: &self.context.sources.configs, config: &config, upgrade };
        survivable(self.context.kernels.build(&request))
    }

    fn make_external(
        &self,
        source: &Source,
        kernel: &BuiltKernel,
    ) -> Result<Availability<External, Unavailable>, Error> {
        let (config, upgrade) = (fragments(&kernel.config), kernel.upgrade.as_deref());
        let request = Request { source, configs: &self.context.sources.configs, config: &config, upgrade };
        survivable(self.context.kernels.external_modules(&ExternalRequest { request, sources: &kernel.external }))
    }
}

fn fragments(config: &str) -> Config {
    Config::new(&config.split('+').collect::<Vec<_>>())
}

//! Building the kernels of a run, one at a time.

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
    sources: Vec<(String, Result<Source, Unavailable>)>,
    /// First builds by series and configuration, so that one that fails is not tried again for each of its upgrades.
    first_builds: Vec<(String, String, Result<Build, Unavailable>)>,
}

impl<'r, 'c> KernelBuilder<'r, 'c> {
    pub(super) fn new(context: &'r RunContext<'c>) -> Self {
        Self { context, sources: Vec::new(), first_builds: Vec::new() }
    }

    /// The sources that were acquired, by series.
    pub(super) fn into_sources(self) -> Vec<(String, Result<Source, Unavailable>)> {
        self.sources
    }

    /// Acquires the source of a series.
    pub(super) fn acquire_source(&mut self, series: &str) -> Result<(), Error> {
        let own = self.context.sources.own.as_ref().filter(|own| own.identity.line == series);
        let source = match own {
            Some(own) => Ok(own.clone()),
            None => {
                let pin = self.context.sources.pins.line(series)?;
                let source = survivable(self.context.kernels.source(pin))?;
                source.and_then(|source| source.map_err(Unavailable::Source))
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
    ) -> Result<Result<KernelPaths, Unavailable>, Error> {
        let source = match self.sources.iter().find(|(known, _)| known == series) {
            Some((_, Ok(source))) => source.clone(),
            Some((_, Err(unavailable))) => return Ok(Err(unavailable.clone())),
            None => return Ok(Err(Unavailable::Failed(format!("the source of {series} was not acquired")))),
        };
        let first = self.first_build(&source, &kernel.config)?;
        let build = match (first, &kernel.upgrade) {
            (Ok(_), Some(upgrade)) => self.make(&source, &kernel.config, Some(upgrade))?,
            (first, _) => first,
        };
        let sources = self.context.sources;
        let pinned = sources.own.as_ref().is_none_or(|own| own.identity != source.identity);
        let package = pinned.then(|| sources.pins.line(series)).transpose()?.map(|pin| pin.package.as_str());
        let paths = match build {
            Ok(build) => KernelPaths::of_build(&build, kernel, package),
            Err(unavailable) => return Ok(Err(unavailable)),
        };
        if kernel.external.is_empty() {
            return Ok(Ok(paths));
        }
        let external = self.make_external(&source, kernel)?;
        Ok(external.map(|external| paths.with_external(&external)))
    }

    fn first_build(&mut self, source: &Source, config: &str) -> Result<Result<Build, Unavailable>, Error> {
        let series = &source.identity.line;
        if let Some((.., known)) = self.first_builds.iter().find(|(of, name, _)| of == series && name == config) {
            return Ok(known.clone());
        }
        let built = self.make(source, config, None)?;
        self.first_builds.push((series.clone(), config.to_owned(), built.clone()));
        Ok(built)
    }

    fn make(&self, source: &Source, config: &str, upgrade: Option<&str>) -> Result<Result<Build, Unavailable>, Error> {
        let config = fragments(config);
        let request = Request { source, recipes: &self.context.sources.recipes, config: &config, upgrade };
        survivable(self.context.kernels.build(&request))
    }

    fn make_external(&self, source: &Source, kernel: &BuiltKernel) -> Result<Result<External, Unavailable>, Error> {
        let (config, upgrade) = (fragments(&kernel.config), kernel.upgrade.as_deref());
        let request = Request { source, recipes: &self.context.sources.recipes, config: &config, upgrade };
        survivable(self.context.kernels.external_modules(&ExternalRequest { request, sources: &kernel.external }))
    }
}

fn fragments(config: &str) -> Config {
    Config::new(&config.split('+').collect::<Vec<_>>())
}

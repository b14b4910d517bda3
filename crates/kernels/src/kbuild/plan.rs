//! A build request together with everything that was looked up for it.

use std::path::PathBuf;

use super::build_env::BuildEnv;
use super::config::Symbols;
use super::entry;
use super::kernel_configs::{Change, Config, KernelConfigs};
use super::key::Inputs;
use crate::cache::Directories as _;
use crate::error::Error;
use crate::source::Source;

/// A request to build a kernel.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The source.
    pub source: &'a Source,
    /// The configurations and upgrades.
    pub configs: &'a KernelConfigs,
    /// The configuration.
    pub config: &'a Config,
    /// The upgrade, or `None` for a first build.
    pub upgrade: Option<&'a str>,
}

/// A request together with everything that was looked up for it.
pub(super) struct Plan<'a> {
    pub request: Request<'a>,
    pub asked: Symbols,
    pub inputs: Inputs,
}

impl<'a> Plan<'a> {
    /// The first build for a request. For an upgrade, it is the build that the upgrade is based on.
    pub(super) fn first(build_env: &BuildEnv<'_>, request: Request<'a>) -> Result<Self, Error> {
        let identity = &request.source.identity;
        let asked = request.configs.asked(request.config, &identity.series)?;
        let off = request.config.expected_off.iter().map(|symbol| format!("# {symbol} is expected off\n"));
        let text = off.fold(asked.to_string(), |text, line| text + &line);
        let inputs = Inputs::first(identity.clone(), &request.config.name, text, build_env);
        Ok(Self { request: Request { upgrade: None, ..request }, asked, inputs })
    }

    pub(super) fn name(&self) -> String {
        entry::name(&self.inputs)
    }

    /// The configuration on whose output tree this first build is made, or `None` for a build from scratch.
    pub(super) fn base_tree(&self) -> Option<Config> {
        let base_tree = self.request.config.base_tree()?;
        self.request.configs.has_fragments(&base_tree, &self.request.source.identity.series).then_some(base_tree)
    }
}

/// Whether a first build and its tree are in the cache.
pub(super) fn has_tree(build_env: &BuildEnv<'_>, first: &Plan<'_>) -> bool {
    entry::find(&build_env.context.cache, &first.inputs).is_some() && tree(build_env, first).is_dir()
}

pub(super) fn tree(build_env: &BuildEnv<'_>, first: &Plan<'_>) -> PathBuf {
    build_env.context.cache.trees().join(first.name())
}

pub(super) fn upgraded(first: &Plan<'_>, upgrade: &str) -> Result<(Inputs, Change), Error> {
    let change = first.request.configs.change(upgrade, &first.inputs.source.series)?;
    let inputs = Inputs {
        upgrade: Some(upgrade.to_owned()),
        patch: change.patch.clone().unwrap_or_default(),
        ..first.inputs.clone()
    };
    Ok((inputs, change))
}

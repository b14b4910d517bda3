//! The context of all faults: the environment, the arguments of the program under test, and the second cache.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use container::engine::EngineChoice;
use scenario::run::RunEnvironment;

use crate::program::program;
use crate::second_cache::{First, SecondCache};

/// The context in which faults are injected.
pub struct Setting<'a> {
    pub(crate) ready: &'a RunEnvironment<'a>,
    pub(crate) engine: EngineChoice,
    /// The arguments for the program under test that depend on this machine: its engine, its mirrors.
    machine_arguments: Vec<String>,
    pub(crate) kernel_configs: PathBuf,
    second_cache: OnceCell<SecondCache>,
}

impl<'a> Setting<'a> {
    /// Creates the context for an environment. The program under test gets `machine_arguments` in addition to the
    /// arguments of each fault.
    #[must_use]
    pub const fn new(
        ready: &'a RunEnvironment<'a>,
        engine: EngineChoice,
        machine_arguments: Vec<String>,
        kernel_configs: PathBuf,
    ) -> Self {
        Self { ready, engine, machine_arguments, kernel_configs, second_cache: OnceCell::new() }
    }
}

impl Setting<'_> {
    /// This program with these arguments and those that depend on this machine.
    pub(crate) fn program(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = program(arguments)?;
        command.args(&self.machine_arguments);
        Ok(command)
    }

    /// The cache in which builds are broken. It is created on first use.
    pub(crate) fn second_cache(&self) -> Result<&SecondCache> {
        if self.second_cache.get().is_none() {
            let made = SecondCache::make(self.ready, &self.kernel_configs)?;
            return Ok(self.second_cache.get_or_init(|| made));
        }
        self.second_cache.get().context("it was just there")
    }

    /// The second cache in its initial state, whatever the previous fault left.
    pub(crate) fn fresh_cache(&self, first: First) -> Result<&SecondCache> {
        let cache = self.second_cache()?;
        // Removes leftover containers.
        container::engine::prepare(&self.ready.context, self.engine)?;
        cache.reset(first)?;
        Ok(cache)
    }
}

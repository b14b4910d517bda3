//! The surroundings of all faults: the environment, the arguments of the program under test, and the second cache.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use container::engine::EngineChoice;
use scenario::run::RunEnvironment;

use crate::program::program;
use crate::second_cache::{First, SecondCache};

/// What faults are injected with.
pub struct Setting<'a> {
    pub(crate) ready: &'a RunEnvironment<'a>,
    pub(crate) engine: EngineChoice,
    /// The arguments about this machine that the program under test is given: its engine, its mirrors.
    machine_arguments: Vec<String>,
    pub(crate) kernel_configs: PathBuf,
    second_cache: OnceCell<SecondCache>,
}

impl<'a> Setting<'a> {
    /// For this environment. The program under test gets `machine_arguments` besides those of each fault.
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
    /// This program, with these arguments and those about this machine.
    pub(crate) fn program(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = program(arguments)?;
        command.args(&self.machine_arguments);
        Ok(command)
    }

    /// The cache in which builds are broken. It is made on first use.
    pub(crate) fn second_cache(&self) -> Result<&SecondCache> {
        if self.second_cache.get().is_none() {
            let made = SecondCache::make(self.ready, &self.kernel_configs)?;
            return Ok(self.second_cache.get_or_init(|| made));
        }
        self.second_cache.get().context("it was just there")
    }

    /// The second cache in its first state, whatever the fault before has left.
    pub(crate) fn fresh_cache(&self, first: First) -> Result<&SecondCache> {
        let cache = self.second_cache()?;
        // Removes containers, should there be any.
        container::engine::prepare(&self.ready.context, self.engine)?;
        cache.reset(first)?;
        Ok(cache)
    }
}

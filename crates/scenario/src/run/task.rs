//! A task: a scenario, and the origins of its kernels.

use kernels::kbuild::KernelConfigs;
use kernels::pins::{Pin, Pins};
use kernels::source::{Source, SourcePins};

use crate::definition::{
    BootDefinition, BuiltKernel, ModuleEncoder, Modules, ReencodedModules, Scenario, ScenarioKernel,
};

/// The origin of a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A prebuilt package.
    Package(Pin),
    /// A prebuilt package whose modules get BTF encoded from the debug information in another package.
    Encoded {
        /// The kernel.
        kernel: Pin,
        /// Its debug information.
        debug: Pin,
        /// The encoder.
        encoder: ModuleEncoder,
    },
    /// A build from the source of a series.
    Source {
        /// The series.
        line: String,
        /// The configuration and upgrade.
        kernel: BuiltKernel,
    },
}

/// A scenario, and its two kernels if it boots.
#[derive(Debug, Clone)]
pub struct Task {
    /// The scenario.
    pub scenario: Scenario,
    /// Its kernels; `None` for a build scenario.
    pub kernels: Option<Pair>,
}

/// The kernels of a boot, or the reason why one is missing.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The kernel that boots.
    pub running: Result<Origin, String>,
    /// The kernel whose modules are loaded.
    pub modules_of: Result<Origin, String>,
}

impl Pair {
    /// The kernels to acquire; none if one of the two is missing, because then nothing boots.
    pub(super) fn origins(&self) -> impl Iterator<Item = &Origin> {
        let both = self.running.as_ref().ok().zip(self.modules_of.as_ref().ok());
        both.into_iter().flat_map(|(running, modules_of)| [running, modules_of])
    }
}

/// The sources of kernels that are built.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The pinned sources.
    pub pins: SourcePins,
    /// Configurations and upgrades.
    pub configs: KernelConfigs,
    /// A user's own source, which replaces the pinned one of its series.
    pub own: Option<Source>,
}

impl Task {
    /// A scenario whose kernels are looked up among the pinned ones.
    #[must_use]
    pub fn new(scenario: Scenario, pins: &Pins) -> Self {
        let origin = |kernel: &ScenarioKernel| match (kernel, &scenario.series) {
            (ScenarioKernel::Pinned(release), _) => pins
                .release(release)
                .map(|pin| Origin::Package(pin.clone()))
                .ok_or_else(|| format!("{release} is not pinned in kernel-configs/")),
            (ScenarioKernel::Reencoded(ReencodedModules { release, encoder }), _) => {
                match (pins.release(release), pins.debug_of(release)) {
                    (Some(kernel), Some(debug)) => {
                        Ok(Origin::Encoded { kernel: kernel.clone(), debug: debug.clone(), encoder: *encoder })
                    }
                    _ => Err(format!("{release} is not pinned in kernel-configs/ with its debug information")),
                }
            }
            (ScenarioKernel::Built(kernel), Some(line)) => {
                Ok(Origin::Source { line: line.clone(), kernel: kernel.clone() })
            }
            (ScenarioKernel::Built(kernel), None) => {
                Err(format!("the definition does not say for which kernel series {kernel} is built"))
            }
        };
        let boot = scenario.definition.boot();
        let kernels = boot.map(|boot| Pair { running: origin(&boot.running), modules_of: origin(&boot.modules_of) });
        Self { scenario, kernels }
    }

    /// The boot and its kernels; `None` for a build scenario.
    pub(super) fn boot(&self) -> Option<(&BootDefinition, &Pair)> {
        Some((self.scenario.definition.boot()?, self.kernels.as_ref()?))
    }

    /// Whether it takes long, like loading all modules of a distribution's kernel.
    pub(super) fn is_long(&self) -> bool {
        !self.scenario.is_built() && self.scenario.definition.boot().is_some_and(|boot| boot.load == Modules::All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_that_lacks_one_needs_nothing_of_the_other() {
        let kernel = BuiltKernel { config: "strict".into(), upgrade: None, external: Vec::new() };
        let origin = || Ok(Origin::Source { line: "6.1".into(), kernel: kernel.clone() });
        let pair = |modules_of| Pair { running: origin(), modules_of };
        assert_eq!(pair(origin()).origins().count(), 2);
        assert_eq!(pair(Err("gone".into())).origins().count(), 0);
    }
}

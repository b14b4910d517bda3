//! What there is to do: a scenario, and where its kernels come from.

use kernels::kbuild::KernelConfigs;
use kernels::pins::{Pin, Pins};
use kernels::source::{Source, SourcePins};

use crate::definition::{
    BootDefinition, BuiltKernel, ModuleEncoder, Modules, ReencodedModules, Scenario, ScenarioKernel,
};

/// Where a kernel comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A prebuilt package.
    Package(Pin),
    /// A prebuilt package whose modules are given BTF that is encoded from the debug information of another.
    Encoded {
        /// The kernel.
        kernel: Pin,
        /// Its debug information.
        debug: Pin,
        /// What encodes.
        encoder: ModuleEncoder,
    },
    /// Built from the source of a line.
    Source {
        /// The line.
        line: String,
        /// What is built.
        kernel: BuiltKernel,
    },
}

/// A scenario, and its two kernels if it boots any.
#[derive(Debug, Clone)]
pub struct Task {
    /// The scenario.
    pub scenario: Scenario,
    /// Its kernels; nothing if it only builds.
    pub kernels: Option<Pair>,
}

/// The kernels of a boot, or why one of them is not to be had.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The kernel that boots.
    pub running: Result<Origin, String>,
    /// The kernel whose modules are loaded.
    pub modules_of: Result<Origin, String>,
}

impl Pair {
    /// What is to be brought for it; nothing where one of the two is not to be had, since nothing boots then.
    pub(super) fn origins(&self) -> impl Iterator<Item = &Origin> {
        let both = self.running.as_ref().ok().zip(self.modules_of.as_ref().ok());
        both.into_iter().flat_map(|(running, modules_of)| [running, modules_of])
    }
}

/// Where kernels that are built come from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The pinned sources.
    pub pins: SourcePins,
    /// Configurations and upgrades.
    pub recipes: KernelConfigs,
    /// Somebody's own source, in place of the pinned one of its line.
    pub own: Option<Source>,
}

impl Task {
    /// A scenario with its kernels looked up among the pinned ones.
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
                Err(format!("of which kernel line {kernel} is to be built is not said"))
            }
        };
        let boot = scenario.definition.boot();
        let kernels = boot.map(|boot| Pair { running: origin(&boot.running), modules_of: origin(&boot.modules_of) });
        Self { scenario, kernels }
    }

    /// What boots, and the kernels for it; nothing if it only builds.
    pub(super) fn boot(&self) -> Option<(&BootDefinition, &Pair)> {
        Some((self.scenario.definition.boot()?, self.kernels.as_ref()?))
    }

    /// Whether it takes long, as all modules of a distribution's kernel do.
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

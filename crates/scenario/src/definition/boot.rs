//! The definition of a boot scenario: the table `[boot]`.

use serde::Deserialize;

use super::kernel::ScenarioKernel;

/// The running kernel, the kernel whose modules are loaded, and the modules.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BootDefinition {
    /// The kernel that boots.
    pub running: ScenarioKernel,
    /// The kernel whose modules are loaded.
    pub modules_of: ScenarioKernel,
    /// The modules to load.
    pub load: Modules,
    /// The virtual machine's memory in MiB. All modules of a distribution's kernel need 4096.
    pub memory_mib: u32,
    /// The scenario's claim about two kernels built from source. It is checked against their two Module.symvers
    /// before anything boots. For prebuilt kernels there is no claim: their ABI is measured.
    pub abi: Option<AbiClaim>,
}

/// The modules of a kernel that a scenario loads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Modules {
    /// All modules, in dependency order.
    All,
    /// These modules, each preceded by its dependencies.
    Named(Vec<String>),
}

/// Whether the modules of one kernel fit another by the CRCs of its exported symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AbiClaim {
    /// The other kernel exports every symbol of the first with the same CRC.
    Compatible,
    /// A symbol is missing or has another CRC.
    Broken,
}

impl BootDefinition {
    /// Whether the modules belong to another kernel than the running one. A scenario that loads a kernel's own
    /// modules, or those of the same source built again, is a control.
    #[must_use]
    pub fn is_upgrade(&self) -> bool {
        match (&self.running, &self.modules_of) {
            (ScenarioKernel::Built(running), ScenarioKernel::Built(modules_of)) => {
                running.config != modules_of.config || running.change() != modules_of.change()
            }
            (ScenarioKernel::Pinned(running), ScenarioKernel::Reencoded(modules_of)) => *running != modules_of.release,
            (running, modules_of) => running != modules_of,
        }
    }

    /// Whether its kernels are built from source.
    #[must_use]
    pub fn is_built(&self) -> bool {
        matches!(self.running, ScenarioKernel::Built(_))
    }

    pub(super) fn inconsistency(&self) -> Option<&'static str> {
        match (&self.running, &self.modules_of, self.abi) {
            (ScenarioKernel::Built(running), _, _) if !running.external.is_empty() => {
                Some("`running` cannot have `external` modules: they belong to `modules-of`")
            }
            (ScenarioKernel::Reencoded(_), _, _) => {
                Some("`running` cannot have an `encoder`: it belongs to `modules-of`")
            }
            (ScenarioKernel::Pinned(_), ScenarioKernel::Pinned(_) | ScenarioKernel::Reencoded(_), None)
            | (ScenarioKernel::Built(_), ScenarioKernel::Built(_), Some(_)) => None,
            (ScenarioKernel::Pinned(_), ScenarioKernel::Pinned(_) | ScenarioKernel::Reencoded(_), Some(_)) => {
                Some("`abi` is for kernels that are built from source: that of prebuilt ones is measured")
            }
            (ScenarioKernel::Built(_), ScenarioKernel::Built(_), None) => {
                Some("`abi` is missing: \"compatible\" or \"broken\", which is proven before anything boots")
            }
            _ => Some("`running` and `modules-of` must both be prebuilt kernels, or both be built from source"),
        }
    }
}

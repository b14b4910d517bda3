//! Whether it is true what a kernel makes of a module that brings a distilled base.

use btf::Btf;
use btf::compare::Bases;
use btf::relocate::{self, relocate};

use super::compare::truth;
use crate::boots::measured::TypeFidelity;

#[cfg(test)]
mod tests;

/// What the kernel makes of a module that brings a distilled base, and whether it is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistilledFidelity {
    /// As [`measure`](super::measure) has it.
    pub fidelity: TypeFidelity,
    /// What `/sys/kernel/btf/<module>` then holds, byte for byte.
    pub relocated: Vec<u8>,
}

/// Why nothing is known about a module that brings a distilled base.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DistilledError {
    /// The running kernel refuses the module: see [`relocate::Error::errno`] and [`relocate::Error::kernel_line`].
    #[error("the running kernel refuses the BTF of {module}")]
    Running {
        /// The module.
        module: String,
        /// Why.
        source: relocate::Error,
    },
    /// The kernel that the module was built for would refuse it, so it is not known what it meant.
    #[error("cannot find out what the BTF of {module} meant: the kernel that it was built for refuses it")]
    Built {
        /// The module.
        module: String,
        /// Why.
        source: relocate::Error,
    },
    /// What came out is no BTF: the module's sections overlap, which a kernel refuses.
    #[error("cannot parse the BTF of {module} after its relocation")]
    Parse {
        /// The module.
        module: String,
        /// Why.
        source: btf::ParseError,
    },
}

/// [`measure`](super::measure) for a module with a `.BTF.base` section, which the kernel relocates.
///
/// `distilled` is that section, `split` the module's `.BTF`, and `bases` has the *whole* base of the kernel that the
/// module was built for on the left, the running one on the right.
///
/// What the module was meant to say is not in the module any more; it is what becomes of it on the kernel that it was
/// built for. That is exact: the type that was distilled always stands for what was distilled of it, and if another one
/// does as well, the relocation fails. So the module is relocated to both bases, and the two results are compared type
/// by type.
///
/// # Errors
/// One of the two kernels refuses the BTF. If both do, the running one counts.
pub fn measure_distilled(
    bases: &Bases<'_>,
    module: &str,
    distilled: &Btf<'_>,
    split: &Btf<'_>,
) -> Result<DistilledFidelity, DistilledError> {
    let [built, running] = bases.both();
    let module_name = || module.to_owned();
    let seen = relocate(distilled, split, running)
        .map_err(|source| DistilledError::Running { module: module_name(), source })?;
    let meant =
        relocate(distilled, split, built).map_err(|source| DistilledError::Built { module: module_name(), source })?;
    let [meant, seen] = [meant.bytes, seen.bytes];
    let parsed = |bytes| Btf::parse(bytes).map_err(|source| DistilledError::Parse { module: module_name(), source });
    let (left, right) = (parsed(&meant)?, parsed(&seen)?);
    let truth = truth(&bases.compare(&left, &right), module);
    Ok(DistilledFidelity { fidelity: truth, relocated: seen })
}

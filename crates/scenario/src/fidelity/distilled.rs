//! The fidelity of a module with a distilled base, after the kernel's relocation.

use btf::Btf;
use btf::compare::Bases;
use btf::relocate::{self, relocate};

use super::compare::type_fidelity;
use crate::boots::measured::TypeFidelity;

#[cfg(test)]
mod tests;

/// The kernel's result for a module with a distilled base, and its fidelity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistilledFidelity {
    /// The same as [`measure`](super::measure) returns.
    pub fidelity: TypeFidelity,
    /// The resulting content of `/sys/kernel/btf/<module>`.
    pub relocated: Vec<u8>,
}

/// The reason why the fidelity of a module with a distilled base is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DistilledError {
    /// The running kernel refuses the module: see [`relocate::Error::errno`] and [`relocate::Error::kernel_line`].
    #[error("the running kernel refuses the BTF of {module}")]
    Running {
        /// The module.
        module: String,
        /// The cause.
        source: relocate::Error,
    },
    /// The kernel for which the module was built would refuse it, so its original meaning is unknown.
    #[error("cannot find out what the BTF of {module} meant: the kernel that it was built for refuses it")]
    Built {
        /// The module.
        module: String,
        /// The cause.
        source: relocate::Error,
    },
    /// The result is not valid BTF: the module's sections overlap, which a kernel refuses.
    #[error("cannot parse the BTF of {module} after its relocation")]
    Parse {
        /// The module.
        module: String,
        /// The cause.
        source: btf::ParseError,
    },
}

/// The fidelity of a module with a `.BTF.base` section, which the kernel relocates.
///
/// `distilled` is that section, `split` the module's `.BTF`. `bases` has the *whole* base of the kernel for which the
/// module was built on the left, the running one on the right.
///
/// The module no longer contains the original meaning of its types. It is defined by the relocation on the kernel for
/// which the module was built. This is exact: a distilled type always matches its original type, and if it also
/// matches another, the relocation fails. So the module is relocated to both bases, and the two results are compared
/// type by type.
///
/// # Errors
/// One of the two kernels refuses the BTF. If both do, the error is that of the running one.
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
    let fidelity = type_fidelity(&bases.compare(&left, &right), module);
    Ok(DistilledFidelity { fidelity, relocated: seen })
}

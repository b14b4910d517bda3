//! Finding the kernels that a command line names.

use container::Context;

use super::access::Archive;
use super::index;
use super::publish;
use super::unavailable::{Availability, Unavailable};
use crate::cache::Directories as _;
use crate::error::Error;
use crate::pins::{KernelSpec, Pin, Pins};

/// Finds the kernels that were named: pinned ones first, the others in the archive. A kernel that the archive lacks,
/// or that cannot be looked up there, is searched in the cache. Waits only for other runs that are reading the
/// archive's index.
///
/// # Errors
///
/// [`container::Error::Cancelled`], [`container::Error::DiskFull`], [`container::Error::Io`].
pub fn resolve(
    context: &Context<'_>,
    archive: &dyn Archive,
    pins: &Pins,
    specs: &[KernelSpec],
) -> Result<Vec<Availability<Pin>>, Error> {
    let mut found = Vec::with_capacity(specs.len());
    let mut index = None;
    for spec in specs {
        if let Some(pin) = pins.find(spec) {
            found.push(Availability::Available(pin.clone()));
            continue;
        }
        let index = match &mut index {
            Some(index) => index,
            empty => {
                let apt = context.cache.hold_alone(&context.monitor(), &context.cache.apt())?;
                empty.insert(index::read(context, archive, pins.suites.iter().cloned().collect(), &apt)?)
            }
        };
        let in_archive = match &*index {
            Availability::Available(index) => index.find_kernel(spec),
            Availability::Unavailable(reason) => {
                Availability::Unavailable(Unavailable::because(spec.to_string(), reason.clone()))
            }
        };
        found.push(match in_archive {
            Availability::Unavailable(why) => in_cache(context, spec)?.ok_or(why).into(),
            available => available,
        });
    }
    Ok(found)
}

/// A kernel that an earlier run fetched into the cache.
fn in_cache(context: &Context<'_>, spec: &KernelSpec) -> Result<Option<Pin>, Error> {
    let kernels = publish::list(context)?;
    Ok(spec.pick(&kernels, |pin| (&pin.release, &pin.package, &pin.version)).cloned())
}

//! What commands share that measure or check kernels of the archive, with the debug information of their packages.

use anyhow::{Context as _, Result};
use container::image;
use container::{Class, engine};
use kernels::archive::{self, AptArchive, Debug, Kernel, Unavailable};
use kernels::images;
use kernels::kbuild::BuildEnv;
use scenario::exit::Exit;

use crate::environment::Environment;
use crate::interrupt;
use crate::progress::{self, Display};

/// Does what is to be done where kernels are built, and tells of errors as [`told`] does.
///
/// # Errors
///
/// As of [`told`].
pub fn in_workshop(environment: &Environment, work: impl FnOnce(&BuildEnv<'_>) -> Result<Exit>) -> Result<Exit> {
    told(prepared(environment, work))
}

/// An error of ours that says how it is to be classed is told, and becomes its exit code.
///
/// # Errors
///
/// What says nothing of the kind.
pub fn told(result: Result<Exit>) -> Result<Exit> {
    result.or_else(|error| match class(&error) {
        None => Err(error),
        Some(class) => {
            crate::say_error(&error);
            Ok(match class {
                Class::Usage => Exit::Usage,
                Class::Cancelled => Exit::Interrupted,
                Class::Environment => Exit::Environment,
            })
        }
    })
}

fn prepared(environment: &Environment, work: impl FnOnce(&BuildEnv<'_>) -> Result<Exit>) -> Result<Exit> {
    let display = Display::new();
    let show = |progress| display.ready(progress);
    let cancel = interrupt::flag()?;
    let apt = environment.apt()?;
    let context = environment.context(&apt, &cancel, &show)?;
    let choice = engine::prepare(&context, environment.engine)?;
    let image = image::prepare(&context, &choice.engine, &images::BUILD)?;
    work(&BuildEnv { context: &context, engine: &choice.engine, image: &image, encoder: None })
}

fn class(error: &anyhow::Error) -> Option<Class> {
    let ours = |cause: &(dyn std::error::Error + 'static)| {
        let kernels = cause.downcast_ref::<kernels::Error>().map(kernels::Error::class);
        kernels.or_else(|| cause.downcast_ref::<container::Error>().map(container::Error::class))
    };
    let of_check = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref::<encode_check::Error>()? {
        encode_check::Error::Interrupted => Some(Class::Cancelled),
        _ => Some(Class::Environment),
    };
    error.chain().find_map(|cause| match cause.downcast_ref::<measure::Error>() {
        Some(measure::Error::Kernels(error)) => Some(error.class()),
        Some(_) => Some(Class::Environment),
        None => ours(cause).or_else(|| of_check(cause)),
    })
}

/// A pinned kernel and its debug information, brought into the cache, unless one of them is unavailable.
///
/// # Errors
///
/// A release whose debug information is not pinned, and those of [`archive::acquire`].
pub fn with_debug(
    workshop: &BuildEnv<'_>,
    environment: &Environment,
    release: &str,
) -> Result<Result<(Kernel, Debug), Unavailable>> {
    let pins = environment.pins()?;
    let (Some(pin), Some(debug)) = (pins.release(release), pins.debug_of(release)) else {
        let known = pins.debug.iter().map(|pin| pin.release.clone()).collect();
        let what = "kernel with pinned debug information called";
        return Err(kernels::Error::UnknownName { what, given: release.to_owned(), known }.into());
    };
    let apt = AptArchive::new(workshop.context, workshop.engine, &workshop.image.name);
    let kernel = archive::acquire(workshop.context, &apt, std::slice::from_ref(pin))?.pop();
    let kernel = match kernel.with_context(|| format!("nothing was said of {}", pin.name()))? {
        Ok(kernel) => kernel,
        Err(unavailable) => return Ok(Err(unavailable)),
    };
    Ok(archive::acquire_debug(workshop.context, &apt, debug)?.map(|debug| (kernel, debug)))
}

/// What is there; what is not is told.
pub fn available<T>(found: Result<T, Unavailable>) -> Option<T> {
    found.map_err(|unavailable| progress::say(&format!("error: {unavailable}"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_exits_as_what_it_wraps_does() {
        let unknown = || kernels::Error::UnknownName { what: "kernel line", given: "5.0".into(), known: Vec::new() };
        assert_eq!(class(&unknown().into()), Some(Class::Usage));
        assert_eq!(class(&measure::Error::from(unknown()).into()), Some(Class::Usage));
        assert_eq!(class(&measure::Error::Release { release: "x".into() }.into()), Some(Class::Environment));
        assert_eq!(class(&encode_check::Error::Interrupted.into()), Some(Class::Cancelled));
        assert_eq!(class(&anyhow::anyhow!("no space")), None);
    }
}

//! What commands share that measure or check kernels of the archive, with the debug information of their packages.

use anyhow::{Context as _, Result};
use cli::{interrupt, terminal};
use container::{engine, image};
use kernels::Availability;
use kernels::archive::{self, AptArchive, Debug, Kernel};
use kernels::images;
use kernels::kbuild::BuildEnv;

use crate::environment::Environment;
use crate::progress::Display;

/// Prepares the build environment and does some work in it.
///
/// # Errors
///
/// No engine, no image; and those of the work.
pub fn in_workshop<T>(environment: &Environment, work: impl FnOnce(&BuildEnv<'_>) -> Result<T>) -> Result<T> {
    let display = Display::default();
    let show = |progress| display.ready(progress);
    let cancel = interrupt::watch()?;
    let apt = environment.apt()?;
    let context = environment.context(&apt, cancel, &show)?;
    let choice = engine::prepare(&context, environment.engine)?;
    let image = image::prepare(&context, &choice.engine, &images::BUILD)?;
    work(&BuildEnv { context: &context, engine: &choice.engine, image: &image, encoder: None })
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
) -> Result<Availability<(Kernel, Debug)>> {
    let pins = environment.pins()?;
    let (Some(pin), Some(debug)) = (pins.release(release), pins.debug_of(release)) else {
        let known = pins.debug.iter().map(|pin| pin.release.clone()).collect();
        let what = "kernel with pinned debug information called";
        return Err(kernels::Error::UnknownName { what, given: release.to_owned(), known }.into());
    };
    let apt = AptArchive::new(workshop.context, workshop.engine, &workshop.image.name);
    let kernel = archive::acquire(workshop.context, &apt, std::slice::from_ref(pin))?.pop();
    let kernel = match kernel.with_context(|| format!("nothing was said of {}", pin.name()))? {
        Availability::Available(kernel) => kernel,
        Availability::Unavailable(why) => return Ok(Availability::Unavailable(why)),
    };
    Ok(archive::acquire_debug(workshop.context, &apt, debug)?.map(|debug| (kernel, debug)))
}

/// What is there; what is not is told.
pub fn available<T>(found: Availability<T>) -> Option<T> {
    found.into_result().map_err(|unavailable| terminal::say(&format!("error: {unavailable}"))).ok()
}

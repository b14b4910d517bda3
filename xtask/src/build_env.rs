//! Shared by commands that measure or check kernels of the archive with their debug packages.

use anyhow::{Context as _, Result};
use cli::{interrupt, terminal};
use container::{engine, image};
use kernels::Availability;
use kernels::archive::{self, AptArchive, Debug, Kernel};
use kernels::images;
use kernels::kbuild::BuildEnv;
use kernels::pins::Pin;
use kernels::source::SourcePins;

use crate::environment::Environment;
use crate::progress::Display;

/// Prepares the build environment and runs `work` in it.
///
/// # Errors
///
/// No engine, no image; and the errors of `work`.
pub fn in_build_env<T>(environment: &Environment, work: impl FnOnce(&BuildEnv<'_>) -> Result<T>) -> Result<T> {
    let display = Display::default();
    let show = |progress| display.preparation(progress);
    let cancel = interrupt::watch()?;
    let apt = environment.apt()?;
    let context = environment.context(&apt, cancel, &show)?;
    let choice = engine::prepare(&context, environment.engine)?;
    let image = image::prepare(&context, &choice.engine, &images::BUILD)?;
    work(&BuildEnv { context: &context, engine: &choice.engine, image: &image, encoder: None })
}

/// A kernel of the archive with pinned debug information.
pub struct PinnedDebug {
    kernel: Pin,
    debug: Pin,
}

/// Looks up the pins of kernels, before anything is set up for them.
///
/// # Errors
///
/// The debug information of a release is not pinned, or the pins cannot be read.
pub fn pinned<S: AsRef<str>>(environment: &Environment, releases: &[S]) -> Result<Vec<PinnedDebug>> {
    let pins = environment.pins()?;
    let pinned = |release: &S| {
        let release = release.as_ref();
        let found = pins.release(release).zip(pins.debug_of(release));
        let found = found.map(|(kernel, debug)| PinnedDebug { kernel: kernel.clone(), debug: debug.clone() });
        found.ok_or_else(|| {
            let known = pins.debug.iter().map(|pin| pin.release.clone()).collect();
            let what = "kernel with pinned debug information";
            kernels::Error::UnknownName { what, given: release.to_owned(), known }.into()
        })
    };
    releases.iter().map(pinned).collect()
}

/// Checks the pins of series that are built from source, before anything is set up for them.
///
/// # Errors
///
/// A series is not pinned.
pub fn check_series<S: AsRef<str>>(series: &[S]) -> Result<()> {
    let pins = SourcePins::builtin()?;
    series.iter().try_for_each(|series| Ok(pins.series(series.as_ref()).map(drop)?))
}

/// Fetches a pinned kernel and its debug information into the cache, unless one of them is unavailable.
///
/// # Errors
///
/// Errors of [`archive::acquire`].
pub fn with_debug(env: &BuildEnv<'_>, pinned: &PinnedDebug) -> Result<Availability<(Kernel, Debug)>> {
    let PinnedDebug { kernel: pin, debug } = pinned;
    let apt = AptArchive::new(env.context, env.engine, &env.image.name);
    let kernel = archive::acquire(env.context, &apt, std::slice::from_ref(pin))?.pop();
    let kernel = match kernel.with_context(|| format!("cannot find out whether {} is available", pin.name()))? {
        Availability::Available(kernel) => kernel,
        Availability::Unavailable(why) => return Ok(Availability::Unavailable(why)),
    };
    Ok(archive::acquire_debug(env.context, &apt, debug)?.map(|debug| (kernel, debug)))
}

/// The value, or else `None` and an error line with the reason.
pub fn available<T>(found: Availability<T>) -> Option<T> {
    found.into_result().map_err(|unavailable| terminal::say(&format!("error: {unavailable}"))).ok()
}

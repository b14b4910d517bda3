//! Choosing an engine, installing one, and remembering the one that works.

use super::choice::EngineChoice;
use super::client::SelectedEngine;
use super::{leftover, probe, verdict};
use crate::context::Context;
use crate::error::Error;
use crate::host;
use crate::progress::Stage;

/// Finds an engine that runs, without changing anything on the host.
///
/// The result is remembered in the cache until the machine reboots or one of the engines' programs changes.
///
/// # Errors
///
/// [`Error::NoEngine`] with the engines that were tried; [`Error::Cancelled`].
pub fn choose(context: &Context<'_>, choice: EngineChoice) -> Result<SelectedEngine, Error> {
    let key = verdict::key(&context.programs, choice);
    if let Some(selected) = verdict::recall(context, &key) {
        return Ok(selected);
    }
    let selected =
        context.stage(Stage::ENGINE, "finding a container engine that runs", || probe::ladder(context, choice))?;
    verdict::remember(context, key, &selected)?;
    Ok(selected)
}

/// Finds an engine that runs. If there is none and installing is allowed, installs one. Also removes containers of
/// killed runs.
///
/// # Errors
///
/// [`Error::NoEngine`]; if an engine must be installed, [`Error::MissingPackages`] with the exact command,
/// [`Error::OfflinePackages`], [`Error::NotDebian`], and [`Error::Failed`] with apt's last lines;
/// [`Error::Cancelled`].
pub fn prepare(context: &Context<'_>, choice: EngineChoice) -> Result<SelectedEngine, Error> {
    let mut selected = match choose(context, choice) {
        Err(Error::NoEngine { rejected, remedy }) => match host::need_for_engine(&context.programs, choice) {
            Some(need) => {
                host::install(context, &need)?;
                choose(context, choice)?
            }
            None => return Err(Error::NoEngine { rejected, remedy }),
        },
        other => other?,
    };
    let removed = match leftover::remove(context, &selected.engine) {
        Err(Error::Start { .. } | Error::Failed { .. } | Error::TimedOut { .. }) => {
            // The remembered engine no longer works, for example because docker's daemon was stopped.
            verdict::forget(context)?;
            selected = choose(context, choice)?;
            leftover::remove(context, &selected.engine)?
        }
        other => other?,
    };
    for name in removed {
        context.note(Stage::ENGINE, format!("removed the container {name}, whose owner is gone"));
    }
    Ok(selected)
}

/// Forgets the remembered engine, so that the next [`choose`] probes again. Call it when a container could not be
/// started.
///
/// # Errors
///
/// [`Error::Io`].
pub fn forget(context: &Context<'_>) -> Result<(), Error> {
    verdict::forget(context)
}

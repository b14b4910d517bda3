//! Containers that outlived the run that started them, because the run was killed.

use super::client::Engine;
use super::owner::{LABEL, is_gone};
use crate::context::Context;
use crate::error::Error;

/// Removes our containers whose owner is dead, and returns their names. With docker this includes other users'
/// containers, whose owners are visible too.
pub(super) fn remove(context: &Context<'_>, engine: &Engine) -> Result<Vec<String>, Error> {
    let filter = format!("label={LABEL}");
    let format = match engine {
        Engine::Podman { .. } => format!("{{{{.Names}}}} {{{{index .Labels \"{LABEL}\"}}}}"),
        Engine::Docker { .. } => format!("{{{{.Names}}}} {{{{.Label \"{LABEL}\"}}}}"),
        Engine::Host => return Ok(Vec::new()),
    };
    let list = engine.ask(context, "list containers", &["ps", "--all", "--filter", &filter, "--format", &format])?;
    let mut removed = Vec::new();
    for (name, owner) in list.lines().filter_map(|line| line.trim().split_once(' ')) {
        if is_gone(owner) {
            engine.remove_container(name)?;
            removed.push(name.to_owned());
        }
    }
    Ok(removed)
}

//! Containers that outlived the run that started them, because it was killed.

use std::fs;
use std::process;

use super::Engine;
use crate::{Context, Error};

/// The label that says to which process a container belongs.
pub(super) const LABEL: &str = "modbtf.owner";

/// This process, so that nothing else is ever taken for it: its PID namespace, its id, and when it started.
pub(super) fn owner() -> String {
    let pid = process::id();
    format!("{}.{pid}.{}", namespace(), started(pid).unwrap_or_default())
}

/// Removes our containers whose owner no longer lives (under docker those of every user, whose owners are as visible); gives back their names.
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

/// Whether an owner is known to be dead: one of another PID namespace is not for us to judge.
fn is_gone(owner: &str) -> bool {
    let mut parts = owner.split('.');
    let (Some(their_namespace), Some(pid), Some(start)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let Ok(pid) = pid.parse() else { return false };
    their_namespace == namespace() && started(pid).as_deref() != Some(start)
}

fn namespace() -> String {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.to_string_lossy().chars().filter(char::is_ascii_digit).collect()
}

/// When a process started, in clock ticks since boot: field 22 of its `stat`, counted after the name, which may hold anything.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_gone_only_if_it_surely_is() {
        let me = owner();
        assert!(!is_gone(&me));
        let (namespace, pid) = (namespace(), process::id());
        assert!(is_gone(&format!("{namespace}.{pid}.1")), "the same pid, started at another time");
        assert!(is_gone(&format!("{namespace}.4194305.1")), "no such pid");
        assert!(!is_gone(&format!("0{namespace}.{pid}.1")), "another namespace");
        for text in ["", "x", "1.2", "a.b.c"] {
            assert!(!is_gone(text), "{text}");
        }
    }
}

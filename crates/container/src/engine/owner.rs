//! The process that owns a container.

use std::fs;
use std::process;

/// The label that identifies the process that owns a container.
pub(super) const LABEL: &str = "modbtf.owner";

/// A unique identifier of this process: its PID namespace, its id, and its start time.
pub(super) fn owner() -> String {
    let pid = process::id();
    format!("{}.{pid}.{}", namespace(), started(pid).unwrap_or_default())
}

/// Whether an owner is known to be dead. An owner in another PID namespace is never considered dead, because it is
/// not visible here.
pub(super) fn is_gone(owner: &str) -> bool {
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

/// The start time of a process, in clock ticks since boot: field 22 of its `stat`, counted after the name, which may
/// contain any character.
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

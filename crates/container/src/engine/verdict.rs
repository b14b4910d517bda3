//! The remembered result of probing the engines. Probing takes half a second; reading the file takes almost no time.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use serde::{Deserialize, Serialize};
use util::Sha256;

use super::choice::EngineChoice;
use super::client::SelectedEngine;
use crate::context::Context;
use crate::error::Error;
use crate::json_file;
use crate::programs::Programs;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Verdict {
    key: Sha256,
    choice: SelectedEngine,
}

/// A hash over everything that could change the result: this boot, this user, the engines' programs.
pub(super) fn key(programs: &Programs, choice: EngineChoice) -> Sha256 {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let user = rustix::process::geteuid().as_raw();
    let mut text = format!("1 {choice} {user} {boot} {:?}", env::var_os("DOCKER_HOST"));
    for name in ["podman", "docker", "crun", "runc", "conmon", "qemu-system-x86_64"] {
        let path = programs.find(name);
        let stat = path.as_deref().and_then(|path| fs::metadata(path).ok());
        let stat = stat.map(|stat| (stat.ino(), stat.len(), stat.mtime(), stat.mtime_nsec()));
        text.push_str(&format!(" {name} {path:?} {stat:?}"));
    }
    Sha256::of(text.as_bytes())
}

pub(super) fn recall(context: &Context<'_>, key: &Sha256) -> Option<SelectedEngine> {
    let verdict: Verdict = json_file::read(&context.cache.engine_verdict())?;
    (verdict.key == *key).then_some(verdict.choice)
}

pub(super) fn remember(context: &Context<'_>, key: Sha256, choice: &SelectedEngine) -> Result<(), Error> {
    json_file::write(&context.cache.engine_verdict(), &Verdict { key, choice: choice.clone() })
}

pub(super) fn forget(context: &Context<'_>) -> Result<(), Error> {
    let path = context.cache.engine_verdict();
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", &path, source)),
        _ => Ok(()),
    }
}

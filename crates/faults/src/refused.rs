//! Builds that must be refused: a patch that does not apply, a configuration that cannot be reached, a source that
//! differs from its pin.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use cli::Exit;
use kernels::source::SourcePins;
use tempfile::TempDir;
use xshell::{Shell, cmd};

use crate::bad_proxy::{Harm, bad_proxy};
use crate::builds::{build, demand_right, demand_unchanged};
use crate::fault::{NotInArchive, ProgramFault};
use crate::program::demand;
use crate::second_cache::{CONFIG, First, LINE, SecondCache, UPGRADE, copy_verdicts};
use crate::setting::Setting;

pub const FAULTS: [ProgramFault; 5] = [
    ProgramFault {
        name: "patch-does-not-fit",
        done: "a line next to the upgrade's change differs",
        demanded: "exit 3, the upgrade does not apply, which hunk; nothing is published or left, the next run's bytes are right",
        provoke: patch_does_not_fit,
    },
    ProgramFault {
        name: "symbol-vanished",
        done: "a fragment asks for a symbol that does not exist",
        demanded: "exit 3, which symbol; nothing is published or left",
        provoke: symbol_vanished,
    },
    ProgramFault {
        name: "dependency-lost",
        done: "a fragment removes a symbol's dependency",
        demanded: "exit 3, which symbol; nothing is published or left",
        provoke: dependency_lost,
    },
    ProgramFault {
        name: "source-pin-wrong",
        done: "a digit of the source's pinned hash differs",
        demanded: "exit 3, not the pinned file; nothing is published or kept",
        provoke: source_pin_wrong,
    },
    ProgramFault {
        name: "source-spoilt",
        done: "the mirror sends zeros in the source's place",
        demanded: "exit 3, not the pinned file; nothing is published or kept",
        provoke: source_spoilt,
    },
];

/// A copy of kernel-configs in which one file is changed or added.
fn other_configs(cache: &SecondCache, file: &str, change: impl FnOnce(String) -> Result<String>) -> Result<TempDir> {
    let (dir, sh) = (tempfile::tempdir_in(cache.beside())?, Shell::new()?);
    let (from, to) = (cache.kernel_configs().join("."), dir.path());
    cmd!(sh, "cp -r {from} {to}").quiet().run()?;
    let path = dir.path().join(file);
    let text = if path.exists() { fs::read_to_string(&path)? } else { String::new() };
    fs::write(&path, change(text)?)?;
    Ok(dir)
}

/// Replaces a text that occurs exactly once.
fn replaced(text: &str, from: &str, to: &str) -> Result<String> {
    ensure!(text.matches(from).count() == 1, "{from:?} does not occur exactly once");
    Ok(text.replace(from, to))
}

/// The report of a build that must fail because of its configuration.
fn demand_refused(
    setting: &Setting<'_>,
    first: First,
    configs: &TempDir,
    arguments: &[&str],
    said: &[&str],
) -> Result<String> {
    let cache = setting.fresh_cache(first)?;
    let before = cache.published()?;
    let mut command = cache.command(setting.program(&[&["kernel", "build", LINE], arguments].concat())?);
    command.arg("--kernel-configs").arg(configs.path());
    let told = demand(command, Exit::Environment, said)?;
    demand_unchanged(cache.root(), &before, true)?;
    cache.demand_untouched()?;
    Ok(told)
}

pub fn patch_does_not_fit(setting: &Setting<'_>) -> Result<String> {
    let cache = setting.second_cache()?;
    let file = format!("upgrades/{UPGRADE}.patch");
    let configs =
        other_configs(cache, &file, |text| replaced(&text, "signal->pids[type] = pid;", "signal->pids[kind] = pid;"))?;
    let said = format!("cannot apply the upgrade {UPGRADE} to {LINE}");
    let told = demand_refused(setting, First::Built, &configs, &["--upgrade", UPGRADE], &[&said, "FAILED"])?;
    let next = build(setting, cache, &["--upgrade", UPGRADE])?;
    let next = demand_right(setting, cache.root(), next, None, &cache.upgraded)?;
    Ok(format!("{told}; {next}"))
}

pub fn symbol_vanished(setting: &Setting<'_>) -> Result<String> {
    let file = format!("fragments/{CONFIG}.config");
    let configs = other_configs(setting.second_cache()?, &file, |text| Ok(text + "CONFIG_NO_SUCH_SYMBOL=y\n"))?;
    let said = ["CONFIG_NO_SUCH_SYMBOL should be y and is n"];
    demand_refused(setting, First::Missing, &configs, &["--config", CONFIG], &said)
}

pub fn dependency_lost(setting: &Setting<'_>) -> Result<String> {
    let file = "fragments/without-block-devices.config";
    let configs = other_configs(setting.second_cache()?, file, |_| Ok("# CONFIG_BLK_DEV is not set\n".into()))?;
    let said = ["CONFIG_BLK_DEV_LOOP should be m and is n"];
    demand_refused(setting, First::Built, &configs, &["--config", &format!("{CONFIG},without-block-devices")], &said)
}

/// The report of a build that cannot get its source, in a cache without sources.
fn demand_no_source(setting: &Setting<'_>, change: impl FnOnce(&mut Command) -> Result<()>) -> Result<String> {
    let cache = setting.second_cache()?;
    let empty = tempfile::tempdir_in(cache.beside())?;
    copy_verdicts(cache.root(), empty.path())?;
    let mut command = setting.program(&["kernel", "build", LINE])?;
    command.env("MODBTF_CACHE", empty.path());
    change(&mut command)?;
    let told = demand(command, Exit::Environment, &["is not the pinned file"]).map_err(|error| {
        let text = error.to_string();
        let gone =
            text.lines().find(|line| line.contains("is unavailable: ")).map(|line| NotInArchive(line.to_owned()));
        gone.map_or(error, anyhow::Error::from)
    })?;
    demand_unchanged(empty.path(), &[], true)?;
    Ok(told)
}

pub fn source_pin_wrong(setting: &Setting<'_>) -> Result<String> {
    let hash = SourcePins::builtin()?.series(LINE)?.sha256.to_string();
    let digit = if hash.starts_with('0') { "1" } else { "0" };
    let wrong = hash.get(1..).map(|rest| format!("{digit}{rest}")).context("the pin has no hash")?;
    let configs = other_configs(setting.second_cache()?, "sources.toml", |text| replaced(&text, &hash, &wrong))?;
    demand_no_source(setting, |command| {
        command.arg("--kernel-configs").arg(configs.path());
        Ok(())
    })
}

pub fn source_spoilt(setting: &Setting<'_>) -> Result<String> {
    let proxy = bad_proxy(Harm::Zeros)?;
    demand_no_source(setting, |command| {
        command.env("http_proxy", proxy);
        Ok(())
    })
}

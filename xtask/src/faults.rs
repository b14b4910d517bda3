//! `cargo xtask faults`: breaks things on purpose, for real, and demands that each is told for what it is.

mod bad_proxy;
mod builds;
mod refused;
mod runs;
mod second_cache;
mod small_disk;
mod watched;

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use cli::Exit;
use container::engine::EngineChoice;
use kernels::archive::Unavailable;
use scenario::run::fault::Fault;
use scenario::run::{EnvironmentOptions, RunEnvironment};

use crate::environment::Environment;
use crate::progress::Display;
use second_cache::{First, SecondCache};

/// Breaks things on purpose, on real machines and in real builds, and demands that each is told for what it is.
///
/// Exit codes: 0 each was; 1 one was not, or could not be brought about; 2 usage; 3 the environment, or the archive no longer has
/// what is broken; 130 interrupted.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The faults to bring about; all of them if none is named
    #[arg(value_name = "FAULT")]
    faults: Vec<String>,
    /// Lists the faults, what is done and what is demanded, and brings none about
    #[arg(long)]
    list: bool,
    /// Exits 0 where the archive no longer has the kernels or the source that things are broken with
    #[arg(long)]
    allow_unavailable: bool,
    #[command(flatten)]
    environment: Environment,
}

/// A fault, as it is told.
#[derive(Debug, Clone)]
struct Described {
    name: &'static str,
    /// What is done.
    done: &'static str,
    /// What has to come of it.
    demanded: String,
}

/// A fault that is brought about from outside, on this very program.
struct Outside {
    name: &'static str,
    done: &'static str,
    demanded: &'static str,
    /// Brings it about; gives what was said, or how that is not what was demanded.
    provoke: fn(&Setting<'_>) -> Result<String>,
}

impl Outside {
    fn described(&self) -> Described {
        Described { name: self.name, done: self.done, demanded: self.demanded.into() }
    }
}

/// The archive no longer has what a fault is brought about with.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Gone(String);

/// What faults are brought about with.
struct Setting<'a> {
    ready: &'a RunEnvironment<'a>,
    engine: EngineChoice,
    /// What this program was told of the machine, for those that it starts.
    environment: Vec<String>,
    second_cache: OnceCell<SecondCache>,
}

impl Setting<'_> {
    /// This program, with these arguments and what is said of the machine.
    fn program(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = program(arguments)?;
        command.args(&self.environment);
        Ok(command)
    }

    /// The cache that builds are broken in, which is made when it is first asked for.
    fn second_cache(&self) -> Result<&SecondCache> {
        if self.second_cache.get().is_none() {
            let made = SecondCache::make(self.ready)?;
            return Ok(self.second_cache.get_or_init(|| made));
        }
        self.second_cache.get().context("it was just there")
    }

    /// The same as it is at first, whatever the fault before has left.
    fn fresh_cache(&self, first: First) -> Result<&SecondCache> {
        let cache = self.second_cache()?;
        // Removes containers, should there be any.
        container::engine::prepare(&self.ready.context, self.engine)?;
        cache.reset(first)?;
        Ok(cache)
    }
}

/// This program, with these arguments alone.
fn program(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("failed to find this program")?);
    command.args(arguments).stdin(Stdio::null());
    Ok(command)
}

/// What became of the faults so far.
#[derive(Debug, Default)]
struct Table {
    told: usize,
    missed: usize,
    unavailable: usize,
}

impl Table {
    /// Brings one fault about and takes it down in two lines: what was done and demanded; how long that took, what was said.
    fn row(&mut self, fault: &Described, provoke: impl FnOnce() -> Result<String>) {
        let begun = Instant::now();
        let result = provoke();
        let seconds = begun.elapsed().as_secs_f64();
        let (word, said) = match result {
            Ok(said) => {
                self.told += 1;
                ("told", said.lines().next().unwrap_or_default().to_owned())
            }
            Err(error) if error.is::<Unavailable>() || error.is::<Gone>() => {
                self.unavailable += 1;
                ("unavailable", error.to_string())
            }
            Err(error) => {
                self.missed += 1;
                ("MISSED", util::error::one_cause_a_line(error.as_ref()))
            }
        };
        let Described { name, done, demanded } = fault;
        cli::terminal::print_line(&format!("  {word:11} {name:22}  {done}; demanded: {demanded}"));
        cli::terminal::print_line(&format!("  {:11} {:20.1} s  {said}", "", seconds));
    }

    fn end(&self, allow_unavailable: bool) -> Exit {
        let Self { told, missed, unavailable } = self;
        let all = told + missed + unavailable;
        let lacking = if *unavailable > 0 { format!(", {unavailable} unavailable") } else { String::new() };
        cli::terminal::print_line(&format!("{all} faults: {told} told for what they are, {missed} missed{lacking}"));
        match (missed, unavailable) {
            (0, 0) => Exit::Success,
            (0, _) if allow_unavailable && *told > 0 => Exit::Success,
            (0, _) => Exit::Environment,
            _ => Exit::Failed,
        }
    }
}

/// Brings faults about, one after the other.
///
/// # Errors
///
/// What keeps any machine from being booted.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let outside = || runs::FAULTS.iter().chain(&builds::FAULTS);
    let known: Vec<Described> =
        Fault::ALL.map(runs::described).into_iter().chain(outside().map(Outside::described)).collect();
    if arguments.list {
        for Described { name, done, demanded } in &known {
            cli::terminal::print_line(&format!("{name:22}  {done}; demanded: {demanded}"));
        }
        return Ok(Exit::Success);
    }
    if let Some(name) = arguments.faults.iter().find(|name| !known.iter().any(|fault| fault.name == **name)) {
        let known: Vec<_> = known.iter().map(|fault| fault.name).collect();
        cli::terminal::say(&format!("error: there is no fault {name}; there are {}", known.join(", ")));
        return Ok(Exit::Usage);
    }
    let wanted = |name: &str| arguments.faults.is_empty() || arguments.faults.iter().any(|it| it == name);

    let environment = &arguments.environment;
    let display = Display::default();
    let show_ready = |progress| display.ready(progress);
    let cancel = cli::interrupt::watch()?;
    let apt = environment.apt()?;
    let context = environment.context(&apt, cancel, &show_ready)?;
    let needs = EnvironmentOptions {
        engine: environment.engine,
        accel: vm::AccelRequest::Tcg,
        root: crate::root(),
        encoding: None,
    };
    let ready = RunEnvironment::prepare(context, &needs)?;
    let setting = Setting {
        ready: &ready,
        engine: environment.engine,
        environment: environment.of_machine(),
        second_cache: OnceCell::new(),
    };

    let mut table = Table::default();
    let interrupted = || cancel.load(Ordering::Relaxed);
    let machines: Vec<Fault> = Fault::ALL.into_iter().filter(|fault| wanted(fault.name())).collect();
    let chosen: Vec<&Outside> = outside().filter(|fault| wanted(fault.name)).collect();
    let needs_kernels = !machines.is_empty() || runs::FAULTS.iter().any(|fault| wanted(fault.name));
    let kernel = if needs_kernels { Some(runs::kernel(&ready, environment)?) } else { None };
    for fault in machines {
        if interrupted() {
            return Ok(Exit::Interrupted);
        }
        let kernel = kernel.as_ref().context("no kernel was asked for")?;
        table.row(&runs::described(fault), || runs::provoke(&ready, kernel.as_ref().map_err(Clone::clone)?, fault));
    }
    for fault in chosen {
        if interrupted() {
            return Ok(Exit::Interrupted);
        }
        let gone = match &kernel {
            Some(Err(gone)) if runs::FAULTS.iter().any(|other| other.name == fault.name) => Err(gone.clone().into()),
            _ => Ok(()),
        };
        table.row(&fault.described(), || gone.and_then(|()| (fault.provoke)(&setting)));
    }
    Ok(table.end(arguments.allow_unavailable))
}

/// What a finished run said, if it ended with this exit code and said each of these.
fn demand(mut command: Command, code: Exit, said: &[&str]) -> Result<String> {
    let output = command.output().context("failed to run this program")?;
    let text = [output.stdout, output.stderr].concat();
    demand_said(output.status, &String::from_utf8_lossy(&text), code, said)
}

/// The lines with these in them of what a run said, if it ended with this exit code and each is there.
fn demand_said(status: ExitStatus, text: &str, code: Exit, said: &[&str]) -> Result<String> {
    let lines = said.iter().map(|said| text.lines().find(|line| line.contains(said)).map(str::trim));
    let lines: Option<Vec<_>> = lines.collect();
    match lines.filter(|_| status.code() == Some(code.code().into())) {
        Some(lines) => Ok(format!("exit {}: {}", code.code(), lines.join(" "))),
        None => bail!("exit {} saying {said:?} was expected; it was {status}, saying:\n{text}", code.code()),
    }
}

/// The names in a directory, sorted; none of one that is not there.
fn names(directory: &Path) -> Result<Vec<String>> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let name = |name: &OsStr| name.to_string_lossy().into_owned();
    let mut names: Vec<String> =
        fs::read_dir(directory)?.map(|entry| Ok(name(&entry?.file_name()))).collect::<Result<_>>()?;
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_was_missed_outweighs_one_that_could_not_be_brought_about() {
        let end = |missed, unavailable, allow| Table { told: 1, missed, unavailable }.end(allow);
        assert_eq!(end(0, 0, false), Exit::Success);
        assert_eq!([end(0, 1, false), end(0, 1, true)], [Exit::Environment, Exit::Success]);
        assert_eq!([end(1, 0, true), end(1, 1, true), end(1, 1, false)], [Exit::Failed; 3]);
    }

    #[test]
    fn a_fault_has_a_name_of_its_own() {
        let outside = runs::FAULTS.iter().chain(&builds::FAULTS).map(|fault| fault.name);
        let mut all: Vec<_> = Fault::ALL.map(Fault::name).into_iter().chain(outside).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}

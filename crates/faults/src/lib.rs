//! Fault injection: breaks runs and builds on purpose, for real, and checks that each is reported with the right cause.
//!
//! Faults of a virtual machine are injected through [`machine`]; the others from outside, on this very program: it is started
//! once more with the arguments of `repro` or `kernel build`, and its exit code and its report are compared with what is expected.

mod bad_proxy;
mod builds;
mod machine;
mod refused;
mod runs;
mod second_cache;
mod small_disk;
mod watched;

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use cli::Exit;
use container::engine::EngineChoice;
use kernels::pins::Pins;
use kernels::{Availability, Unavailable};
use scenario::run::RunEnvironment;
use util::error::{Class, Classified};
use util::suggest::Suggestion;

use machine::Fault;
use second_cache::{First, SecondCache};

/// A fault, described for people.
#[derive(Debug, Clone)]
pub struct Described {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is done.
    pub done: &'static str,
    /// What has to come of it.
    pub demanded: String,
}

/// A name that is no fault's.
#[derive(Debug, thiserror::Error)]
#[error("there is no fault {given}; {suggestion}")]
pub struct UnknownFault {
    given: String,
    suggestion: Suggestion,
}

impl Classified for UnknownFault {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// All faults, in the order in which they are injected.
#[must_use]
pub fn all() -> Vec<Described> {
    Fault::ALL.map(runs::described).into_iter().chain(outside().map(Outside::described)).collect()
}

fn outside() -> impl Iterator<Item = &'static Outside> {
    runs::FAULTS.iter().chain(&builds::FAULTS)
}

/// Whether these are names of faults.
///
/// # Errors
///
/// [`UnknownFault`] for the first that is not.
pub fn check_names(names: &[String]) -> Result<(), UnknownFault> {
    let known: Vec<_> = all().iter().map(|fault| fault.name).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(given) => Err(UnknownFault { given: given.clone(), suggestion: Suggestion::new(given, known) }),
    }
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

/// What faults are injected with.
pub struct Setting<'a> {
    ready: &'a RunEnvironment<'a>,
    engine: EngineChoice,
    /// The arguments about this machine that the program under test is given: its engine, its mirrors.
    machine_arguments: Vec<String>,
    kernel_configs: PathBuf,
    second_cache: OnceCell<SecondCache>,
}

impl<'a> Setting<'a> {
    /// For this environment. The program under test gets `machine_arguments` besides those of each fault.
    #[must_use]
    pub const fn new(
        ready: &'a RunEnvironment<'a>,
        engine: EngineChoice,
        machine_arguments: Vec<String>,
        kernel_configs: PathBuf,
    ) -> Self {
        Self { ready, engine, machine_arguments, kernel_configs, second_cache: OnceCell::new() }
    }
}

impl Setting<'_> {
    /// This program, with these arguments and what is said of the machine.
    fn program(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = program(arguments)?;
        command.args(&self.machine_arguments);
        Ok(command)
    }

    /// The cache that builds are broken in, which is made when it is first asked for.
    fn second_cache(&self) -> Result<&SecondCache> {
        if self.second_cache.get().is_none() {
            let made = SecondCache::make(self.ready, &self.kernel_configs)?;
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

/// How many faults were reported with the right cause.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    reported: usize,
    missed: usize,
    unavailable: usize,
}

impl Tally {
    /// Injects one fault and prints two lines: what was done and expected; how long it took and what was reported.
    fn inject(&mut self, show: &dyn Fn(&str), fault: &Described, provoke: impl FnOnce() -> Result<String>) {
        let begun = Instant::now();
        let result = provoke();
        let seconds = begun.elapsed().as_secs_f64();
        let (word, said) = match result {
            Ok(said) => {
                self.reported += 1;
                ("reported", said.lines().next().unwrap_or_default().to_owned())
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
        show(&format!("  {word:11} {name:22}  {done}; expected: {demanded}"));
        show(&format!("  {:11} {:20.1} s  {said}", "", seconds));
    }

    /// The counts in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { reported, missed, unavailable } = self;
        let all = reported + missed + unavailable;
        let lacking = if *unavailable > 0 { format!(", {unavailable} unavailable") } else { String::new() };
        format!("{all} faults: {reported} reported with the right cause, {missed} missed{lacking}")
    }

    /// The exit code. A missed fault outweighs one that is unavailable.
    #[must_use]
    pub const fn exit(&self, allow_unavailable: bool) -> Exit {
        match (self.missed, self.unavailable) {
            (0, 0) => Exit::Success,
            (0, _) if allow_unavailable && self.reported > 0 => Exit::Success,
            (0, _) => Exit::Environment,
            _ => Exit::Failed,
        }
    }
}

/// Injects the faults of these names, or all if none is named, one after the other; `show` prints a line. Nothing if interrupted.
///
/// # Errors
///
/// What keeps any machine from being booted.
pub fn inject(setting: &Setting<'_>, names: &[String], pins: &Pins, show: &dyn Fn(&str)) -> Result<Option<Tally>> {
    let wanted = |name: &str| names.is_empty() || names.iter().any(|it| it == name);
    let mut tally = Tally::default();
    let interrupted = || setting.ready.context.cancel.load(Ordering::Relaxed);
    let machines: Vec<Fault> = Fault::ALL.into_iter().filter(|fault| wanted(fault.name())).collect();
    let chosen: Vec<&Outside> = outside().filter(|fault| wanted(fault.name)).collect();
    let needs_kernels = !machines.is_empty() || runs::FAULTS.iter().any(|fault| wanted(fault.name));
    let kernel = if needs_kernels { Some(runs::kernel(setting.ready, pins)?) } else { None };
    for fault in machines {
        if interrupted() {
            return Ok(None);
        }
        let kernel = kernel.as_ref().context("no kernel was asked for")?;
        tally.inject(show, &runs::described(fault), || {
            runs::provoke(setting.ready, kernel.as_ref().into_result().map_err(Clone::clone)?, fault)
        });
    }
    for fault in chosen {
        if interrupted() {
            return Ok(None);
        }
        let gone = match &kernel {
            Some(Availability::Unavailable(gone)) if runs::FAULTS.iter().any(|other| other.name == fault.name) => {
                Err(gone.clone().into())
            }
            _ => Ok(()),
        };
        tally.inject(show, &fault.described(), || gone.and_then(|()| (fault.provoke)(setting)));
    }
    Ok(Some(tally))
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
    fn tally_exits_with_a_missed_fault_before_an_unavailable_one() {
        let exit = |missed, unavailable, allow| Tally { reported: 1, missed, unavailable }.exit(allow);
        assert_eq!(exit(0, 0, false), Exit::Success);
        assert_eq!([exit(0, 1, false), exit(0, 1, true)], [Exit::Environment, Exit::Success]);
        assert_eq!([exit(1, 0, true), exit(1, 1, true), exit(1, 1, false)], [Exit::Failed; 3]);
    }

    #[test]
    fn faults_have_names_of_their_own_and_a_wrong_name_gets_a_suggestion() {
        let mut names: Vec<_> = all().iter().map(|fault| fault.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(check_names(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).is_ok());
        let error = check_names(&["qemu-kiled".into()]).unwrap_err();
        assert_eq!(error.to_string(), "there is no fault qemu-kiled; did you mean qemu-killed?");
    }
}

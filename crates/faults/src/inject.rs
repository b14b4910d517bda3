//! Injects faults one after the other, and counts how many were reported with the right cause.

use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Context as _, Result};
use cli::Exit;
use kernels::pins::Pins;
use kernels::{Availability, Unavailable};

use crate::catalog::program_faults;
use crate::fault::{Described, NotInArchive, ProgramFault};
use crate::machine::Fault;
use crate::runs;
use crate::setting::Setting;

/// The number of faults that were reported with the right cause, and of the others.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    reported: usize,
    missed: usize,
    unavailable: usize,
}

impl Tally {
    /// Injects one fault and prints two lines: what was done and expected; the time it took and the report.
    fn inject(&mut self, show: &dyn Fn(&str), fault: &Described, provoke: impl FnOnce() -> Result<String>) {
        let begun = Instant::now();
        let result = provoke();
        let seconds = begun.elapsed().as_secs_f64();
        let (word, said) = match result {
            Ok(said) => {
                self.reported += 1;
                ("reported", said.lines().next().unwrap_or_default().to_owned())
            }
            Err(error) if error.is::<Unavailable>() || error.is::<NotInArchive>() => {
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

    /// The exit code. A fault that was not reported outweighs one that is unavailable.
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

/// Injects the faults with these names, or all if there are none, one after the other. `show` prints a line. Returns
/// `None` if interrupted.
///
/// # Errors
///
/// A failure that prevents booting any machine.
pub fn inject(setting: &Setting<'_>, names: &[String], pins: &Pins, show: &dyn Fn(&str)) -> Result<Option<Tally>> {
    let wanted = |name: &str| names.is_empty() || names.iter().any(|it| it == name);
    let mut tally = Tally::default();
    let interrupted = || setting.ready.context.cancel.load(Ordering::Relaxed);
    let machines: Vec<Fault> = Fault::ALL.into_iter().filter(|fault| wanted(fault.name())).collect();
    let chosen: Vec<&ProgramFault> = program_faults().filter(|fault| wanted(fault.name)).collect();
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
}

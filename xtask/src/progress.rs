//! Progress: bars on a terminal, plain lines elsewhere. Both go to standard error.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cli::progress::{Bar, Unit};
use cli::terminal::say;
use container::Stage;
use kernels::stage;
use scenario::run;

/// The length of the longest scenario name.
const NAME: usize = 28;

/// Shows progress: a bar for each stage and each boot, or lines.
#[derive(Default)]
pub struct Display {
    stages: Bars<Stage>,
    boots: Bars<String>,
}

/// The bars of parallel activities.
struct Bars<K>(Mutex<HashMap<K, Bar>>);

impl<K> Default for Bars<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Bars<K> {
    /// Changes the bar of a name, which is created if necessary. Returns `false` if there are no bars.
    fn with(&self, key: K, name: &str, change: impl FnOnce(&Bar)) -> bool {
        let mut bars = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match bars.remove(&key).or_else(|| Bar::spinner(name, NAME)) {
            None => false,
            Some(bar) => {
                change(&bar);
                bars.insert(key, bar);
                true
            }
        }
    }

    fn remove(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

impl Display {
    /// Shows progress of the preparation.
    pub fn preparation(&self, progress: container::Progress) {
        use container::Progress::{Amount, Finished, Line, Note, Started, Waiting};
        match progress {
            Started { stage, what } => {
                let line = format!("{}: {what}", stage.name());
                if !self.stage(stage, |bar| bar.message(what)) {
                    say(&line);
                }
            }
            Amount { stage, done, total } => {
                let unit = if stage == stage::DOWNLOAD { Unit::Bytes } else { Unit::Count };
                let shown = self.stage(stage, |bar| bar.move_to(done, total, unit));
                // Without bars, only kernel builds print lines between start and end.
                if !shown && stage == stage::BUILD && done % 200 == 0 {
                    say(&format!("{}: {done} of about {total} steps", stage.name()));
                }
            }
            Line { stage, text } => drop(self.stage(stage, |bar| bar.message(text))),
            Note { stage, text } => say(&format!("{}: {text}", stage.name())),
            Waiting { pid, doing, since } => {
                let whom = pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
                let doing = doing.map_or_else(String::new, |doing| format!(", which is {doing}"));
                let since = since.map_or_else(String::new, |since| format!(", for {} s so far", since.as_secs()));
                say(&format!("waiting for another run{whom}{doing}{since}"));
            }
            Finished { stage, elapsed } => {
                self.stages.remove(&stage);
                if elapsed >= Duration::from_millis(500) {
                    say(&format!("{}: {:.1} s", stage.name(), elapsed.as_secs_f64()));
                }
            }
            _ => {}
        }
    }

    /// Shows progress of running scenarios.
    pub fn run(&self, progress: &run::Progress<'_>) {
        match progress {
            run::Progress::Reading { release } if !cli::progress::shown() => say(&format!("reading {release}")),
            run::Progress::Packing { scenario } => self.boot_or_say(scenario, "packing"),
            run::Progress::Step { scenario, title } => self.boot_or_say(scenario, title),
            run::Progress::Line { scenario, text } => drop(self.boot(scenario, |bar| bar.message(*text))),
            run::Progress::Boot { scenario, progress } => self.booting(scenario, progress),
            run::Progress::Ended { report } => {
                self.boots.remove(&report.name);
                say(&format!("{}: {} ({:.1} s)", report.name, report.ending.word(), report.seconds));
            }
            _ => {}
        }
    }

    fn booting(&self, scenario: &str, progress: &vm::BootProgress) {
        use vm::BootProgress::{Begun, FallingBack, FirstPrint, Started, Step};
        match progress {
            Started { accel } => self.boot_or_say(scenario, &format!("starting QEMU: {accel}")),
            FirstPrint => drop(self.boot(scenario, |bar| bar.message("booting"))),
            Begun => drop(self.boot(scenario, |bar| bar.message("loading"))),
            Step { done, of } => {
                let shown = self.boot(scenario, |bar| bar.move_to(*done as u64, *of as u64, Unit::Count));
                if !shown && (done == of || done % 200 == 0) {
                    say(&format!("{scenario}: {done} of {of} modules"));
                }
            }
            FallingBack { reason } => {
                let first = reason.lines().next().unwrap_or_default();
                say(&format!("{scenario}: {first}; falling back to TCG"));
            }
            _ => {}
        }
    }

    /// Prints a permanent line.
    pub fn note(&self, text: &str) {
        say(text);
    }

    fn boot_or_say(&self, scenario: &str, text: &str) {
        if !self.boot(scenario, |bar| bar.message(text)) {
            say(&format!("{scenario}: {text}"));
        }
    }

    fn stage(&self, stage: Stage, change: impl FnOnce(&Bar)) -> bool {
        self.stages.with(stage, stage.name(), change)
    }

    fn boot(&self, scenario: &str, change: impl FnOnce(&Bar)) -> bool {
        self.boots.with(scenario.to_owned(), scenario, change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_s_name_fits_in_front_of_its_bar() {
        let scenarios = snapshots::scenarios().unwrap();
        assert_eq!(scenarios.iter().map(|it| it.name.len()).max(), Some(NAME));
    }
}

//! Progress: bars on a terminal, plain lines elsewhere. Both go to standard error.

use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use container::Stage;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kernels::stage;
use scenario::run;

/// The length of the longest name of a scenario.
const NAME: usize = 28;

/// Shows what is going on.
pub struct Display {
    bars: Option<MultiProgress>,
    stages: Mutex<HashMap<Stage, ProgressBar>>,
    boots: Mutex<HashMap<String, ProgressBar>>,
}

impl Display {
    /// Bars if standard error is a terminal, lines if not.
    pub fn new() -> Self {
        let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
        Self { bars, stages: Mutex::default(), boots: Mutex::default() }
    }

    /// Shows one thing about getting ready.
    pub fn ready(&self, progress: container::Progress) {
        use container::Progress::{Amount, Finished, Line, Note, Started, Waiting};
        match progress {
            Started { stage, what } => match &self.bars {
                Some(_) => self.stage(stage).set_message(what),
                None => say(&format!("{}: {what}", stage.name())),
            },
            Amount { stage: stage::BUILD, done, total } if self.bars.is_none() && done % 200 == 0 => {
                say(&format!("{}: {done} of about {total} steps", stage::BUILD.name()));
            }
            // Between the start and the end of any other stage there is nothing for plain lines.
            Amount { .. } | Line { .. } if self.bars.is_none() => {}
            Amount { stage, done, total } => {
                let style = if stage == stage::DOWNLOAD { bytes } else { steps };
                move_to(&self.stage(stage), done, total, style);
            }
            Line { stage, text } => self.stage(stage).set_message(text),
            Note { stage, text } => self.line(&format!("{}: {text}", stage.name())),
            Waiting { pid, doing, since } => {
                let whom = pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
                let doing = doing.map_or_else(String::new, |doing| format!(", which is {doing}"));
                let since = since.map_or_else(String::new, |since| format!(", for {} s so far", since.as_secs()));
                self.line(&format!("waiting for another run{whom}{doing}{since}"));
            }
            Finished { stage, elapsed } => {
                if let Some(bar) = lock(&self.stages).remove(&stage) {
                    bar.finish_and_clear();
                }
                if elapsed >= Duration::from_millis(500) {
                    self.line(&format!("{}: {:.1} s", stage.name(), elapsed.as_secs_f64()));
                }
            }
            _ => {}
        }
    }

    /// Shows one thing about running scenarios.
    pub fn run(&self, progress: &run::Progress<'_>) {
        match progress {
            run::Progress::Reading { release } if self.bars.is_none() => say(&format!("reading {release}")),
            run::Progress::Packing { scenario } => match &self.bars {
                Some(_) => self.boot(scenario).set_message("packing"),
                None => say(&format!("{scenario}: packing")),
            },
            run::Progress::Step { scenario, title } => match &self.bars {
                Some(_) => self.boot(scenario).set_message((*title).to_owned()),
                None => say(&format!("{scenario}: {title}")),
            },
            run::Progress::Line { scenario, text } if self.bars.is_some() => {
                self.boot(scenario).set_message((*text).to_owned());
            }
            run::Progress::Boot { scenario, progress } => self.booting(scenario, progress),
            run::Progress::Ended { report } => {
                if let Some(bar) = lock(&self.boots).remove(&report.name) {
                    bar.finish_and_clear();
                }
                self.line(&format!("{}: {} ({:.1} s)", report.name, report.ending.word(), report.seconds));
            }
            _ => {}
        }
    }

    fn booting(&self, scenario: &str, progress: &vm::Progress) {
        use vm::Progress::{Begun, FallingBack, Started, Step};
        match (&self.bars, progress) {
            (Some(_), Started { accel }) => self.boot(scenario).set_message(format!("starting QEMU: {accel}")),
            (Some(_), vm::Progress::FirstPrint) => self.boot(scenario).set_message("booting"),
            (Some(_), Begun) => self.boot(scenario).set_message("loading"),
            (Some(_), Step { done, of }) => {
                move_to(&self.boot(scenario), *done as u64, *of as u64, steps);
            }
            (_, FallingBack { reason }) => {
                let first = reason.lines().next().unwrap_or_default();
                self.line(&format!("{scenario}: {first}; falling back to TCG"));
            }
            (None, Started { accel }) => say(&format!("{scenario}: starting QEMU: {accel}")),
            (None, Step { done, of }) if done == of || done % 200 == 0 => {
                say(&format!("{scenario}: {done} of {of} modules"));
            }
            _ => {}
        }
    }

    /// A line that stays.
    pub fn note(&self, text: &str) {
        self.line(text);
    }

    fn line(&self, text: &str) {
        match &self.bars {
            Some(bars) => drop(bars.println(text)),
            None => say(text),
        }
    }

    fn stage(&self, stage: Stage) -> ProgressBar {
        self.bar(&mut lock(&self.stages), stage, stage.name())
    }

    fn boot(&self, scenario: &str) -> ProgressBar {
        self.bar(&mut lock(&self.boots), scenario.to_owned(), scenario)
    }

    fn bar<K: Eq + std::hash::Hash>(&self, known: &mut HashMap<K, ProgressBar>, key: K, name: &str) -> ProgressBar {
        let make = || {
            let bar = ProgressBar::new_spinner().with_style(spinner()).with_prefix(name.to_owned());
            let bar = self.bars.as_ref().map_or(bar.clone(), |bars| bars.add(bar));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        };
        known.entry(key).or_insert_with(make).clone()
    }
}

/// A line on standard error. Nobody may be reading it: that is no reason to stop.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Moves a bar, which becomes one when it is first known how long it will be.
fn move_to(bar: &ProgressBar, done: u64, total: u64, style: fn() -> ProgressStyle) {
    if bar.length() != Some(total) {
        bar.set_length(total);
        bar.set_style(style());
    }
    bar.set_position(done);
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// A style with room for the longest name of a scenario in front.
fn named(rest: &str) -> ProgressStyle {
    style(&format!("{{spinner}} {{prefix:{NAME}}} {{elapsed:>4}} {rest}"))
}

fn spinner() -> ProgressStyle {
    named("{wide_msg}")
}

fn bytes() -> ProgressStyle {
    named("{bar:24} {bytes} of {total_bytes}")
}

fn steps() -> ProgressStyle {
    named("{bar:24} {pos} of {len}")
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

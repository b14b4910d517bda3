//! [`Overhead`] as text.

use super::Style;
use super::text::Text;
use crate::{Measurement, Overhead, Run, Spread};
use util::number::{difference, grouped, of, seconds};

pub(super) fn render(overhead: &Overhead, style: Style) -> String {
    let mut text = Text::new(style);
    text.headline(&sentence(overhead));
    text.blank();
    text.facts(&facts(overhead));
    text.table(&["seconds", "", "min", "median", "max"], &rows(overhead));
    text.blank();
    notes(overhead).iter().for_each(|note| text.paragraph(note));
    text.finish()
}

/// The main result in one sentence.
pub(super) fn sentence(overhead: &Overhead) -> String {
    let mut pairs = overhead.pairs();
    pairs.retain(|(before, after)| !before.runs.is_empty() && !after.runs.is_empty());
    if pairs.is_empty() {
        return format!("Nothing could be measured of {}.", overhead.release);
    }
    // The last pair is closest to the cost of BTF alone.
    let costs = pairs.iter().rev().map(|(before, after)| {
        let difference = |of| difference(before.median(of), after.median(of));
        let (real, processor) = (difference(|run| run.real), difference(Run::processor));
        let packs = if packs_image(after) { ", which packs bzImage again, too," } else { "" };
        format!("`{}`{packs} takes {real}, {processor} of processor time", after.command)
    });
    format!(
        "{}: after `touch vmlinux` the BTF of all {} is encoded again. {}.",
        overhead.release,
        of(overhead.modules, "module"),
        costs.collect::<Vec<_>>().join("; ")
    )
}

/// Whether a command also builds the boot image.
fn packs_image(measurement: &Measurement) -> bool {
    !measurement.command.ends_with("modules")
}

/// The facts about the measurement.
pub(super) fn facts(overhead: &Overhead) -> Vec<(&'static str, String)> {
    let setting = &overhead.setting;
    vec![
        ("kernel", format!("{}, {}, {}", overhead.release, overhead.origin, overhead.compiler)),
        ("machine", setting.machine()),
        ("in", format!("{}, pahole {}, {}", setting.image, setting.pahole, setting.date)),
    ]
}

/// A part of a run's time, with its name.
type Part = (&'static str, fn(&Run) -> u64);

/// The parts of a run's time that are shown.
pub(super) fn parts() -> [Part; 3] {
    [("real", |run| run.real), ("user", |run| run.user), ("system", |run| run.system)]
}

/// The title of one measurement.
pub(super) fn title(measurement: &Measurement) -> String {
    format!("{}, {}", measurement.command, if measurement.touched { "vmlinux touched" } else { "nothing to do" })
}

fn rows(overhead: &Overhead) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for measurement in overhead.pairs().into_iter().flat_map(|(before, after)| [before, after]) {
        let mut first = title(measurement);
        for (name, part) in parts() {
            rows.push(row(std::mem::take(&mut first), name, measurement.spread(part), seconds));
        }
        let percent = |share| format!("{} %", grouped(usize::try_from(share).unwrap_or(usize::MAX)));
        rows.push(row(String::new(), "CPU share", measurement.spread(Run::share), percent));
    }
    rows
}

fn row(first: String, name: &str, spread: Option<Spread>, show: impl Fn(u64) -> String) -> Vec<String> {
    let figures = match spread {
        Some(Spread { min, median, max }) => [min, median, max].map(show),
        None => ["–"; 3].map(str::to_owned),
    };
    [first, name.to_owned()].into_iter().chain(figures).collect()
}

/// The additional cost of one command.
pub(super) fn cost(overhead: &Overhead, before: &Measurement, after: &Measurement) -> String {
    let (was, is) = (before.median(Run::processor), after.median(Run::processor));
    let each = is.saturating_sub(was).checked_div(overhead.modules as u64).unwrap_or(0);
    let linked = match after.median(|run| run.linked as u64) {
        0 => String::new(),
        linked => format!("; linking {} again is in it", of(usize::try_from(linked).unwrap_or(usize::MAX), "module")),
    };
    let packed = if packs_image(after) { "; packing bzImage again is in it" } else { "" };
    format!(
        "`{}`: {}, {} of processor time, which is {each}\u{a0}ms a module{linked}{packed}.",
        after.command,
        difference(before.median(|run| run.real), after.median(|run| run.real)),
        difference(was, is),
    )
}

/// Notes about the figures.
fn notes(overhead: &Overhead) -> Vec<String> {
    let mut notes: Vec<String> =
        overhead.pairs().into_iter().map(|(before, after)| cost(overhead, before, after)).collect();
    let runs = overhead.measurements.iter().map(|it| it.runs.len()).min().unwrap_or(0);
    notes.push(format!("{} of each; medians are compared.", of(runs, "run")));
    notes.extend(busy(overhead));
    notes
}

/// A note if the machine was busy, because then the times are unreliable.
pub(super) fn busy(overhead: &Overhead) -> Option<String> {
    let load = overhead.setting.load.filter(|_| overhead.setting.busy())?;
    Some(format!(
        "The machine was doing other things as well (load {load:.2} before this began): the times are longer, and lie further \
         apart, than those of a quiet machine."
    ))
}

//! [`Bench`] as text.

use super::Style;
use super::text::{Text, some_of};
use crate::bench::{Task, Timing, median, spread};
use crate::{Bench, Spread};
use util::number::{bytes, of, seconds, times};

/// The number of differing outputs that are listed.
const WRONG_SHOWN: usize = 10;

pub(super) fn render(bench: &Bench, style: Style) -> String {
    let mut text = Text::new(style);
    text.headline(&sentence(bench));
    text.blank();
    text.facts(&facts(bench));
    text.table(&HEAD, &bench.tasks.iter().map(row).collect::<Vec<_>>());
    text.blank();
    notes(bench).iter().for_each(|note| text.paragraph(note));
    text.finish()
}

pub(super) const HEAD: [&str; 8] = ["", "ours", "pahole", "faster", "CPU, ours", "pahole", "peak, ours", "pahole"];

/// The main result in one sentence.
pub(super) fn sentence(bench: &Bench) -> String {
    if !bench.checked.wrong.is_empty() {
        let wrong = of(bench.checked.wrong.len(), "output");
        return format!("{wrong} of ours cannot be taken for pahole's: the times below count for nothing.");
    }
    let told = [bench.largest(true), bench.largest(false)].into_iter().flatten().map(|task| {
        format!(
            "{}: {} times faster ({} s against {} s) with {} times less memory",
            task.title(),
            times(task.speedup()),
            seconds(median(&task.ours, |run| run.real) / 1000),
            seconds(median(&task.pahole, |run| run.real) / 1000),
            times(task.memory())
        )
    });
    match told.collect::<Vec<_>>().join("; ") {
        told if told.is_empty() => "Nothing was measured.".to_owned(),
        told => format!("{told}. Both wrote the same BTF."),
    }
}

/// The facts about the measurement.
pub(super) fn facts(bench: &Bench) -> Vec<(&'static str, String)> {
    let setting = &bench.setting;
    vec![
        ("files", format!("{}, {}", bench.release, bench.origin)),
        ("pahole", format!("{}: {}", setting.pahole, bench.pahole.join(" "))),
        ("ours", bench.ours.join(" ")),
        ("machine", setting.machine()),
        ("in", format!("{}, {}", setting.image, setting.date)),
    ]
}

pub(super) fn row(task: &Task) -> Vec<String> {
    let real = |runs: &[Timing]| format!("{} s", seconds(median(runs, |run| run.real) / 1000));
    let processor = |runs: &[Timing]| format!("{} s", seconds(median(runs, |run| run.user + run.system) / 1000));
    let peak = |runs: &[Timing]| bytes(median(runs, |run| run.peak) * 1024);
    vec![
        task.title(),
        real(&task.ours),
        real(&task.pahole),
        format!("{}×", times(task.speedup())),
        processor(&task.ours),
        processor(&task.pahole),
        peak(&task.ours),
        peak(&task.pahole),
    ]
}

/// Notes about the figures.
pub(super) fn notes(bench: &Bench) -> Vec<String> {
    let checked = &bench.checked;
    let mut notes = vec![format!(
        "Of {} the output of both was compared: {} equal by meaning, {} but for what listed rules predict.",
        of(checked.files, "file"),
        checked.equal,
        checked.explained
    )];
    if !checked.wrong.is_empty() {
        let wrong: Vec<&str> = checked.wrong.iter().map(String::as_str).collect();
        notes.push(format!("Not the same: {}.", some_of(&wrong, WRONG_SHOWN)));
    }
    let runs = bench.tasks.iter().map(|task| task.ours.len().min(task.pahole.len())).min().unwrap_or(0);
    notes.push(format!(
        "Medians of {}, which took turns; pahole as one process a module, as many at a time as cores, ours as one process with as \
         many threads; both write each file's BTF into a file of its own, in the same container, from files that lie in memory. \
         The container's start is not in the times. The peak is that of the largest process.",
        of(runs, "run")
    ));
    if let Some(widest) = widest(bench) {
        notes.push(widest);
    }
    if let Some(load) = bench.setting.load.filter(|_| bench.setting.busy()) {
        notes.push(format!(
            "The machine was doing other things as well (load {load:.2} before this began): the times are longer, and lie \
             further apart, than those of a quiet machine."
        ));
    }
    notes
}

/// The task whose runs have the widest spread, and that spread.
fn widest(bench: &Bench) -> Option<String> {
    let all = bench.tasks.iter().flat_map(|task| [(task, "ours", &task.ours), (task, "pahole", &task.pahole)]);
    let apart = |spread: &Spread| (spread.max - spread.min).saturating_mul(1000) / spread.median.max(1);
    let widest = all.filter_map(|(task, who, runs)| Some((task, who, spread(runs, |run| run.real)?)));
    let (task, who, spread) = widest.max_by_key(|(.., spread)| apart(spread))?;
    Some(format!(
        "The runs that lie furthest apart are of {}, {who}: {} to {} s.",
        task.title(),
        seconds(spread.min / 1000),
        seconds(spread.max / 1000)
    ))
}

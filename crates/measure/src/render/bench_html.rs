//! [`Bench`] as an HTML page.

use maud::{Markup, html};

use super::bench_text::{self, HEAD, row};
use super::chart::{Bar, Group, bars};
use super::page::{facts, figure, inline, legend, page, table};
use crate::Bench;
use crate::Spread;
use crate::bench::{Task, Timing, spread};
use util::number::{seconds, times};

pub(super) fn render(bench: &Bench) -> Markup {
    let body = html! {
        h1 { "How fast BTF is encoded" }
        p.lead { (inline(&bench_text::sentence(bench))) }
        (facts(&bench_text::facts(bench)))
        (facts(&[("engine", bench.setting.engine.clone())]))
        @for note in bench_text::notes(bench) { p { (inline(&note)) } }
        h2 { "The kernel itself, and all of its modules" }
        (figure("Medians in seconds; the lines reach from the shortest to the longest run", &chart(whole(bench))))
        h2 { "By the number of modules" }
        p {
            "pahole reads the base and prepares it for each module anew; ours reads it once. So the first module costs the most, "
            "and each further one what is its own."
        }
        (figure("Milliseconds a module, on all cores", &curve(bench)))
        h2 { "Everything" }
        (table(&HEAD, &bench.tasks.iter().map(row).collect::<Vec<_>>()))
        h2 { "Every run" }
        (table(&["", "real", "user", "system", "peak"], &runs(bench)))
    };
    page("How fast BTF is encoded", &body)
}

/// The complete tasks, on any number of cores: the kernel itself, and all modules.
fn whole(bench: &Bench) -> Vec<&Task> {
    let most = bench.largest(true).and_then(|task| task.modules);
    bench.tasks.iter().filter(|task| task.modules.is_none() || task.modules == most).collect()
}

fn chart(tasks: Vec<&Task>) -> Markup {
    let bar = |runs: &[Timing], class, suffix: String| {
        let spread = spread(runs, |run| run.real).unwrap_or(Spread { min: 0, median: 0, max: 0 });
        let range = Some((spread.min as f64, spread.max as f64));
        let label = format!("{} s{suffix}", seconds(spread.median / 1000));
        Bar { value: spread.median as f64, label, class, range }
    };
    let group = |task: &Task| Group {
        name: task.title(),
        bars: vec![
            bar(&task.pahole, "full", String::new()),
            bar(&task.ours, "split", format!(", {}× faster", times(task.speedup()))),
        ],
    };
    let groups: Vec<Group> = tasks.into_iter().map(group).collect();
    html! {
        (legend([("full", "pahole"), ("split", "ours")]))
        (bars(&groups, [160.0, 160.0]))
    }
}

/// A chart of the time per module against the number of modules.
fn curve(bench: &Bench) -> Markup {
    let cores = bench.tasks.iter().map(|task| task.cores).max();
    let of = bench.tasks.iter().filter(|task| Some(task.cores) == cores);
    let mut points: Vec<(usize, &Task)> = of.filter_map(|task| Some((task.modules?, task))).collect();
    points.sort_by_key(|(modules, _)| *modules);
    let each = |runs: &[Timing], modules: usize, class| {
        let median = crate::bench::median(runs, |run| run.real) as f64 / 1000.0 / modules.max(1) as f64;
        Bar { value: median, label: format!("{median:.2} ms"), class, range: None }
    };
    let group = |(modules, task): (usize, &Task)| Group {
        name: util::number::of(modules, "module"),
        bars: vec![each(&task.pahole, modules, "full"), each(&task.ours, modules, "split")],
    };
    let groups: Vec<Group> = points.into_iter().map(group).collect();
    html! {
        (legend([("full", "pahole"), ("split", "ours")]))
        (bars(&groups, [160.0, 90.0]))
    }
}

fn runs(bench: &Bench) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for task in &bench.tasks {
        for (who, runs) in [("ours", &task.ours), ("pahole", &task.pahole)] {
            for (at, run) in runs.iter().enumerate() {
                let mut row = vec![format!("{}, {who}, run {}", task.title(), at + 1)];
                row.extend([run.real, run.user, run.system].map(|time| format!("{} s", seconds(time / 1000))));
                row.push(util::number::bytes(run.peak * 1024));
                rows.push(row);
            }
        }
    }
    rows
}

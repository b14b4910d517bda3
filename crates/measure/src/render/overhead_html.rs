//! [`Overhead`] as an HTML page.

use maud::{Markup, html};

use super::chart::{Bar, Group, bars};
use super::overhead_text::{self, parts, title};
use super::page::{facts, figure, inline, legend, page, table};
use crate::{Measurement, Overhead, Run, Spread};
use util::number::{grouped, of, seconds};

const HEAD: [&str; 8] = ["", "real", "user", "system", "CPU share", "BTF encoded", "linked", "steps"];

pub(super) fn render(overhead: &Overhead) -> Markup {
    let setting = &overhead.setting;
    let body = html! {
        h1 { "What encoding the BTF of all modules costs a build" }
        p.lead { (inline(&overhead_text::sentence(overhead))) }
        @if let Some(busy) = overhead_text::busy(overhead) { p.warn { (busy) } }
        p {
            "Since Linux 5.11 kbuild encodes the BTF of every module again when vmlinux is newer than the module, for split BTF "
            "refers to that of vmlinux. A build with nothing to do is compared with the same after " code { "touch vmlinux" }
            ". " code { "make" } " packs bzImage again then; " code { "make modules" } " does not, and comes closest to what "
            "BTF alone costs. Newer kernels link every module again, too: the tables count that. All times were measured "
            "inside the container, of make and everything that it starts; the runs took turns."
        }
        (facts(&overhead_text::facts(overhead)))
        (facts(&[("engine", setting.engine.clone()), ("jobs", grouped(overhead.jobs)), ("modules", grouped(overhead.modules))]))
        @for (before, after) in overhead.pairs() {
            h2 { code { (before.command) } }
            (figure("Medians in seconds; the lines reach from the shortest to the longest run", &chart(before, after)))
            (table(&HEAD, &rows(before, after)))
            p { (inline(&overhead_text::cost(overhead, before, after))) }
        }
        h2 { "Every run" }
        (table(&HEAD, &runs(overhead)))
    };
    page("What encoding the BTF of all modules costs a build", &body)
}

fn chart(before: &Measurement, after: &Measurement) -> Markup {
    let bar = |measurement: &Measurement, part, class| {
        let spread = measurement.spread(part).unwrap_or(Spread { min: 0, median: 0, max: 0 });
        let range = Some((spread.min as f64, spread.max as f64));
        Bar { value: spread.median as f64, label: format!("{} s", seconds(spread.median)), class, range }
    };
    let group = |(name, part): (&str, fn(&Run) -> u64)| Group {
        name: name.to_owned(),
        bars: vec![bar(before, part, "full"), bar(after, part, "split")],
    };
    html! {
        (legend([("full", "nothing to do"), ("split", "vmlinux touched")]))
        (bars(&parts().map(group), [60.0, 90.0]))
    }
}

fn rows(before: &Measurement, after: &Measurement) -> Vec<Vec<String>> {
    let row = |measurement: &Measurement| {
        let name = if measurement.touched { "vmlinux touched" } else { "nothing to do" };
        let mut row = vec![format!("{name}, median of {}", of(measurement.runs.len(), "run"))];
        row.extend(parts().map(|(_, part)| format!("{} s", seconds(measurement.median(part)))));
        row.push(format!("{} %", measurement.median(Run::share)));
        let counted: [fn(&Run) -> u64; 3] = [|run| run.encoded as u64, |run| run.linked as u64, |run| run.steps as u64];
        row.extend(counted.map(|of| measurement.median(of).to_string()));
        row
    };
    vec![row(before), row(after)]
}

fn runs(overhead: &Overhead) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for measurement in &overhead.measurements {
        for (at, run) in measurement.runs.iter().enumerate() {
            let mut row = vec![format!("{}, run {}", title(measurement), at + 1)];
            row.extend(parts().map(|(_, part)| format!("{} s", seconds(part(run)))));
            row.push(format!("{} %", run.share()));
            row.extend([run.encoded, run.linked, run.steps].map(|number| number.to_string()));
            rows.push(row);
        }
    }
    rows
}

//! The report for a person: what matters first, then a table, then what differs in full.

use std::fmt::Write as _;

use super::{Report, ScenarioReport, Seen};
use crate::exit::{Ending, Exit};
use crate::summary::thousands;

/// How many of the modules that are given wrong types are shown with examples.
const WRONG_SHOWN: usize = 3;

pub(super) fn render(report: &Report, colour: bool) -> String {
    let mut out = String::new();
    let paint = Paint { colour };
    let _ = writeln!(out, "{}\n", paint.bold(&headline(report)));
    let width = report.scenarios.iter().map(|it| it.name.len()).max().unwrap_or(0);
    for scenario in &report.scenarios {
        row(&mut out, scenario, width, &paint);
    }
    for scenario in &report.scenarios {
        detail(&mut out, scenario, &paint);
    }
    let _ = writeln!(
        out,
        "\n{:.1} s in all, {:.1} s of it QEMU's own (summed over boots; {} side by side); engine {}",
        report.seconds, report.qemu_seconds, report.jobs, report.engine
    );
    out
}

fn headline(report: &Report) -> String {
    let count = |exit: fn(&Ending) -> bool| report.scenarios.iter().filter(|it| exit(&it.ending)).count();
    let all = report.scenarios.len();
    let passed = count(|it| matches!(it, Ending::Pass));
    let scenarios = if all == 1 { "1 scenario".to_owned() } else { format!("{all} scenarios") };
    match report.exit {
        Exit::Recorded if passed == all => format!("{scenarios}: as recorded."),
        _ => {
            let mut parts = Vec::new();
            for word in
                ["pass", "blessed", "measured", "differs", "panic", "hang", "lost", "unavailable", "interrupted"]
            {
                let count = report.scenarios.iter().filter(|it| it.ending.word() == word).count();
                if count > 0 {
                    parts.push(format!("{count} {word}"));
                }
            }
            format!("{scenarios}: {}.", parts.join(", "))
        }
    }
}

fn row(out: &mut String, scenario: &ScenarioReport, width: usize, paint: &Paint) {
    let word = format!("{:11}", scenario.ending.word());
    let word = match scenario.ending {
        Ending::Pass | Ending::Blessed | Ending::Measured => paint.green(&word),
        Ending::Unavailable { .. } => paint.yellow(&word),
        _ => paint.red(&word),
    };
    let _ = writeln!(out, "  {word}  {:width$}  {:6.1} s  {}", scenario.name, scenario.seconds, scenario.title);
    let pad = " ".repeat(2 + 11 + 2);
    if let Some(seen) = &scenario.seen {
        let _ = writeln!(out, "{pad}{}", abi(seen));
        let _ = writeln!(out, "{pad}{}", seen.sentence);
    }
    if let Some(second) = &scenario.second_boot {
        let _ = match &second.difference {
            None => writeln!(out, "{pad}booted twice: not a byte of the serial logs differs"),
            Some(difference) => writeln!(out, "{pad}booted twice, with different serial logs: {difference}"),
        };
    }
    for note in &scenario.notes {
        let _ = writeln!(out, "{pad}{note}");
    }
    if let Some(kept) = &scenario.kept {
        let _ = writeln!(out, "{pad}logs: {}", kept.display());
    }
}

fn abi(seen: &Seen) -> String {
    if seen.provenance.running == seen.provenance.modules_of {
        return "the kernel's own modules".into();
    }
    let of = format!(
        "{} of {} modules import a symbol with another CRC",
        thousands(seen.modules_with_another_crc),
        thousands(seen.modules_compared)
    );
    if seen.abi_compatible {
        format!("an ABI-compatible upgrade: {of}")
    } else {
        format!("not an ABI-compatible upgrade, so no failure of BTF: {of}")
    }
}

fn detail(out: &mut String, scenario: &ScenarioReport, paint: &Paint) {
    if !scenario.ending.detail().is_empty() {
        let title = format!("{}: {}", scenario.name, scenario.ending.word());
        let _ = writeln!(out, "\n{}", paint.bold(&title));
        for line in scenario.ending.detail().lines() {
            let line = match line.as_bytes().first() {
                Some(b'-') => paint.red(line),
                Some(b'+') => paint.green(line),
                _ => line.to_owned(),
            };
            let _ = writeln!(out, "  {line}");
        }
    }
    let Some(seen) = &scenario.seen else { return };
    let wrong: Vec<_> = seen.truth.iter().filter(|truth| !truth.holds()).collect();
    if wrong.is_empty() {
        return;
    }
    let title = format!("{}: accepted without a word, and wrong", scenario.name);
    let _ = writeln!(out, "\n{}", paint.bold(&title));
    let mut shown = wrong.clone();
    shown.sort_by_key(|truth| std::cmp::Reverse((truth.other_name_or_kind, truth.examples.len())));
    for truth in shown.iter().take(WRONG_SHOWN) {
        let _ = writeln!(
            out,
            "  {}: of {} types, {} have another name or kind, {} another layout, {} another closure",
            truth.module,
            thousands(truth.types),
            thousands(truth.other_name_or_kind),
            thousands(truth.other_layout),
            thousands(truth.other_closure)
        );
        for example in truth.examples.iter().take(2) {
            let _ = writeln!(out, "      meant: {}\n      seen:  {}", example.meant, example.seen);
        }
    }
    if wrong.len() > WRONG_SHOWN {
        let further = thousands(wrong.len() - WRONG_SHOWN);
        let _ = writeln!(out, "  and {further} modules more; --format json has them all");
    }
}

struct Paint {
    colour: bool,
}

impl Paint {
    fn with(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn bold(&self, text: &str) -> String {
        self.with("1", text)
    }

    fn red(&self, text: &str) -> String {
        self.with("31", text)
    }

    fn green(&self, text: &str) -> String {
        self.with("32", text)
    }

    fn yellow(&self, text: &str) -> String {
        self.with("33", text)
    }
}

//! The report as text: the most important facts first, then a table, then all differences in full.

use std::cmp::Reverse;

use textwrap::core::display_width;

use super::data::{PredictionReport, Report, RunSummary, ScenarioReport};
use crate::boots::measured::TypeFidelity;
use crate::exit::Ending;
use cli::{Page, Style};
use util::number::grouped;

/// The number of modules with wrong types that are shown.
const WRONG_SHOWN: usize = 3;

/// The number of examples for each of them.
const EXAMPLES_SHOWN: usize = 2;

/// The assumed height of a screen in lines. In a longer report the headline scrolls away, so it is repeated at the
/// end.
const SCREEN: usize = 20;

/// The indentation of a row's further lines: two blanks, the width of the ending's word, two blanks.
const INDENT: &str = "               ";

pub(super) fn render(report: &Report, style: Style) -> String {
    let mut page = Page::new(style);
    let headline = headline(report);
    page.headline(&headline);
    page.blank();
    let width = report.scenarios.iter().map(|it| it.name.len()).max().unwrap_or(0);
    for scenario in &report.scenarios {
        add_row(&mut page, scenario, width);
    }
    for scenario in &report.scenarios {
        add_ending(&mut page, scenario);
        add_wrong(&mut page, scenario);
    }
    page.blank();
    page.paragraph("", "", &times(report));
    if page.height() > SCREEN {
        page.headline(&headline);
    }
    page.finish()
}

fn headline(report: &Report) -> String {
    let words = report.scenarios.iter().map(|it| it.ending.word());
    let scenarios = match report.scenarios.len() {
        1 => "1 scenario".to_owned(),
        all => format!("{all} scenarios"),
    };
    if words.clone().all(|word| word == Ending::Pass.word()) {
        return format!("{scenarios}: as recorded.");
    }
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for word in words {
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let counts: Vec<_> = counts.into_iter().map(|(word, count)| format!("{count} {word}")).collect();
    format!("{scenarios}: {}.", counts.join(", "))
}

/// The total time, and the part of it that QEMU took.
fn times(report: &Report) -> String {
    let Report { seconds, qemu_seconds, jobs, engine, .. } = report;
    let ratio = match jobs {
        1 if *qemu_seconds > 0.0 => format!(", {:.2} times QEMU's time", seconds / qemu_seconds),
        _ => String::new(),
    };
    format!(
        "{seconds:.1} s in all{ratio}; {qemu_seconds:.1} s in QEMU, summed over boots, {jobs} side by side; engine: {engine}"
    )
}

fn predicted(prediction: &PredictionReport) -> String {
    let PredictionReport { modules, differing, verified } = *prediction;
    let unverified = if verified { "" } else { " (no kernel of this series was booted to verify the model)" };
    match (modules, differing) {
        (1, 0) => format!("as predicted before the boot{unverified}"),
        (_, 0) => format!("as predicted before the boot: all {modules} modules{unverified}"),
        _ => format!("{differing} of {modules} modules are not as predicted before the boot{unverified}"),
    }
}

fn abi(seen: &RunSummary) -> String {
    if seen.provenance.running == seen.provenance.modules_of {
        return "the kernel's own modules".into();
    }
    let of = format!(
        "{} of {} modules import a symbol with another CRC",
        grouped(seen.modules_with_another_crc),
        grouped(seen.modules_compared)
    );
    let compatible = if seen.is_upgrade() { "an ABI-compatible upgrade" } else { "the ABI is compatible" };
    if let Some(proof) = &seen.proof {
        let symbols = grouped(proof.symbols);
        return match proof.compatible() {
            true => {
                format!("{compatible}: all {symbols} symbols have the same CRC in both Module.symvers")
            }
            false if proof.broken() => format!("{proof}; so this is no failure of BTF: {of}"),
            false => format!("{proof}: {of}"),
        };
    }
    match (seen.abi_compatible, seen.symbols_without_known_crc) {
        (true, 0) => format!("{compatible}: {of}"),
        (true, unknown) => {
            format!("{compatible} as far as is known: {of}; the CRCs of {} symbols are unknown", grouped(unknown))
        }
        (false, _) => format!("not an ABI-compatible upgrade, so this is no failure of BTF: {of}"),
    }
}

fn add_row(page: &mut Page, scenario: &ScenarioReport, width: usize) {
    let style = page.style();
    let word = format!("{:11}", scenario.ending.word());
    let word = match scenario.ending {
        Ending::Pass | Ending::Blessed | Ending::Measured => style.green(&word),
        Ending::NotRun { .. } | Ending::Unavailable { .. } => style.yellow(&word),
        _ => style.red(&word),
    };
    let ScenarioReport { name, title, seconds, .. } = scenario;
    let row = format!("  {word}  {name:width$}  {seconds:6.1} s");
    match display_width(&row) + 2 + display_width(title) <= style.width {
        true => page.line(&format!("{row}  {title}")),
        false => {
            page.line(&row);
            page.paragraph(INDENT, INDENT, title);
        }
    }
    let mut notes = Vec::new();
    if let Ending::NotRun { why } = &scenario.ending {
        notes.push(why.clone());
    }
    if let Some(seen) = &scenario.seen {
        notes.extend([abi(seen), seen.sentence.clone()]);
    }
    if let Some(second) = &scenario.second_boot {
        notes.push(match &second.difference {
            None => "booted twice: the serial logs are byte-identical".into(),
            Some(_) => "booted twice: the serial logs differ".into(),
        });
    }
    notes.extend(scenario.prediction.as_ref().map(predicted));
    notes.extend(scenario.notes.iter().cloned());
    notes.extend(scenario.kept.as_ref().map(|kept| format!("logs: {}", kept.display())));
    for note in notes {
        page.paragraph(INDENT, INDENT, &note);
    }
}

/// The text that belongs to the ending: a diff, a reason.
fn add_ending(page: &mut Page, scenario: &ScenarioReport) {
    let detail = scenario.ending.detail();
    if detail.is_empty() || matches!(scenario.ending, Ending::NotRun { .. }) {
        return;
    }
    add_title(page, scenario, scenario.ending.word());
    if !matches!(scenario.ending, Ending::Differs { .. }) {
        detail.lines().for_each(|line| page.paragraph("  ", "    ", line));
        return;
    }
    let style = page.style();
    for line in detail.lines() {
        let line = match line.as_bytes().first() {
            Some(b'-') => style.red(line),
            Some(b'+') => style.green(line),
            _ => line.to_owned(),
        };
        page.line(&format!("  {line}"));
    }
}

/// The modules with the most wrong types.
fn add_wrong(page: &mut Page, scenario: &ScenarioReport) {
    let all = scenario.seen.iter().flat_map(|seen| &seen.truth);
    let mut wrong: Vec<&TypeFidelity> = all.filter(|module| !module.holds()).collect();
    if wrong.is_empty() {
        return;
    }
    wrong.sort_by_key(|module| Reverse((module.other_name_or_kind, module.other_layout)));
    add_title(page, scenario, "accepted silently, and wrong");
    for module in wrong.iter().take(WRONG_SHOWN) {
        let text = format!(
            "{}: of {} types, {} have another name or kind, {} another layout, {} another closure",
            module.module,
            grouped(module.types),
            grouped(module.other_name_or_kind),
            grouped(module.other_layout),
            grouped(module.other_closure)
        );
        page.paragraph("  ", "    ", &text);
        for example in module.examples.iter().take(EXAMPLES_SHOWN) {
            page.paragraph("      meant: ", "             ", &example.meant);
            page.paragraph("      seen:  ", "             ", &example.seen);
        }
    }
    if wrong.len() > WRONG_SHOWN {
        let further = grouped(wrong.len() - WRONG_SHOWN);
        page.line(&format!("  and {further} more modules; --format json has them all"));
    }
}

fn add_title(page: &mut Page, scenario: &ScenarioReport, text: &str) {
    page.blank();
    page.headline(&format!("{}: {text}", scenario.name));
}

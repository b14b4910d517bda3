//! The report for people: one sentence, one line for each boot and module, then what each finding means and what to do.

use cli::{Page, Style, Table};
use util::number::grouped;
use verdict::log::{Boot, Evidence, Failure, Missing, Report};
use verdict::{Cause, Finding};

use super::report::Explanation;
use super::wording;

/// How many modules are listed with a finding; all are in the table.
const LISTED: usize = 12;

/// The whole report.
pub(super) fn page(explanation: &Explanation, style: Style) -> String {
    let mut page = Page::new(style);
    if let Some(report) = &explanation.report {
        of_log(&mut page, report);
    }
    if let Some(look_ups) = &explanation.look_ups {
        page.blank();
        look_ups.write(&mut page);
    }
    page.finish()
}

fn of_log(page: &mut Page, report: &Report) {
    page.headline(&wording::headline(report));
    if report.boots.is_empty() {
        page.blank();
        page.paragraph("", "", "The kernel's lines begin with “BPF:” or “failed to validate module”. If a module failed and they are not here, get them all:");
        page.line(&format!("    {}", Missing::Kernel.command()));
        return;
    }
    page.blank();
    overview(page, report);
    for (nth, boot) in (1_u32..).zip(&report.boots) {
        page.blank();
        if let ([_], Some(release)) = (report.boots.as_slice(), &boot.release) {
            page.line(&format!("Kernel {}", clean(release)));
            page.blank();
        }
        if report.boots.len() > 1 {
            page.headline(&format!("{}, kernel {}", boot_name(nth), wording::kernel(boot)));
            page.blank();
        }
        of_boot(page, boot);
    }
    what_to_do(page, report);
    what_is_missing(page, report);
}

/// What a boot is called in a log with several.
fn boot_name(nth: u32) -> String {
    format!("Boot {nth}")
}

/// One line for each boot and module.
fn overview(page: &mut Page, report: &Report) {
    let several = report.boots.len() > 1;
    let head = ["module"].into_iter().chain(several.then_some("boot")).chain(["finding", "errno", "times", "line"]);
    let mut table = Table::new(head);
    for (nth, boot) in (1_u32..).zip(&report.boots) {
        for (failure, times) in by_module(boot) {
            let cells = [
                failure.finding.id().to_owned(),
                wording::errno(failure.errno),
                grouped(times),
                grouped(failure.first_line()),
            ];
            let boot = several.then(|| nth.to_string());
            table.row([clean(&wording::module(failure))].into_iter().chain(boot).chain(cells));
        }
    }
    page.table("  ", &table);
}

/// The failures of a boot, one for each module: the first, and how often there was any. What names no module stands for itself.
fn by_module(boot: &Boot) -> Vec<(&Failure, u64)> {
    let mut rows: Vec<(&Failure, u64)> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for failure in &boot.failures {
        match failure.module.as_ref().and_then(|module| known.get(module).copied()) {
            Some(at) => {
                rows.get_mut(at).into_iter().for_each(|(_, times): &mut (&Failure, u64)| *times += failure.times)
            }
            None => {
                failure.module.as_ref().and_then(|module| known.insert(module, rows.len()));
                rows.push((failure, failure.times));
            }
        }
    }
    rows
}

fn of_boot(page: &mut Page, boot: &Boot) {
    for (nth, finding) in findings(boot).into_iter().enumerate() {
        if nth > 0 {
            page.blank();
        }
        let failures: Vec<&Failure> = boot.failures.iter().filter(|failure| failure.finding == finding).collect();
        of_finding(page, finding, &failures);
    }
    if boot.omitted > 0 {
        page.blank();
        page.paragraph("", "", &format!("{} more failures are not listed.", grouped(boot.omitted)));
    }
    if let Some(hint) = wording::timing(boot) {
        page.blank();
        page.paragraph("", "", &hint);
    }
}

/// The findings of a boot in the order of the log.
fn findings(boot: &Boot) -> Vec<Finding> {
    let mut findings = Vec::new();
    for failure in &boot.failures {
        if !findings.contains(&failure.finding) {
            findings.push(failure.finding);
        }
    }
    findings
}

fn of_finding(page: &mut Page, finding: Finding, failures: &[&Failure]) {
    let Some(first) = failures.iter().copied().find(|failure| failure.check.is_some()).or(failures.first().copied())
    else {
        return;
    };
    page.headline(&format!("{}: {}", finding.id(), finding.title()));
    let mut facts = Vec::new();
    let modules: Vec<String> = failures
        .iter()
        .filter_map(|failure| failure.module.as_ref())
        .map(|module| clean(&module.to_string()))
        .collect();
    if !modules.is_empty() {
        facts.push(("modules", list(&modules)));
    }
    let mut about: Vec<String> = Vec::new();
    for name in failures.iter().flat_map(|failure| &failure.about).map(|name| clean(&name.to_string())) {
        if !about.contains(&name) {
            about.push(name);
        }
    }
    if !about.is_empty() {
        facts.push((about_what(finding), list(&about)));
    }
    facts.push(("cause", format!("{} ({})", wording::cause(finding.cause()), wording::sure(first.sure))));
    if failures.len() > 1 && first.check.is_some() && first.module.is_some() {
        facts.push(("example", clean(&wording::module(first))));
    }
    if first.check.is_some() {
        facts.push(("check", clean(&wording::check(first))));
    }
    facts.push(("meaning", clean(&wording::meaning(first))));
    if first.tolerated {
        facts.push((
            "note",
            "The kernel loads such modules without BTF (CONFIG_MODULE_ALLOW_BTF_MISMATCH) and does not name them."
                .into(),
        ));
    }
    if failures.iter().any(|failure| failure.not_inserted) {
        facts.push(("note", "A program reports that the module was not loaded.".into()));
    }
    if first.interleaved {
        facts.push(("note", "Lines of several modules are interleaved; they may belong to each other.".into()));
    }
    page.facts("  ", &facts);
    evidence(page, &first.evidence);
}

/// What the names are that a finding is about.
const fn about_what(finding: Finding) -> &'static str {
    match finding {
        Finding::DependencyRefused
        | Finding::SymbolUnknown
        | Finding::CrcMismatch
        | Finding::StructModule
        | Finding::KfuncPresent
        | Finding::ResolveFailed => "symbols",
        _ => "files",
    }
}

/// The lines of the log, with their numbers.
fn evidence(page: &mut Page, evidence: &[Evidence]) {
    let said: Vec<&Evidence> = evidence.iter().filter(|row| row.text.as_slice() != b"BPF:").collect();
    let width = said.iter().map(|row| grouped(row.line).len()).max().unwrap_or(0);
    for row in said.iter().take(8) {
        let number = format!("{:>width$}", grouped(row.line));
        page.paragraph(&format!("  | {number}: "), "  |     ", &clean(&row.text.to_string()));
    }
}

fn what_to_do(page: &mut Page, report: &Report) {
    let mut steps: Vec<&str> = Vec::new();
    let consequences_only = report.failures().all(|failure| failure.cause() == Cause::Consequence);
    let mut failures: Vec<&Failure> = report.failures().collect();
    failures.sort_by_key(|failure| failure.cause());
    for failure in failures {
        // What follows from another failure is mended with it.
        if failure.cause() == Cause::Consequence && !consequences_only {
            continue;
        }
        for step in failure.finding.advice() {
            if !steps.contains(step) {
                steps.push(step);
            }
        }
    }
    page.blank();
    page.headline("What to do");
    for (nth, step) in (1_u32..).zip(steps) {
        page.paragraph(&format!("  {nth}. "), "     ", step);
    }
}

fn what_is_missing(page: &mut Page, report: &Report) {
    let mut missing: Vec<Missing> = report.failures().flat_map(|failure| failure.missing.iter().copied()).collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        return;
    }
    page.blank();
    page.headline("What the log lacks");
    for missing in missing {
        page.paragraph("  - ", "    ", &format!("{}:", missing.what()));
        page.line(&format!("      {}", missing.command()));
    }
}

/// A few names, and how many more there are.
fn list(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {} more", grouped(more)),
    }
}

/// Text of a log without what a terminal would obey.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\t' {
                ' '
            } else if c.is_control() {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

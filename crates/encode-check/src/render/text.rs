//! The report on a terminal.

use cli::{Page, Style, Table};
use util::number::grouped;

use crate::identical::RECORDED_IN;
use crate::{
    Difference, FileOutcome, FileReport, FileVerdict, Identical, KernelReport, LIMIT, RULES, Report, UnavailableKernel,
};

/// The maximum number of differences of a file without a rule that are shown. JSON has all.
const UNEXPLAINED_SHOWN: usize = 40;

/// The maximum number of differences of a file with a rule that are shown.
const EXPLAINED_SHOWN: usize = 12;

pub(super) fn render(report: &Report, style: Style) -> String {
    let mut page = Page::new(Style { width: style.width.max(60), ..style });
    page.headline(&sentence(report));
    if !report.kernels.is_empty() {
        let mut table = Table::new(HEAD);
        report.kernels.iter().for_each(|kernel| table.row(row(kernel)));
        page.blank();
        page.table("", &table);
    }
    for kernel in &report.kernels {
        add_kernel(&mut page, kernel);
    }
    for UnavailableKernel { release, why } in &report.unavailable {
        page.blank();
        page.headline(&format!("{release}: unavailable, not checked"));
        page.paragraph("  ", "    ", why);
    }
    page.finish()
}

/// The result in one sentence, and a second one if kernels are unavailable.
pub(super) fn sentence(report: &Report) -> String {
    let of_checked = of_checked(report);
    match report.unavailable.len() {
        0 => of_checked,
        1 => format!("{of_checked} One kernel is unavailable and was not checked."),
        some => format!("{of_checked} {} kernels are unavailable and were not checked.", grouped(some)),
    }
}

fn of_checked(report: &Report) -> String {
    let files: usize = report.kernels.iter().map(|kernel| kernel.files.len()).sum();
    let of = |verdict| report.kernels.iter().map(|kernel| kernel.count(verdict)).sum::<usize>();
    let [equal, explained, unexplained, failed] =
        [FileVerdict::Equal, FileVerdict::Explained, FileVerdict::Unexplained, FileVerdict::Failed].map(of);
    let mut wrong = Vec::new();
    if unexplained > 0 {
        wrong.push(format!("{} differ in a way that no rule predicts", grouped(unexplained)));
    }
    if failed > 0 {
        wrong.push(format!("{} could not be compared", grouped(failed)));
    }
    if report.kernels.iter().any(KernelReport::over_limit) {
        wrong.push(format!("more than one type in {} is explained by a rule", grouped(LIMIT)));
    }
    if report.kernels.iter().any(KernelReport::too_large) {
        wrong.push("they take more bytes than what was shipped".into());
    }
    if report.kernels.iter().any(KernelReport::too_few_identical) {
        wrong.push("fewer are byte for byte what was shipped than is recorded".into());
    }
    let files = grouped(files);
    let holds = !report.kernels.is_empty() && report.none_fails();
    match wrong.as_slice() {
        [] if holds && explained == 0 => format!("All {files} files have the BTF that was shipped."),
        [] if holds => format!(
            "All {files} files have the BTF that was shipped: {} the same by meaning, {} but for what listed rules predict.",
            grouped(equal),
            grouped(explained)
        ),
        [] => "Nothing was compared.".to_owned(),
        wrong => format!("Of {files} files {}.", wrong.join("; ")),
    }
}

const HEAD: [&str; 12] = [
    "kernel",
    "pahole",
    "files",
    "equal",
    "explained",
    "unexplained",
    "failed",
    "types",
    "explained",
    "by chance",
    "bytes",
    "shipped",
];

fn add_kernel(page: &mut Page, kernel: &KernelReport) {
    page.blank();
    page.headline(&kernel.release);
    for text in facts(kernel) {
        page.paragraph("  ", "    ", &text);
    }
    for file in &kernel.files {
        add_file(page, file);
    }
}

fn add_file(page: &mut Page, file: &FileReport) {
    let verdict = match (file.verdict(), &file.outcome) {
        (FileVerdict::Equal, _) => return,
        (_, FileOutcome::Failed(why)) => {
            page.paragraph("\u{20} ", "      ", &format!("{}: not compared: {why}", file.file));
            return;
        }
        (FileVerdict::Unexplained, _) => "unexplained",
        _ => "explained",
    };
    page.blank();
    page.line(&format!("  {}: {verdict}", file.file));
    let FileOutcome::Compared(compared) = &file.outcome else { return };
    if let Some(left_out) = &compared.left_out {
        page.paragraph("    ", "      ", &format!("left out of it: {left_out}"));
    }
    for redundant in &compared.redundant {
        page.paragraph("    ", "      ", &format!("redundant: {redundant} is in the base as well"));
    }
    if compared.threads > 0 {
        let text = format!(
            "{} types depend on which of pahole's threads read which CU (rule threads)",
            grouped(compared.threads)
        );
        page.paragraph("    ", "      ", &text);
    }
    let (explained, open): (Vec<_>, Vec<_>) = compared.differences.iter().partition(|it| it.rule.is_some());
    add_differences(page, &open, UNEXPLAINED_SHOWN);
    add_differences(page, &explained, EXPLAINED_SHOWN);
}

fn add_differences(page: &mut Page, differences: &[&Difference], most: usize) {
    for difference in differences.iter().take(most) {
        let rule = difference.rule.as_deref().map_or_else(|| "no rule".to_owned(), |rule| format!("rule {rule}"));
        let name = if difference.name.is_empty() { "(anon)" } else { &difference.name };
        let text = format!("{} {name}: {} ({rule})", difference.kind, difference.what);
        page.paragraph("    ", "      ", &text);
    }
    if differences.len() > most {
        let text = format!("and {} more; --format json has them all", grouped(differences.len() - most));
        page.paragraph("    ", "      ", &text);
    }
}

fn row(kernel: &KernelReport) -> Vec<String> {
    let count = |verdict| grouped(kernel.count(verdict));
    let [mut ours, mut shipped] = kernel.bytes(false);
    let [kernel_ours, kernel_shipped] = kernel.bytes(true);
    (ours, shipped) = (ours + kernel_ours, shipped + kernel_shipped);
    vec![
        kernel.release.clone(),
        kernel.pahole.clone(),
        grouped(kernel.files.len()),
        count(FileVerdict::Equal),
        count(FileVerdict::Explained),
        count(FileVerdict::Unexplained),
        count(FileVerdict::Failed),
        grouped(kernel.types()),
        grouped(kernel.explained()),
        grouped(kernel.by_chance()),
        grouped(ours),
        grouped(shipped),
    ]
}

/// The facts about a kernel that are not in its row of the table.
fn facts(kernel: &KernelReport) -> Vec<String> {
    let (types, explained, chance) = (kernel.types(), kernel.explained(), kernel.by_chance());
    let mut facts = vec![format!("{}, {:.1} s", kernel.package, kernel.milliseconds as f64 / 1000.0)];
    facts.push(format!(
        "{} types compared; {} explained, {}, which has to be less than one in {}; {} more, {}, depend on which of pahole's threads read which CU",
        grouped(types),
        grouped(explained),
        percent(explained, types),
        grouped(LIMIT),
        grouped(chance),
        percent(chance, types),
    ));
    for (what, of_kernel) in [("modules", false), ("vmlinux", true)] {
        let [ours, shipped] = kernel.bytes(of_kernel);
        let word = if ours > shipped { "MORE than" } else { "no more than" };
        facts.push(format!("{what}: {} bytes, {word} the {} shipped", grouped(ours), grouped(shipped)));
    }
    facts.push(identical(kernel));
    let redundant: usize = kernel.compared().map(|compared| compared.redundant.len()).sum();
    facts.push(match redundant {
        0 => "minimal: no type of a module is one of the base".to_owned(),
        some => format!("NOT minimal: {} types of modules are in the base as well", grouped(some)),
    });
    for rule in RULES {
        let count = kernel.explained_by(rule);
        if count > 0 {
            facts.push(format!("rule {}, {} types: {}. {}", rule.name, grouped(count), rule.predicts, rule.cause));
        }
    }
    facts
}

/// How many files are byte for byte what was shipped, and whether that is enough.
pub(super) fn identical(kernel: &KernelReport) -> String {
    let modules = kernel.files.len().saturating_sub(1);
    let count = |Identical { vmlinux, modules }: Identical| {
        format!("{}{}", if vmlinux { "vmlinux and " } else { "" }, util::number::of(modules, "module"))
    };
    let found = format!("byte for byte as shipped: {} of {}", count(kernel.identical), grouped(modules));
    match kernel.recorded {
        None => format!("{found}; how many it has to be is not recorded of this package in {RECORDED_IN}"),
        Some(recorded) if kernel.too_few_identical() => format!(
            "{found}, FEWER than the {} recorded: where a file is the same by meaning, the order of types or strings got worse",
            count(recorded)
        ),
        Some(recorded) if recorded.is_less_than(kernel.identical) => {
            format!("{found}, more than the {} recorded in {RECORDED_IN}", count(recorded))
        }
        Some(_) => format!("{found}, as recorded"),
    }
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.4} %", part as f64 * 100.0 / whole.max(1) as f64)
}

//! The report as JUnit XML: one suite for each kernel, one case for each file. A difference is a *failure*, a file that could not
//! be compared an *error*. A kernel that is unavailable is *skipped*, never a success.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::text;
use crate::{FileOutcome, FileReport, FileVerdict, Identical, KernelReport, Report, UnavailableKernel};

pub(super) fn render(report: &Report) -> quick_junit::Report {
    let mut junit = quick_junit::Report::new("modbtf");
    junit.set_time(Duration::from_millis(report.kernels.iter().map(|kernel| kernel.milliseconds).sum()));
    for kernel in &report.kernels {
        let mut suite = TestSuite::new(format!("encode-check {}", kernel.release));
        suite.add_test_cases(kernel.files.iter().map(|file| case(kernel, file)));
        suite.add_test_case(bounds(kernel));
        let Identical { vmlinux, modules } = kernel.identical;
        suite.add_properties([
            ("identical vmlinux", &*vmlinux.to_string()),
            ("identical modules", &*modules.to_string()),
        ]);
        junit.add_test_suite(suite);
    }
    junit.add_test_suites(report.unavailable.iter().map(unavailable));
    junit
}

fn unavailable(UnavailableKernel { release, why }: &UnavailableKernel) -> TestSuite {
    let mut status = TestCaseStatus::skipped();
    status.set_type("unavailable").set_message(why.lines().next().unwrap_or_default()).set_description(why);
    let mut case = TestCase::new("packages", status);
    case.set_classname(release);
    let mut suite = TestSuite::new(format!("encode-check {release}"));
    suite.add_test_case(case);
    suite
}

fn case(kernel: &KernelReport, file: &FileReport) -> TestCase {
    let status = match (file.verdict(), &file.outcome) {
        (FileVerdict::Equal | FileVerdict::Explained, _) => TestCaseStatus::success(),
        (_, FileOutcome::Failed(why)) => status(NonSuccessKind::Error, "not compared", why),
        (_, FileOutcome::Compared(compared)) => {
            let open = compared.differences.iter().filter(|it| it.rule.is_none());
            let mut lines: Vec<_> = open.map(|it| format!("{} {}: {}", it.kind, it.name, it.what)).collect();
            lines.extend(compared.redundant.iter().map(|it| format!("{it} is in the base as well")));
            status(NonSuccessKind::Failure, "differs", &lines.join("\n"))
        }
    };
    let mut case = TestCase::new(&file.file, status);
    case.set_classname(&kernel.release);
    case
}

/// What a kernel is held to as a whole.
fn bounds(kernel: &KernelReport) -> TestCase {
    let mut broken = Vec::new();
    if kernel.over_limit() {
        broken.push(format!("{} of {} types are explained by rules", kernel.explained(), kernel.types()));
    }
    if kernel.too_large() {
        broken.push("more bytes than what was shipped".to_owned());
    }
    if kernel.too_few_identical() {
        broken.push(text::identical(kernel));
    }
    let status = match broken.as_slice() {
        [] => TestCaseStatus::success(),
        broken => status(NonSuccessKind::Failure, "bounds", &broken.join("\n")),
    };
    let mut case = TestCase::new("bounds", status);
    case.set_classname(&kernel.release);
    case
}

fn status(kind: NonSuccessKind, what: &str, detail: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(what).set_message(detail.lines().next().unwrap_or_default()).set_description(detail);
    status
}

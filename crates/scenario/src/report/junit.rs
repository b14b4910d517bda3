//! The report as JUnit XML. Unavailable and excluded scenarios are *skipped* there, never a success. A failure in a
//! machine is an *error*, a difference a *failure*.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::data::{Report, ScenarioReport};
use crate::exit::Ending;

pub(super) fn render(report: &Report) -> quick_junit::Report {
    let mut suite = TestSuite::new("repro");
    suite.add_test_cases(report.scenarios.iter().map(case));
    let mut junit = quick_junit::Report::new("modbtf");
    junit.set_time(Duration::from_secs_f64(report.seconds));
    junit.add_test_suite(suite);
    junit
}

fn case(scenario: &ScenarioReport) -> TestCase {
    let ending = &scenario.ending;
    let mut status = match ending {
        Ending::Pass | Ending::Blessed | Ending::Measured => TestCaseStatus::success(),
        Ending::NotRun { .. } | Ending::Unavailable { .. } => TestCaseStatus::skipped(),
        Ending::Differs { .. } => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Ending::Environment { .. }
        | Ending::Panic { .. }
        | Ending::Hang { .. }
        | Ending::Lost { .. }
        | Ending::Interrupted => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    if !ending.detail().is_empty() {
        status.set_message(ending.detail().lines().next().unwrap_or_default()).set_description(ending.detail());
    }
    if !matches!(ending, Ending::Pass | Ending::Blessed | Ending::Measured) {
        status.set_type(ending.word());
    }
    let mut case = TestCase::new(&scenario.name, status);
    case.set_classname("repro").set_time(Duration::from_secs_f64(scenario.seconds));
    if let Some(seen) = &scenario.seen {
        case.set_system_out(&seen.sentence);
    }
    case
}

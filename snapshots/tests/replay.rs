//! Computes each scenario's snapshot from its committed transcript and compares it with the committed snapshot. Each scenario's
//! folder gives one test.
//!
//! Tests are named after scenarios ([`test_name`]): `cargo xtask repro --bless` runs the tests of the scenarios that it recorded, to
//! write their snapshots.

use std::process::ExitCode;

use insta::{Settings, assert_snapshot};
use libtest_mimic::{Arguments, Trial};
use scenario::baseline::replay;
use scenario::definition::{Scenario, test_name};

fn main() -> ExitCode {
    let scenarios = snapshots::scenarios().expect("every definition can be read");
    assert!(!scenarios.is_empty(), "there is nothing to replay");
    let trial = |scenario: Scenario| {
        Trial::test(test_name(&scenario.name), move || {
            check(&scenario);
            Ok(())
        })
    };
    libtest_mimic::run(&Arguments::from_args(), scenarios.into_iter().map(trial).collect()).exit_code()
}

fn check(scenario: &Scenario) {
    let dir = scenario.dir.as_deref().expect("what is read from a folder has one");
    let text = replay(&scenario.definition, dir).unwrap();
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(dir);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| assert_snapshot!("snapshot", text));
}

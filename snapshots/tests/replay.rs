//! Replays every committed transcript through the normaliser and compares with its snapshot: one test for each scenario, found
//! in the folders.
//!
//! A test has the name of its scenario ([`test_name`]), so `cargo xtask repro --bless` runs those of what it recorded, to have
//! the snapshots written.

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

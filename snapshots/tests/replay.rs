//! Replays every committed transcript through the normaliser and compares with its snapshot.

use insta::{Settings, assert_snapshot};
use scenario::definition::Scenario;
use scenario::recorded::replay;

macro_rules! replays {
    ($($test:ident => $name:literal,)*) => {
        const NAMES: &[&str] = &[$($name),*];
        const TESTS: &[&str] = &[$(stringify!($test)),*];
        $(
            #[test]
            fn $test() {
                check($name);
            }
        )*
    };
}

replays! {
    abi_break => "abi-break",
    debian_compatible => "debian-compatible",
    debian_control => "debian-control",
    debian_silent => "debian-silent",
    debian_upgrade => "debian-upgrade",
    debian_upgrade_all => "debian-upgrade-all",
}

#[test]
fn every_scenario_is_replayed_here() {
    let scenarios = snapshots::scenarios().unwrap();
    assert_eq!(scenarios.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), NAMES);
}

#[test]
fn each_is_replayed_by_a_test_of_its_name() {
    // `cargo xtask repro --bless` runs the test to have the snapshot written.
    assert_eq!(NAMES.iter().map(|name| name.replace('-', "_")).collect::<Vec<_>>(), TESTS);
}

fn check(name: &str) {
    let Scenario { definition, dir, .. } =
        snapshots::scenarios().unwrap().into_iter().find(|it| it.name == name).expect("a folder for each name");
    let dir = dir.expect("what is read from a folder has one");
    let text = replay(&definition, &dir).unwrap();
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(&dir);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| assert_snapshot!("snapshot", text));
}

//! Replays every committed transcript through the normaliser and compares with its snapshot.

use insta::{Settings, assert_snapshot};
use scenario::baseline::replay;
use scenario::definition::{Scenario, test_name};

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
    crc_break_6_1 => "crc-break@6.1",
    crc_break_6_12 => "crc-break@6.12",
    crc_break_7_2 => "crc-break@7.2",
    debian_compatible => "debian-compatible",
    debian_control => "debian-control",
    debian_silent => "debian-silent",
    debian_upgrade => "debian-upgrade",
    debian_upgrade_all => "debian-upgrade-all",
    downgrade_6_1 => "downgrade@6.1",
    downgrade_6_12 => "downgrade@6.12",
    downgrade_7_2 => "downgrade@7.2",
    encoder_load => "encoder-load",
    external_module_6_1 => "external-module@6.1",
    external_module_6_12 => "external-module@6.12",
    external_module_7_2 => "external-module@7.2",
    external_upgrade_6_1 => "external-upgrade@6.1",
    external_upgrade_6_12 => "external-upgrade@6.12",
    external_upgrade_7_2 => "external-upgrade@7.2",
    pahole_gate_6_1 => "pahole-gate@6.1",
    pahole_gate_6_12 => "pahole-gate@6.12",
    pahole_gate_7_2 => "pahole-gate@7.2",
    parallel_encoding_6_1 => "parallel-encoding@6.1",
    parallel_encoding_6_12 => "parallel-encoding@6.12",
    parallel_encoding_7_2 => "parallel-encoding@7.2",
    rebuild_rules_6_1 => "rebuild-rules@6.1",
    rebuild_rules_6_12 => "rebuild-rules@6.12",
    rebuild_rules_7_2 => "rebuild-rules@7.2",
    same_source_6_1 => "same-source@6.1",
    same_source_6_12 => "same-source@6.12",
    same_source_7_2 => "same-source@7.2",
    upgrade_grow_6_1 => "upgrade-grow@6.1",
    upgrade_grow_6_12 => "upgrade-grow@6.12",
    upgrade_grow_7_2 => "upgrade-grow@7.2",
    upgrade_grow_allowed_6_1 => "upgrade-grow-allowed@6.1",
    upgrade_grow_allowed_6_12 => "upgrade-grow-allowed@6.12",
    upgrade_grow_allowed_7_2 => "upgrade-grow-allowed@7.2",
    upgrade_reorder_6_1 => "upgrade-reorder@6.1",
    upgrade_reorder_6_12 => "upgrade-reorder@6.12",
    upgrade_reorder_7_2 => "upgrade-reorder@7.2",
    upgrade_reorder_allowed_6_1 => "upgrade-reorder-allowed@6.1",
    upgrade_reorder_allowed_6_12 => "upgrade-reorder-allowed@6.12",
    upgrade_reorder_allowed_7_2 => "upgrade-reorder-allowed@7.2",
    upgrade_shrink_6_1 => "upgrade-shrink@6.1",
    upgrade_shrink_6_12 => "upgrade-shrink@6.12",
    upgrade_shrink_7_2 => "upgrade-shrink@7.2",
    upgrade_shrink_allowed_6_1 => "upgrade-shrink-allowed@6.1",
    upgrade_shrink_allowed_6_12 => "upgrade-shrink-allowed@6.12",
    upgrade_shrink_allowed_7_2 => "upgrade-shrink-allowed@7.2",
}

#[test]
fn every_scenario_is_replayed_here() {
    let scenarios = snapshots::scenarios().unwrap();
    assert_eq!(scenarios.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), NAMES);
}

#[test]
fn each_is_replayed_by_a_test_of_its_name() {
    // `cargo xtask repro --bless` runs the test to have the snapshot written.
    assert_eq!(NAMES.iter().map(|name| test_name(name)).collect::<Vec<_>>(), TESTS);
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

//! Tests of the order in which kernels are acquired and built, and scenarios are booted and reported.

use scenario::run::RunOptions;

use super::world::{ALL, COMPARE, ONE, World, words};

#[test]
fn long_boots_come_first_then_others_then_builds_and_the_report_keeps_the_given_order() {
    let world = World::new();
    let tasks = [
        world.build("b1"),
        world.prebuilt("short", ONE),
        world.built("built", "none", "compatible"),
        world.prebuilt("long", ALL),
    ];
    world.bless(&tasks);
    let report = world.run(&tasks, &COMPARE);
    assert_eq!(words(&report), ["pass"; 4]);
    assert_eq!(*world.machines.started.lock().unwrap(), ["long", "short", "built@6.1"]);
    let ended: Vec<_> =
        world.progress.lock().unwrap().iter().filter_map(|it| it.strip_prefix("pass ").map(str::to_owned)).collect();
    assert_eq!(ended, ["long", "short", "built@6.1", "b1@6.1"]);
    let names: Vec<_> = report.scenarios.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["b1@6.1", "short", "built@6.1", "long"]);
}

#[test]
fn everything_is_acquired_and_built_before_anything_boots_and_only_once() {
    let world = World::new();
    let tasks = [
        world.built("a", "grow", "compatible"),
        world.built("b", "shrink", "compatible"),
        world.built("c", "grow", "compatible"),
        world.prebuilt("d", ALL),
        world.build("e"),
    ];
    world.bless(&tasks);
    let report = world.run(&tasks, &COMPARE);
    assert_eq!(words(&report), ["pass"; 5]);
    let expected = [
        "package d-old",
        "package d-new",
        "source 6.1",
        "build strict/first",
        "build strict/grow",
        "build strict/shrink",
        "sandbox",
        "make modules",
    ];
    // The first build is requested as the running kernel, and once more without a scenario.
    let mut calls = world.kernels.calls.lock().unwrap().clone();
    calls.dedup();
    assert_eq!(calls, expected);
}

#[test]
fn boots_side_by_side_give_the_same_report() {
    let world = World::new();
    let names = ["a", "b", "c", "d", "e"];
    let tasks = names.map(|name| world.prebuilt(name, ALL));
    world.bless(&tasks);
    let report = world.run(&tasks, &RunOptions { jobs: 3, ..COMPARE });
    assert_eq!(words(&report), ["pass"; 5]);
    assert!(report.scenarios.iter().map(|it| it.name.as_str()).eq(names));
    assert_eq!(world.machines.started.lock().unwrap().len(), 5);
}

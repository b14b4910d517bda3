//! Tests of unavailable kernels of each origin, with and without `--allow-unavailable`.

use cli::Exit;
use kernels::pins::Pins;
use scenario::run::{RunOptions, Task};

use super::world::{ALL, COMPARE, World, only, words};

const ALLOWED: RunOptions = RunOptions { allow_unavailable: true, ..COMPARE };

fn gone(world: &World, name: &str) {
    world.kernels.gone.lock().unwrap().insert(name.into());
}

#[test]
fn a_package_that_is_gone_is_unavailable_and_lets_others_run() {
    for which in ["old", "new"] {
        let world = World::new();
        let tasks = [world.prebuilt("a", ALL), world.prebuilt("b", ALL)];
        world.kernels.shape("b-new", super::kernels::Shape { types: 2, ..Default::default() });
        world.bless(&tasks);
        gone(&world, &format!("a-{which}"));
        let report = world.run(&tasks, &COMPARE);
        assert_eq!((words(&report), report.exit), (vec!["unavailable", "pass"], Exit::Environment));
        assert!(
            report.scenarios[0].ending.detail().contains(&format!("a-{which}=1")),
            "{:?}",
            report.scenarios[0].ending
        );
        assert_eq!(*world.machines.started.lock().unwrap(), ["b"]);
        assert_eq!(world.run(&tasks, &ALLOWED).exit, Exit::Success, "the other one is of the same group");
    }
}

#[test]
fn allowing_what_is_unavailable_is_no_pass_where_a_group_showed_nothing() {
    let world = World::new();
    let tasks = [world.prebuilt("a", ALL), world.built("b", "none", "compatible")];
    world.bless(&tasks);
    gone(&world, "a-new");
    let report = world.run(&tasks, &ALLOWED);
    assert_eq!((words(&report), report.exit), (vec!["unavailable", "pass"], Exit::Environment));
}

#[test]
fn debug_information_that_is_gone_is_unavailable() {
    let world = World::new();
    let scenario = world.scenario(
        "encoded",
        "title = \"t\"\nabout = \"a\"\n[boot]\nrunning = \"6.1.0-55-cloud-amd64\"\n\
         modules-of = { release = \"6.1.0-56-cloud-amd64\", encoder = \"modbtf\" }\nload = \"all\"\nmemory-mib = 512\n",
    );
    gone(&world, "debug 6.1.0-56-cloud-amd64");
    let report = world.run(&[Task::new(scenario, &Pins::builtin().unwrap())], &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["unavailable"], Exit::Environment));
    assert!(world.machines.started.lock().unwrap().is_empty());
}

#[test]
fn a_source_that_is_gone_is_unavailable_for_boots_and_builds_and_builds_nothing() {
    let world = World::new();
    let tasks = [world.built("a", "grow", "compatible"), world.build("b")];
    world.bless(&tasks);
    let pins = kernels::source::SourcePins::builtin().unwrap();
    gone(&world, &pins.series("6.1").unwrap().version);
    let report = world.run(&tasks, &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["unavailable"; 2], Exit::Environment));
    assert!(report.scenarios.iter().all(|it| it.ending.detail().contains("--source")), "{:?}", report.scenarios);
    assert_eq!(*world.kernels.calls.lock().unwrap(), ["source 6.1"]);
    assert_eq!(world.run(&tasks, &ALLOWED).exit, Exit::Environment);
}

#[test]
fn a_build_that_fails_is_the_environment_s_and_is_not_tried_again_nor_allowed() {
    let world = World::new();
    let tasks = ["grow", "shrink"].map(|upgrade| world.built(upgrade, upgrade, "compatible"));
    world.bless(&tasks);
    world.kernels.broken.lock().unwrap().insert("strict/first".into());
    let report = world.run(&tasks, &ALLOWED);
    assert_eq!((words(&report), report.exit), (vec!["environment"; 2], Exit::Environment));
    for scenario in &report.scenarios {
        let detail = scenario.ending.detail();
        assert_eq!(detail.matches("the disk is gone").count(), 1, "the cause is reported, and once: {detail}");
    }
    assert_eq!(*world.kernels.calls.lock().unwrap(), ["source 6.1", "build strict/first"]);
}

#[test]
fn an_upgrade_that_fails_to_build_leaves_the_others() {
    let world = World::new();
    let tasks = ["grow", "shrink"].map(|upgrade| world.built(upgrade, upgrade, "compatible"));
    world.bless(&tasks);
    world.kernels.broken.lock().unwrap().insert("strict/grow".into());
    assert_eq!(words(&world.run(&tasks, &COMPARE)), ["environment", "pass"]);
}

#[test]
fn a_release_that_is_not_pinned_is_unavailable_and_its_other_kernel_is_not_acquired() {
    let world = World::new();
    let definition = "title = \"t\"\nabout = \"a\"\n[boot]\nrunning = \"6.1.0-55-cloud-amd64\"\n\
                      modules-of = \"9.9.9-cloud-amd64\"\nload = \"all\"\nmemory-mib = 512\n";
    let task = Task::new(world.scenario("a", definition), &Pins::builtin().unwrap());
    let report = world.run(&[task], &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["unavailable"], Exit::Environment));
    assert!(only(&report).ending.detail().contains("9.9.9-cloud-amd64 is not pinned"), "{:?}", only(&report).ending);
    assert!(world.kernels.calls.lock().unwrap().is_empty());
}

//! Tests of a request to stop, at each possible time.

use std::sync::atomic::Ordering;

use cli::Exit;

use super::machines::Behaviour;
use super::world::{ALL, COMPARE, World, words};

#[test]
fn a_request_before_the_boots_starts_no_machine() {
    let world = World::new();
    let tasks = [world.prebuilt("a", ALL), world.build("b")];
    world.bless(&tasks);
    world.cancel.store(true, Ordering::SeqCst);
    let report = world.run(&tasks, &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["interrupted"; 2], Exit::Interrupted));
    assert!(world.machines.started.lock().unwrap().is_empty());
    assert!(!world.kernels.calls.lock().unwrap().iter().any(|call| call == "sandbox"));
}

#[test]
fn a_request_within_a_boot_ends_it_and_starts_no_other() {
    let world = World::new();
    let tasks = [world.prebuilt("a", ALL), world.prebuilt("b", ALL), world.build("c")];
    world.bless(&tasks);
    world.behave("a", Behaviour::Interrupted);
    let report = world.run(&tasks, &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["interrupted"; 3], Exit::Interrupted));
    assert_eq!(*world.machines.started.lock().unwrap(), ["a"]);
    assert!(world.kept().is_empty());
}

#[test]
fn a_request_between_boots_keeps_the_verdict_on_what_has_run() {
    let world = World::new();
    let tasks = [world.prebuilt("a", ALL), world.prebuilt("b", ALL)];
    world.bless(&tasks);
    world.behave("a", Behaviour::CompletesAfterInterrupt);
    let report = world.run(&tasks, &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["pass", "interrupted"], Exit::Interrupted));
    assert_eq!(*world.machines.started.lock().unwrap(), ["a"]);
}

#[test]
fn a_request_while_kernels_are_built_ends_the_run() {
    let world = World::new();
    let tasks = [world.built("a", "stopped", "compatible"), world.prebuilt("b", ALL)];
    let error = world.try_run(&tasks, &COMPARE).unwrap_err();
    assert_eq!(Exit::from(util::error::Classified::class(&error)), Exit::Interrupted);
    assert!(world.machines.started.lock().unwrap().is_empty());
}

//! Tests of the endings of machines, and of the run's exit code.

use cli::Exit;
use scenario::run::RunOptions;

use super::machines::Behaviour;
use super::world::{ALL, COMPARE, World, only, words};

#[test]
fn a_machine_that_goes_wrong_is_reported_as_what_it_was() {
    for (behaviour, word, detail) in [
        (Behaviour::Panics, "panic", "Kernel panic - not syncing: by a test"),
        (Behaviour::Hangs, "hang", ""),
        (Behaviour::QemuKilled, "lost", "signal 9"),
        (Behaviour::Unconfirmed, "lost", "exited with code 0"),
        (Behaviour::Garbled, "lost", "line 3"),
        (Behaviour::ShortOfAStep, "lost", "record 7"),
        (Behaviour::DoesNotStart, "lost", "no engine"),
    ] {
        let world = World::new();
        let task = world.prebuilt("a", ALL);
        world.bless(std::slice::from_ref(&task));
        world.behave("a", behaviour.clone());
        let report = world.run(&[task], &COMPARE);
        assert_eq!((words(&report), report.exit), (vec![word], Exit::Machine), "{behaviour:?}");
        assert!(only(&report).ending.detail().contains(detail), "{:?}", only(&report).ending);
        assert!(only(&report).seen.is_none(), "{behaviour:?}: nothing is believed of such a machine");
        let not_started = world.progress.lock().unwrap().iter().any(|it| it == "not started a");
        assert_eq!(not_started, matches!(behaviour, Behaviour::DoesNotStart));
    }
}

#[test]
fn failed_machine_does_not_stop_others_and_outweighs_a_difference() {
    let world = World::new();
    let tasks = ["a", "b", "c"].map(|name| world.prebuilt(name, ALL));
    world.bless(&tasks);
    world.behave("a", Behaviour::Panics);
    world.behave("b", Behaviour::Says("one: something is odd"));
    let report = world.run(&tasks, &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["panic", "differs", "pass"], Exit::Machine));
}

#[test]
fn invalid_requests_end_the_run_before_anything_boots() {
    let world = World::new();
    let tasks = [world.prebuilt("a", ALL), world.built("b", "unheard-of", "compatible")];
    let error = world.try_run(&tasks, &COMPARE).unwrap_err();
    assert_eq!(Exit::from(util::error::Classified::class(&error)), Exit::Usage);
    assert!(world.machines.started.lock().unwrap().is_empty());
}

#[test]
fn exit_codes_are_those_that_are_documented() {
    let code = |behaviour: Option<Behaviour>, gone: bool| {
        let world = World::new();
        let task = world.prebuilt("a", ALL);
        world.bless(std::slice::from_ref(&task));
        behaviour.into_iter().for_each(|behaviour| world.behave("a", behaviour));
        if gone {
            world.kernels.gone.lock().unwrap().insert("a-new".into());
        }
        world.run(&[task], &RunOptions { ..COMPARE }).exit.code()
    };
    assert_eq!(code(None, false), 0);
    assert_eq!(code(Some(Behaviour::Says("one: something is odd")), false), 1);
    assert_eq!(code(None, true), 3);
    assert_eq!(code(Some(Behaviour::Hangs), false), 4);
    assert_eq!(code(Some(Behaviour::Interrupted), false), 130);
}

//! Tests of `--twice`: each scenario boots twice, and the serial logs must be equal.

use cli::Exit;
use scenario::run::{Mode, RunOptions};

use super::machines::Behaviour;
use super::world::{ALL, COMPARE, World, only, words};

const TWICE: RunOptions = RunOptions { twice: true, ..COMPARE };

#[test]
fn logs_that_are_the_same_pass() {
    let world = World::new();
    let task = world.prebuilt("a", ALL);
    world.bless(std::slice::from_ref(&task));
    let report = world.run(&[task], &TWICE);
    assert_eq!((words(&report), report.exit), (vec!["pass"], Exit::Success));
    assert_eq!(only(&report).second_boot.as_ref().unwrap().difference, None);
    assert_eq!(*world.machines.started.lock().unwrap(), ["a", "a twice"]);
}

#[test]
fn logs_that_differ_differ_whatever_is_recorded_and_are_not_recorded() {
    let world = World::new();
    let task = world.prebuilt("a", ALL);
    world.bless(std::slice::from_ref(&task));
    world.behave("a", Behaviour::NotTwiceTheSame);
    for mode in [Mode::Compare, Mode::Bless] {
        let report = world.run(std::slice::from_ref(&task), &RunOptions { mode, ..TWICE });
        assert_eq!((words(&report), report.exit), (vec!["differs"], Exit::Failed));
        let difference = only(&report).second_boot.as_ref().unwrap().difference.clone().unwrap();
        assert!(difference.contains("console.log of two boots"), "{difference}");
    }
    let report = world.run(&[task], &COMPARE);
    assert_eq!(words(&report), ["pass"], "one boot is as recorded");
}

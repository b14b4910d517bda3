//! Tests of the files that a run keeps and removes.

use scenario::run::{Mode, RunOptions};
use scenario::transcript;

use super::machines::Behaviour;
use super::world::{ALL, COMPARE, World, only};

/// Whether the folder of such a run is kept.
fn is_kept(behaviour: Behaviour, options: RunOptions) -> bool {
    let world = World::new();
    let task = world.prebuilt("a", ALL);
    world.bless(std::slice::from_ref(&task));
    world.behave("a", behaviour);
    let report = world.run(&[task], &options);
    let kept = only(&report).kept.clone();
    assert_eq!(world.kept().len(), usize::from(kept.is_some()), "the report and the folder disagree");
    if let Some(kept) = &kept {
        assert!(kept.join("boot").is_dir(), "the logs are there");
    }
    kept.is_some()
}

#[test]
fn a_run_that_differs_is_kept_by_compare_and_not_by_check() {
    let odd = || Behaviour::Says("one: something is odd");
    assert!(is_kept(odd(), COMPARE));
    assert!(!is_kept(odd(), RunOptions { mode: Mode::Check, ..COMPARE }));
    assert!(!is_kept(odd(), RunOptions { mode: Mode::Bless, ..COMPARE }));
    assert!(!is_kept(Behaviour::Loads, COMPARE), "one that passes is not kept");
}

#[test]
fn a_machine_that_went_wrong_is_kept_in_every_mode() {
    for mode in [Mode::Compare, Mode::Check, Mode::Bless] {
        for behaviour in [Behaviour::Panics, Behaviour::Hangs, Behaviour::QemuKilled, Behaviour::ShortOfAStep] {
            assert!(is_kept(behaviour.clone(), RunOptions { mode, ..COMPARE }), "{mode:?} {behaviour:?}");
        }
    }
}

#[test]
fn everything_is_kept_on_request() {
    for mode in [Mode::Compare, Mode::Check, Mode::Bless] {
        assert!(is_kept(Behaviour::Loads, RunOptions { mode, keep: true, ..COMPARE }), "{mode:?}");
    }
}

#[test]
fn a_kept_run_holds_what_it_takes_to_read_it_again() {
    let world = World::new();
    let task = world.prebuilt("a", ALL);
    let report = world.run(&[task], &RunOptions { keep: true, mode: Mode::Check, ..COMPARE });
    let kept = only(&report).kept.clone().unwrap();
    for name in
        [transcript::FILE, "measured.json", "snapshot.txt", "initramfs", "boot/console.log", "boot/results.jsonl"]
    {
        assert!(kept.join(name).is_file(), "{name}");
    }
}

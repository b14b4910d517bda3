//! Tests of what a run does with predictions.

use cli::Exit;
use scenario::exit::Ending;
use scenario::run::{Mode, RunOptions};

use super::world::{ALL, COMPARE, World, only, words};

#[test]
fn a_prediction_that_holds_is_reported() {
    let world = World::new();
    let task = [world.prebuilt("p", ALL)];
    world.bless(&task);
    let report = world.run(&task, &COMPARE);
    let prediction = only(&report).prediction.unwrap();
    assert_eq!((prediction.differing, prediction.verified), (0, true));
    assert!(prediction.modules > 0);
}

#[test]
fn a_prediction_that_fails_fails_the_run_although_the_baseline_matches() {
    let world = World::new();
    let task = [world.prebuilt("p", ALL)];
    world.bless(&task);
    *world.wrong_about.lock().unwrap() = Some("one".into());
    let report = world.run(&task, &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["differs"], Exit::Failed));
    let Ending::Differs { diff } = &only(&report).ending else { panic!("no difference") };
    assert!(diff.contains("one module is not as the model predicted"), "{diff}");
    assert!(diff.contains("one:") && diff.contains("errno 22 was predicted, and it was 0"), "{diff}");
    assert_eq!(only(&report).prediction.unwrap().differing, 1);
}

#[test]
fn a_prediction_that_fails_records_nothing() {
    let world = World::new();
    let task = [world.prebuilt("p", ALL)];
    *world.wrong_about.lock().unwrap() = Some("one".into());
    let report = world.run(&task, &RunOptions { mode: Mode::Bless, ..COMPARE });
    assert_eq!(words(&report), ["differs"]);
    assert!(!world.baseline("p").exists());
}

#[test]
fn a_pair_without_a_baseline_is_judged_by_the_prediction() {
    let world = World::new();
    let mut task = [world.prebuilt("pair", ALL)];
    task[0].scenario.dir = None;
    assert_eq!(words(&world.run(&task, &COMPARE)), ["measured"]);
    *world.wrong_about.lock().unwrap() = Some("one".into());
    let report = world.run(&task, &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["differs"], Exit::Failed));
}

#[test]
fn the_prediction_is_in_the_folder_of_a_run_that_is_kept() {
    let world = World::new();
    let task = [world.prebuilt("p", ALL)];
    world.bless(&task);
    let report = world.run(&task, &RunOptions { keep: true, ..COMPARE });
    let folder = only(&report).kept.clone().unwrap();
    let text = std::fs::read_to_string(folder.join("prediction.json")).unwrap();
    let read: scenario::prediction::Prediction = serde_json::from_str(&text).unwrap();
    assert_eq!(read.modules.len(), only(&report).prediction.unwrap().modules);
}

//! Tests of comparing with the record, recording a new one, and runs that do neither.

use std::fs;

use cli::Exit;
use kernels::kbuild::Encoder;
use scenario::baseline::{SNAPSHOT, TypeOrder};
use scenario::boots::measured;
use scenario::exit::Ending;
use scenario::run::{Encoding, Mode, Pair, RunOptions, Task};
use scenario::transcript;

use super::kernels::Shape;
use super::machines::Behaviour;
use super::world::{ALL, COMPARE, World, only, words};

#[test]
fn a_run_that_is_as_recorded_passes_and_another_differs() {
    let world = World::new();
    let tasks = [world.prebuilt("a", ALL), world.built("b", "none", "compatible")];
    world.bless(&tasks);
    let report = world.run(&tasks, &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["pass"; 2], Exit::Success));
    world.behave("a", Behaviour::Says("one: something is odd"));
    let report = world.run(&tasks, &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["differs", "pass"], Exit::Failed));
    assert!(report.scenarios[0].ending.detail().contains("+"), "{:?}", report.scenarios[0].ending);
}

#[test]
fn other_modules_of_the_kernel_differ_although_the_guest_says_nothing_else() {
    let world = World::new();
    let task = world.prebuilt("a", ALL);
    world.bless(std::slice::from_ref(&task));
    world.kernels.shape("a-new", Shape { types: 3, ..Shape::default() });
    assert_eq!(only(&world.run(&[task], &COMPARE)).ending.word(), "differs");
}

#[test]
fn bless_records_transcript_and_measurements_and_nothing_else() {
    let world = World::new();
    let (task, other) = (world.prebuilt("a", ALL), world.prebuilt("b", ALL));
    let unrecorded = world.run(std::slice::from_ref(&task), &COMPARE);
    assert!(only(&unrecorded).ending.detail().contains("--bless"), "{:?}", only(&unrecorded).ending);
    world.bless(&[task.clone(), other]);
    let dir = world.baseline("a");
    let mut names: Vec<_> =
        fs::read_dir(&dir).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, [measured::FILE, SNAPSHOT, transcript::FILE]);

    let (before, other_before) = (fs::read(dir.join(transcript::FILE)).unwrap(), files(&world, "b"));
    world.behave("a", Behaviour::Says("one: new"));
    let report = world.run(&[task], &RunOptions { mode: Mode::Bless, ..COMPARE });
    assert_eq!((words(&report), report.exit), (vec!["blessed"], Exit::Success));
    assert_ne!(fs::read(dir.join(transcript::FILE)).unwrap(), before);
    assert_eq!(files(&world, "b"), other_before);
}

#[test]
fn compare_and_check_write_nothing_into_the_baseline() {
    let world = World::new();
    let task = world.prebuilt("a", ALL);
    world.bless(std::slice::from_ref(&task));
    let before = files(&world, "a");
    world.behave("a", Behaviour::Says("one: something is odd"));
    for mode in [Mode::Compare, Mode::Check] {
        assert_eq!(
            only(&world.run(std::slice::from_ref(&task), &RunOptions { mode, ..COMPARE })).ending.word(),
            "differs"
        );
        assert_eq!(files(&world, "a"), before);
    }
}

#[test]
fn bless_records_no_machine_that_went_wrong() {
    let world = World::new();
    let task = world.prebuilt("a", ALL);
    world.bless(std::slice::from_ref(&task));
    let before = files(&world, "a");
    for behaviour in [Behaviour::Panics, Behaviour::Hangs, Behaviour::Unconfirmed, Behaviour::ShortOfAStep] {
        world.behave("a", behaviour);
        let report = world.run(std::slice::from_ref(&task), &RunOptions { mode: Mode::Bless, ..COMPARE });
        assert_eq!(report.exit, Exit::Machine);
        assert_eq!(files(&world, "a"), before);
    }
}

#[test]
fn a_pair_without_a_baseline_is_measured() {
    let world = World::new();
    let mut task = world.prebuilt("pair", ALL);
    task.scenario.dir = None;
    let report = world.run(&[task], &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["measured"], Exit::Success));
    assert_eq!(only(&report).seen.as_ref().unwrap().modules.len(), 2);
}

#[test]
fn a_boot_with_kvm_never_judges_a_baseline() {
    let mut world = World::new();
    let task = world.prebuilt("a", ALL);
    world.bless(std::slice::from_ref(&task));
    world.accel = vm::AccelRequest::Kvm;
    let report = world.run(&[task], &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["unavailable"], Exit::Environment));
    assert!(only(&report).ending.detail().contains("never judges"), "{:?}", only(&report).ending);
}

#[test]
fn kernels_of_another_encoder_are_compared_as_its_order_of_types_allows() {
    let mut world = World::new();
    let task = world.built("a", "grow", "compatible");
    world.bless(std::slice::from_ref(&task));
    let (name, sha256) = ("my-pahole".to_owned(), util::Sha256::of(b"x"));
    let identity = format!("{name} sha256 {sha256}");
    for kernel in ["strict/first", "strict/grow"] {
        world.kernels.shape(kernel, Shape { encoder: Some(identity.clone()), ..Shape::default() });
    }
    let encoder = Encoder { name, program: "/my-pahole".into(), sha256 };
    world.encoding = Some(Encoding { encoder, order: TypeOrder::Own });
    let report = world.run(std::slice::from_ref(&task), &COMPARE);
    let scenario = only(&report);
    assert_eq!(scenario.ending, Ending::Pass);
    assert!(scenario.notes.iter().any(|note| note.contains("my-pahole")), "{:?}", scenario.notes);
    world.behave("a@6.1", Behaviour::Says("BPF: something is odd"));
    let report = world.run(&[task], &COMPARE);
    let scenario = only(&report);
    assert_eq!(scenario.ending, Ending::Pass, "what became of each module is the same");
    let note = "only the outcome for each module's BTF is compared";
    assert!(scenario.notes.iter().any(|it| it.contains(note)), "{:?}", scenario.notes);
}

#[test]
fn modules_that_we_encode_need_the_kernel_and_its_debug_information() {
    let world = World::new();
    let scenario = world.scenario(
        "encoded",
        "title = \"t\"\nabout = \"a\"\n[boot]\nrunning = \"6.1.0-55-cloud-amd64\"\n\
         modules-of = { release = \"6.1.0-56-cloud-amd64\", encoder = \"modbtf\" }\nload = \"all\"\nmemory-mib = 512\n",
    );
    let mut shape = Shape::default();
    shape.modules.iter_mut().for_each(|module| module.has_btf = false);
    world.kernels.shape("6.1.0-56-cloud-amd64", shape);
    let task = Task::new(scenario, &kernels::pins::Pins::builtin().unwrap());
    assert!(matches!(&task.kernels, Some(Pair { running: Ok(_), modules_of: Ok(_) })));
    let report = world.run(std::slice::from_ref(&task), &RunOptions { mode: Mode::Bless, ..COMPARE });
    assert_eq!(only(&report).ending, Ending::Blessed);
    let encoder = only(&report).seen.as_ref().unwrap().provenance.modules_of.encoder.clone().unwrap();
    assert_eq!(encoder.name, "modbtf");
    let calls = world.kernels.calls.lock().unwrap().clone();
    assert_eq!(calls, ["package 6.1.0-55-cloud-amd64", "package 6.1.0-56-cloud-amd64", "debug 6.1.0-56-cloud-amd64"]);

    // A module with BTF but without debug information must not be loaded with its original BTF.
    world.kernels.shape("6.1.0-56-cloud-amd64", Shape::default());
    let report = world.run(&[task], &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["environment"], Exit::Environment));
}

fn files(world: &World, scenario: &str) -> Vec<Vec<u8>> {
    let dir = world.baseline(scenario);
    [measured::FILE, SNAPSHOT, transcript::FILE].map(|name| fs::read(dir.join(name)).unwrap()).into()
}

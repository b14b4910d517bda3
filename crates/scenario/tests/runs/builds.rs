//! Tests of build scenarios.

use std::fs;

use cli::Exit;
use kernels::kbuild::Encoder;
use scenario::baseline::TypeOrder;
use scenario::exit::Ending;
use scenario::run::{Encoding, Mode, RunOptions, Task};
use scenario::transcript;

use super::world::{COMPARE, SERIES, World, only, words};

fn says(world: &World, status: i32, lines: &[&str]) {
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    world.kernels.commands.lock().unwrap().insert("make modules".into(), (status, lines));
}

#[test]
fn a_build_is_compared_and_its_folder_kept_where_it_differs() {
    let world = World::new();
    let task = world.build("b");
    says(&world, 0, &["  CC [M]  fs/made.o"]);
    world.bless(std::slice::from_ref(&task));
    let report = world.run(std::slice::from_ref(&task), &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["pass"], Exit::Success));
    assert_eq!(*world.progress.lock().unwrap(), ["b@6.1:   CC [M]  fs/made.o", "pass b@6.1"]);
    assert!(world.kept().is_empty());

    says(&world, 0, &["  CC [M]  fs/other.o"]);
    let report = world.run(std::slice::from_ref(&task), &RunOptions { mode: Mode::Check, ..COMPARE });
    assert_eq!((words(&report), report.exit), (vec!["differs"], Exit::Failed));
    assert!(world.kept().is_empty());
    let report = world.run(&[task], &COMPARE);
    let kept = only(&report).kept.clone().unwrap();
    assert!(kept.join(transcript::FILE).is_file() && kept.join("snapshot.txt").is_file());
    assert_eq!(world.kept(), ["b@6.1"]);
}

#[test]
fn a_build_that_passes_is_kept_on_request() {
    let world = World::new();
    let task = world.build("b");
    world.bless(std::slice::from_ref(&task));
    let report = world.run(&[task], &RunOptions { keep: true, ..COMPARE });
    assert!(only(&report).ending == Ending::Pass && only(&report).kept.is_some());
}

#[test]
fn a_command_that_fails_unexpectedly_differs_and_is_not_recorded() {
    let world = World::new();
    let task = world.build("b");
    world.bless(std::slice::from_ref(&task));
    let recorded = world.baseline("b@6.1").join(transcript::FILE);
    let before = fs::read(&recorded).unwrap();
    says(&world, 2, &["make: *** [fs/made.ko] Error 1"]);
    for mode in [Mode::Compare, Mode::Bless] {
        let report = world.run(std::slice::from_ref(&task), &RunOptions { mode, ..COMPARE });
        assert_eq!((words(&report), report.exit), (vec!["differs"], Exit::Failed), "{mode:?}");
        assert_eq!(fs::read(&recorded).unwrap(), before);
    }
}

#[test]
fn a_build_about_pahole_is_not_run_with_another_encoder() {
    let mut world = World::new();
    let name = format!("p@{SERIES}");
    let scenario = world.scenario(
        &name,
        &format!(
            "title = \"t\"\nabout = \"a\"\nlines = [\"{SERIES}\"]\n[build]\nconfig = \"strict\"\nstart = \"built\"\n\
             [[build.step]]\ntitle = \"s\"\nwhy = \"w\"\nrun = [\"make\", \"olddefconfig\"]\npahole = {{ reports = \"v1.18\" }}\n"
        ),
    );
    let tasks = [Task::new(scenario, &kernels::pins::Pins::builtin().unwrap()), world.build("b")];
    world.bless(&tasks);
    let encoder = Encoder { name: "other".into(), program: "/other".into(), sha256: util::Sha256::of(b"x") };
    world.encoding = Some(Encoding { encoder, order: TypeOrder::Paholes });
    let report = world.run(&tasks, &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["not run", "pass"], Exit::Success));
    let report = world.run(&tasks[..1], &COMPARE);
    assert_eq!(report.exit, Exit::Environment, "where nothing was run, nothing was shown");
}

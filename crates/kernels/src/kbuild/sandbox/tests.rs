//! Tests of the build sandbox: copies of a base tree, commands in them, and cleaning up after a drop or a kill.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::*;
use crate::cache::Directories as _;
use crate::kbuild::testing::Bed;
use crate::source::Source;

/// Runs `work` with the setup of a sandbox that has the whole tree of the first build.
fn on_bed<T>(bed: &Bed, work: impl FnOnce(&BuildEnv<'_>, Setup<'_>) -> T) -> T {
    let context = bed.fixture.context();
    let build_env = bed.fake.build_env(&context);
    let source: Source = bed.source(&build_env).unwrap();
    work(&build_env, Setup::new(bed.request(&source, None)))
}

fn shell(script: &str) -> Command {
    let argv = ["/bin/sh", "-c", script].map(str::to_owned).into();
    Command { argv, env: Vec::new(), reproducible: true }
}

fn run(sandbox: &BuildSandbox<'_>, command: &Command) -> Result<Ran, Error> {
    sandbox.run(command, &mut |_| {})
}

fn benches(bed: &Bed) -> usize {
    fs::read_dir(bed.fixture.context().cache.benches()).unwrap().count()
}

#[test]
fn sandbox_is_a_copy_that_changes_nothing_in_the_cache_and_is_removed_when_dropped() {
    let bed = Bed::new();
    on_bed(&bed, |build_env, setup| {
        let writable = vec!["fs/fuse".to_owned()];
        let sandbox = BuildSandbox::open(build_env, &Setup { writable, ..setup.clone() }).unwrap();
        assert_eq!(bed.fake.calls(), ["import", "configure", "make", "collect", "patch", "copy"]);
        let shared = &setup.request.source.tree;
        let inode = |path: PathBuf| fs::metadata(path).unwrap().ino();
        let is_shared = |file: &str| inode(sandbox.source().join(file)) == inode(shared.join(file));
        assert!(is_shared("Makefile") && !is_shared("fs/fuse/dev.c"));

        let time = |path: PathBuf| fs::metadata(path).unwrap().modified().unwrap();
        assert_eq!(time(sandbox.source().join("fs/fuse/dev.c")), time(shared.join("fs/fuse/dev.c")));
        let before = time(shared.join("Makefile"));
        sandbox.touch(Place::Source, "Makefile").unwrap();
        assert!(!is_shared("Makefile") && time(sandbox.source().join("Makefile")) > before);
        assert_eq!(time(shared.join("Makefile")), before);
        assert_eq!(fs::read(sandbox.source().join("Makefile")).unwrap(), fs::read(shared.join("Makefile")).unwrap());

        let tree = crate::kbuild::output_tree(build_env, &setup.request).unwrap().unwrap();
        let built = time(tree.join("vmlinux"));
        assert_eq!(time(sandbox.tree().join("vmlinux")), built, "kbuild finds it up to date");
        sandbox.touch(Place::Tree, "vmlinux").unwrap();
        fs::write(sandbox.tree().join("vmlinux"), "x").unwrap();
        assert_eq!(time(tree.join("vmlinux")), built);
        sandbox.touch(Place::External, "probe/Kbuild").unwrap();
    });
    assert_eq!(benches(&bed), 0);
}

#[test]
fn run_returns_a_failed_command_as_data_and_shows_its_lines_as_they_come() {
    let bed = Bed::new();
    on_bed(&bed, |build_env, setup| {
        let sandbox = BuildSandbox::open(build_env, &setup).unwrap();
        let mut seen = Vec::new();
        let ran = sandbox.run(&shell("echo a; echo b >&2; exit 3"), &mut |line| seen.push(line.to_owned())).unwrap();
        assert_eq!((ran.status, ran.lines.as_slice()), (3, ["a".to_owned(), "b".to_owned()].as_slice()));
        assert_eq!(ran.times, Times { real: 1.5, user: 2.0, system: 0.25 });
        assert_eq!(seen, ran.lines);
        assert!(!ran.succeeded() && run(&sandbox, &shell("exit 0")).unwrap().succeeded());
    });
}

#[test]
fn run_fails_for_a_full_disk_a_stop_and_a_silent_engine() {
    let bed = Bed::new();
    on_bed(&bed, |build_env, setup| {
        let sandbox = BuildSandbox::open(build_env, &setup).unwrap();
        let full = "ld: final link failed: No space left on device";
        assert!(matches!(
            run(&sandbox, &shell(&format!("echo {full}; exit 1"))),
            Err(Error::Container(container::Error::DiskFull { .. }))
        ));
        assert!(run(&sandbox, &shell(&format!("echo {full}"))).is_ok(), "it went well all the same");
        bed.fake.set("mute", Some(""));
        assert!(matches!(run(&sandbox, &shell("exit 0")), Err(Error::Unreadable { .. })));
        bed.fake.set("mute", None);
        bed.fake.calls();
        thread::scope(|scope| {
            let hanging = scope.spawn(|| run(&sandbox, &Command::make(&["hangs"])));
            while !fs::read_to_string(bed.fixture.path().join("calls")).unwrap_or_default().contains("make") {
                thread::sleep(Duration::from_millis(5));
            }
            bed.fixture.cancel();
            assert!(matches!(hanging.join().unwrap(), Err(Error::Container(container::Error::Cancelled { .. }))));
        });
        build_env.context.cancel.store(false, Ordering::Relaxed);
    });
    assert_eq!(benches(&bed), 0);
}

#[test]
fn sandbox_begins_with_the_requested_part_of_the_tree() {
    let bed = Bed::new();
    on_bed(&bed, |build_env, setup| {
        let open = |start| BuildSandbox::open(build_env, &Setup { start, ..setup.clone() });
        let listing = |sandbox: &BuildSandbox<'_>| -> Vec<String> {
            let entries = fs::read_dir(sandbox.tree()).unwrap();
            let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        };
        let configured = open(Start::Configured).unwrap();
        assert_eq!(bed.fake.calls(), ["import", "patch", "configure"], "no kernel was built");
        assert_eq!(listing(&configured), [".config"]);
        let text = fs::read_to_string(configured.tree().join(".config")).unwrap();

        let sandbox = open(Start::BuiltWithout(vec!["vmlinux".into()])).unwrap();
        assert_eq!(listing(&sandbox), [".config", "include"]);
        bed.fake.calls();
        let again = open(Start::Configured).unwrap();
        assert_eq!(bed.fake.calls(), ["patch"], "the build's configuration");
        assert_eq!(fs::read_to_string(again.tree().join(".config")).unwrap(), text);
        for bad in ["vmlinux.old", "../vmlinux", "/vmlinux", ""] {
            let error = open(Start::BuiltWithout(vec![bad.into()])).unwrap_err();
            assert!(matches!(error, Error::BadSandbox { .. }), "{bad}: {error}");
        }
    });
}

#[test]
fn sandbox_applies_upgrade_and_patch_and_a_patch_that_does_not_apply_leaves_nothing() {
    let bed = Bed::new();
    on_bed(&bed, |build_env, setup| {
        let request = Request { upgrade: Some("grow"), ..setup.request };
        let sandbox = BuildSandbox::open(build_env, &Setup { patch: Some("undo"), ..Setup::new(request) }).unwrap();
        assert!(sandbox.source().join("changed").is_file() && !setup.request.source.tree.join("changed").exists());
        let error = BuildSandbox::open(build_env, &Setup { patch: Some("misfit"), ..setup.clone() }).unwrap_err();
        assert!(error.to_string().contains("cannot apply the upgrade misfit to 6.1 6.1.192"), "{error}");
        assert_eq!(benches(&bed), 1);
        let error = BuildSandbox::open(build_env, &Setup { patch: Some("gone"), ..setup.clone() }).unwrap_err();
        assert!(matches!(error, Error::UnknownName { .. }), "{error}");
    });
}

#[test]
fn sandboxes_coexist_with_each_other_and_a_build_and_abandoned_ones_are_removed() {
    let bed = Bed::new();
    bed.build(None).unwrap();
    let dead = bed.fixture.context().cache.benches().join("dead");
    fs::create_dir(&dead).unwrap();
    fs::write(dead.join(".lock"), "").unwrap();
    on_bed(&bed, |build_env, setup| {
        let _building = build_env.context.cache.lock(&build_env.context.monitor()).unwrap();
        let one = BuildSandbox::open(build_env, &setup).unwrap();
        let other = BuildSandbox::open(build_env, &setup).unwrap();
        assert!(!dead.exists());
        run(&one, &shell("echo one > vmlinux")).unwrap();
        assert_eq!(run(&other, &shell("cat vmlinux")).unwrap().lines[0], "CONFIG_A=y");
        assert_eq!(benches(&bed), 2);
    });
}

#[test]
fn config_files_keep_their_permissions_and_remain() {
    let bed = Bed::new();
    on_bed(&bed, |build_env, setup| {
        let file = |name: &str| File { name: name.into(), text: "#!/bin/sh\necho v1.18\n".into(), mode: 0o755 };
        let sandbox = BuildSandbox::open(build_env, &Setup { files: vec![file("pahole")], ..setup.clone() }).unwrap();
        let path = sandbox.recipe().join("pahole");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
        let mounted = sandbox.mounts().into_iter().find(|mount| mount.inside == Path::new("/recipe")).unwrap();
        assert!(mounted.path == sandbox.recipe() && !mounted.writable);
        let error =
            BuildSandbox::open(build_env, &Setup { files: vec![file("../pahole")], ..setup.clone() }).unwrap_err();
        assert!(matches!(error, Error::BadSandbox { .. }), "{error}");
    });
}

//! Tests with shell scripts as engines: which one is chosen, which commands it gets, which containers are removed.

use std::process::Command;

use super::{Engine, EngineChoice, Mount, RunSpec, SelectedEngine, choose, leftover, owner, prepare, probe, verdict};
use crate::Class;
use crate::context::Context;
use crate::error::{Error, Rejected};
use crate::testing::{Fixture, Log};

/// A fake podman without images that runs containers only with the runtimes in `works`.
fn fake_podman(works: &str) -> String {
    format!(
        r#"case "$*" in
--version) echo podman version 9.9;;
*"image inspect"*) exit 125;;
*" import "*) echo imported;;
*" ps "*) :;;
--runtime\ {works}\ run*) exit 0;;
*" run "*) echo 'Error: OCI runtime error' >&2; echo 'Error: cgroups in hybrid mode not supported' >&2; exit 126;;
*" rm "*) exit 0;;
*) exit 64;;
esac"#
    )
}

#[test]
fn the_runtime_that_really_runs_is_chosen_and_the_other_keeps_its_reason() {
    let fixture = Fixture::new();
    fixture.program("podman", &fake_podman("runc"));
    fixture.program("crun", "exit 0");
    fixture.program("runc", "exit 0");
    let choice = choose(&fixture.context(), EngineChoice::Auto).unwrap();
    assert!(
        matches!(&choice.engine, Engine::Podman { runtime, version, .. } if runtime == "runc" && version == "podman version 9.9")
    );
    let rejected =
        Rejected { what: "podman with crun".into(), why: "Error: cgroups in hybrid mode not supported".into() };
    assert_eq!(choice.rejected, [rejected]);
}

#[test]
fn a_verdict_is_remembered_until_the_engine_changes() {
    let fixture = Fixture::new();
    fixture.program("podman", &fake_podman("runc"));
    fixture.program("runc", "exit 0");
    let first = choose(&fixture.context(), EngineChoice::Auto).unwrap();

    let log = Log::default();
    let report = |progress| log.push(progress);
    let context = Context { progress: &report, ..fixture.context() };
    assert_eq!(choose(&context, EngineChoice::Auto).unwrap(), first);
    assert_eq!(log.take(), [], "a remembered verdict needs no probe");

    fixture.program("podman", "exit 1 # broken by an upgrade");
    let error = choose(&context, EngineChoice::Auto).unwrap_err();
    assert!(matches!(error, Error::NoEngine { .. }), "{error}");
}

#[test]
fn docker_without_its_daemon_is_rejected_and_nothing_falls_back_to_the_host() {
    let fixture = Fixture::new();
    fixture.program("docker", "case \"$*\" in --version) echo Docker version 1;; *) echo 'Cannot connect to the Docker daemon' >&2; exit 1;; esac");
    fixture.program("qemu-system-x86_64", "exit 0");
    let error = choose(&fixture.context(), EngineChoice::Auto).unwrap_err();
    assert_eq!(error.class(), Class::Environment);
    let text = error.to_string();
    for part in
        ["podman: not installed", "Cannot connect to the Docker daemon", "install podman and runc", "--engine host"]
    {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    assert_eq!(choose(&fixture.context(), EngineChoice::Host).unwrap().engine, Engine::Host);
}

#[test]
fn without_leave_to_install_the_command_is_told() {
    let fixture = Fixture::new();
    let context = Context { install: false, ..fixture.context() };
    let error = prepare(&context, EngineChoice::Auto).unwrap_err();
    assert_eq!(error.class(), Class::Environment);
    let text = error.to_string();
    assert!(text.contains("podman") && text.contains("runc"), "{text}");
}

#[test]
fn a_run_is_limited_labelled_and_mounted_at_the_same_path() {
    let engine = Engine::Podman { program: "/p".into(), runtime: "runc".into(), version: String::new() };
    let spec = RunSpec {
        image: "localhost/i:1".into(),
        argv: vec!["qemu".into(), "-x".into()],
        mounts: vec![Mount::read_only("/a b"), Mount::writable("/c")],
        workdir: "/c".into(),
        env: vec![("K".into(), "v".into())],
        devices: vec!["/dev/kvm".into()],
        network: false,
    };
    let mut invocation = engine.command(&spec).unwrap();
    invocation.guard.ended(Some(0)).unwrap();
    let arguments: Vec<_> = invocation.command.get_args().map(|argument| argument.to_str().unwrap()).collect();
    let text = arguments.join(" ");
    assert!(text.starts_with("--runtime runc run --rm --name modbtf-"), "{text}");
    assert!(text.ends_with("--workdir /c localhost/i:1 qemu -x"), "{text}");
    for part in [
        "--network=none",
        "--pull=never",
        "--ulimit nofile=",
        "--ulimit nproc=",
        "--device /dev/kvm",
        "--env K=v",
        "--label modbtf.owner=",
    ] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    assert!(arguments.contains(&"/a b:/a b:ro") && arguments.contains(&"/c:/c"), "{text}");

    let bad = RunSpec { mounts: vec![Mount::writable("/a:b")], ..spec };
    assert!(matches!(engine.command(&bad), Err(Error::BadPath { .. })));
}

#[test]
fn the_host_runs_the_program_itself() {
    let spec = RunSpec { argv: vec!["/bin/pwd".into()], workdir: "/".into(), ..RunSpec::default() };
    let output = Engine::Host.command(&spec).unwrap().command.output().unwrap();
    assert_eq!(output.stdout, b"/\n");
}

#[test]
fn a_dropped_guard_removes_its_container_and_one_that_ended_does_not() {
    let fixture = Fixture::new();
    let log = fixture.path().join("log");
    let program = fixture.program("podman", &format!("echo \"$*\" >> {}", log.display()));
    let engine = Engine::Podman { program, runtime: "runc".into(), version: String::new() };
    let spec = RunSpec { image: "i".into(), argv: vec!["x".into()], workdir: "/".into(), ..RunSpec::default() };
    let mut ended = engine.command(&spec).unwrap();
    ended.guard.ended(Some(33)).unwrap();
    drop(ended);
    assert!(!log.exists());
    for code in [None, Some(125)] {
        let mut failed = engine.command(&spec).unwrap();
        failed.guard.ended(code).unwrap();
        assert!(std::fs::read_to_string(&log).unwrap().contains(&failed.guard.name), "{code:?}");
        std::fs::remove_file(&log).unwrap();
    }
    let dropped = engine.command(&spec).unwrap();
    let name = dropped.guard.name.clone();
    drop(dropped);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), format!("--runtime runc rm --force --time 0 --ignore {name}\n"));
}

#[test]
fn a_container_that_cannot_be_removed_at_once_is_tried_once_more() {
    let fixture = Fixture::new();
    let log = fixture.path().join("log");
    let tries = |good: u32| {
        let script = format!("echo x >> {0}; [ $(wc -l < {0}) -ge {good} ]", log.display());
        let program = fixture.program("podman", &script);
        let engine = Engine::Podman { program, runtime: "runc".into(), version: String::new() };
        let removed = engine.remove_container("c").is_ok();
        let lines = std::fs::read_to_string(&log).unwrap().lines().count();
        std::fs::remove_file(&log).unwrap();
        (removed, lines)
    };
    assert_eq!([tries(1), tries(2), tries(3)], [(true, 1), (true, 2), (false, 2)]);
}

#[test]
fn containers_of_dead_owners_are_removed_and_others_are_not() {
    let fixture = Fixture::new();
    let log = fixture.path().join("log");
    let alive = owner::owner();
    let dead = alive.rsplit_once('.').unwrap().0.to_owned() + ".1";
    let script = format!(
        "case \"$*\" in *\" ps \"*) echo old {dead}; echo mine {alive}; echo other 5.1.1;; *) echo \"$*\" >> {};; esac",
        log.display()
    );
    let program = fixture.program("podman", &script);
    let engine = Engine::Podman { program, runtime: "runc".into(), version: String::new() };
    assert_eq!(leftover::remove(&fixture.context(), &engine).unwrap(), ["old"]);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "--runtime runc rm --force --time 0 --ignore old\n");
}

#[test]
fn the_probe_is_a_program_that_exits_with_0_in_a_well_formed_archive() {
    let fixture = Fixture::new();
    let archive = probe::archive_of_probe();
    let path = fixture.path().join("probe.tar");
    std::fs::write(&path, archive).unwrap();
    let unpacked = Command::new("tar").arg("-xf").arg(&path).arg("-C").arg(fixture.path()).status().unwrap();
    assert!(unpacked.success());
    assert!(Command::new(fixture.path().join("true")).status().unwrap().success());
}

#[test]
fn an_engine_that_has_stopped_working_since_is_left_for_another() {
    let fixture = Fixture::new();
    fixture.program("podman", &fake_podman("runc"));
    fixture.program("runc", "exit 0");
    let stopped = fixture.path().join("stopped");
    let docker =
        format!("[ -e {} ] && echo 'Cannot connect to the Docker daemon' >&2 && exit 1; exit 0", stopped.display());
    fixture.program("docker", &docker);
    let context = fixture.context();
    let docker = Engine::Docker { program: fixture.path().join("bin/docker"), version: String::new() };
    let key = verdict::key(&context.programs, EngineChoice::Auto);
    verdict::remember(&context, key, &SelectedEngine { engine: docker.clone(), rejected: Vec::new() }).unwrap();
    assert_eq!(prepare(&context, EngineChoice::Auto).unwrap().engine, docker);
    std::fs::write(&stopped, "").unwrap();
    assert_eq!(prepare(&context, EngineChoice::Auto).unwrap().engine.name(), "podman");
}

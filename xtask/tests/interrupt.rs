//! A test of a second Ctrl-C on `cargo xtask`: it ends the program at once, even while the first one has to wait.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// A limit that suffices on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// A podman that reports a container whose owner is dead. Removing that container takes longer than any test may.
/// xtask does not stop a removal at the first Ctrl-C.
const PODMAN: &str = r#"#!/bin/sh
case "$*" in
*" ps "*) echo "leftover $(readlink /proc/self/ns/pid | tr -dc 0-9).4194305.1";;
*" rm "*) echo $$ > DIR/pid.new; mv DIR/pid.new DIR/pid; exec sleep 600;;
esac
"#;

#[test]
fn a_second_interrupt_ends_xtask_while_a_container_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    program(&dir.path().join("podman"), &PODMAN.replace("DIR", dir.path().to_str().unwrap()));
    program(&dir.path().join("crun"), "#!/bin/sh\n");
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
    let mut xtask = Ended(
        Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["kernel", "build", "6.1", "--engine", "podman", "--no-install", "--offline"])
            .env("PATH", path)
            .env("MODBTF_CACHE", dir.path().join("cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let lines = BufReader::new(xtask.0.stderr.take().unwrap()).lines();
    let id = Pid::from_child(&xtask.0);
    let removal = removal(dir.path(), &mut xtask.0);

    kill_process(id, Signal::INT).unwrap();
    let said: Vec<_> = lines.map_while(Result::ok).take_while(|line| !line.contains("Ctrl-C again")).collect();
    assert_eq!(xtask.0.try_wait().unwrap(), None, "the first Ctrl-C waits for the removal: {said:?}");

    kill_process(id, Signal::INT).unwrap();
    let status = wait(&mut xtask.0);
    let still_removing = test_kill_process(removal).is_ok();
    let _ = kill_process(removal, Signal::KILL);
    assert_eq!(status, Some(130), "{said:?}");
    assert!(still_removing, "xtask ended only after the removal");
}

/// Writes a script. Another process does it: if this one did, a concurrent fork could keep the file busy.
fn program(path: &Path, script: &str) {
    let write = ["-c", "printf %s \"$1\" > \"$2\"", "sh", script];
    assert!(Command::new("sh").args(write).arg(path).status().unwrap().success());
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Waits for the removal of the container, and returns its process.
fn removal(dir: &Path, xtask: &mut Child) -> Pid {
    let begun = Instant::now();
    while begun.elapsed() < LONG {
        if let Ok(pid) = fs::read_to_string(dir.join("pid")) {
            return Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        }
        assert_eq!(xtask.try_wait().unwrap(), None, "xtask ended before the removal");
        sleep(Duration::from_millis(20));
    }
    panic!("xtask removed no container");
}

/// The exit code, or `None` after [`LONG`].
fn wait(xtask: &mut Child) -> Option<i32> {
    let begun = Instant::now();
    while begun.elapsed() < LONG {
        if let Some(status) = xtask.try_wait().unwrap() {
            return status.code();
        }
        sleep(Duration::from_millis(20));
    }
    None
}

/// Kills a process that a failed test would leave.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

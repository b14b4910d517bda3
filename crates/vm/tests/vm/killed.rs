//! Tests that a killed program leaves no QEMU behind, whichever thread started it.

use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use crate::fake::{Fake, boot, is_alive};
use tempfile::TempDir;

const FILE: &str = "VM_TEST_PID_FILE";

/// The program to kill: it boots in a thread, with a script in place of QEMU that writes its process id to a file.
#[test]
fn helper_boots_until_it_is_killed() {
    let Some(file) = env::var_os(FILE) else { return };
    let file = file.into_string().unwrap();
    let boot_it = move || {
        let directory = TempDir::new().unwrap();
        let fake = Fake::new(format!("echo $$ >'{file}.new'; mv '{file}.new' '{file}'; exec sleep 1000"));
        vm::boot(&boot(&directory, 1), &fake, &AtomicBool::new(false), &mut |_| {})
    };
    thread::spawn(boot_it).join().unwrap().unwrap();
}

#[test]
fn killed_program_leaves_no_qemu() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("pid");
    let mut helper = Command::new(env::current_exe().unwrap());
    helper.args(["--exact", "killed::helper_boots_until_it_is_killed"]).env(FILE, &file).stdout(Stdio::null());
    let mut helper = helper.env("TMPDIR", directory.path()).spawn().unwrap();
    let begun = Instant::now();
    while !file.exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never ran");
        thread::sleep(Duration::from_millis(5));
    }
    let stat = fs::read_to_string(&file).unwrap();
    assert!(fs::exists(format!("/proc/{}", stat.trim())).unwrap());
    helper.kill().unwrap();
    helper.wait().unwrap();
    assert!(!is_alive(&file), "QEMU outlives the program");
}

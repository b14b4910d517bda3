//! Starting programs that end when this one ends, for any reason.
//!
//! A program that is killed by SIGKILL cannot end its children. A parent-death signal (`PR_SET_PDEATHSIG`) depends on
//! the thread that spawned the child, not on the program, and setting it between fork and exec is unsafe code. So the
//! child is started by a shell that holds one end of a socket pair; this program holds the other. When this program's
//! end is closed, by dropping [`Lifeline`] or by the system when the program ends, a background process sees the end
//! of the stream and kills its process group.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Starts the program in its arguments with empty standard input. Processes that inherit descriptor 3 keep the socket
/// open.
const SCRIPT: &str = r#"exec 3<&0 </dev/null
(read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 &
exec "$@""#;

/// This program's end of the socket pair. While it is open, the started program may run.
#[derive(Debug)]
pub struct Lifeline(UnixStream);

/// A command that runs `program` in its own process group, and the lifeline of that group. The caller must not change
/// the command's standard input; the program's own standard input is empty. The caller adds arguments and everything
/// else. If the program cannot be started, the exit code is 126 or 127, as in any shell.
///
/// # Errors
///
/// The socket pair could not be created.
pub fn command(program: impl AsRef<OsStr>) -> io::Result<(Command, Lifeline)> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "sh"]).arg(program).stdin(OwnedFd::from(theirs)).process_group(0);
    Ok((command, Lifeline(ours)))
}

impl Lifeline {
    /// Waits until no process of the group is left. Drop the [`Command`] first, because it also holds the other end.
    /// Returns whether the group disappeared within the limit.
    ///
    /// # Errors
    ///
    /// An error of `poll(2)`.
    pub fn wait_until_gone(&self, limit: Duration) -> io::Result<bool> {
        let limit = Timespec { tv_sec: limit.as_secs().cast_signed(), tv_nsec: limit.subsec_nanos().into() };
        Ok(poll(&mut [PollFd::new(&self.0, PollFlags::HUP)], Some(&limit))? > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Stdio;
    use std::time::Instant;
    use std::{env, fs, thread};

    use super::*;

    const DIR: &str = "UTIL_LIFELINE_TEST_DIR";

    /// A limit that suffices on any machine.
    const LONG: Duration = Duration::from_secs(30);

    /// The program that is killed: one of its threads starts a shell with a child, and then ends.
    #[test]
    fn helper_starts_a_program_and_waits() {
        let Some(dir) = env::var_os(DIR) else { return };
        let spawn = move || {
            let (mut command, lifeline) = command("sh").unwrap();
            let script = "sleep 1000 & echo $! >child; echo $$ >shell.new; mv shell.new shell; wait";
            (command.args(["-c", script]).current_dir(dir).spawn().unwrap(), lifeline)
        };
        let _started = thread::spawn(spawn).join().unwrap();
        thread::sleep(LONG);
    }

    fn wait_for(what: &str, mut is_true: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is_true() {
            assert!(begun.elapsed() < LONG, "{what}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn is_alive(file: &Path) -> bool {
        let pid = fs::read_to_string(file).unwrap();
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        // A zombie is dead; only its parent has not noticed yet.
        !stat.is_empty() && !stat.contains(") Z ") && !stat.contains(") X ")
    }

    #[test]
    fn command_dies_with_this_program_and_not_with_the_thread_that_spawned_it() {
        let dir = tempfile::tempdir().unwrap();
        let name = "lifeline::tests::helper_starts_a_program_and_waits";
        let mut helper = Command::new(env::current_exe().unwrap());
        helper.args(["--exact", name]).env(DIR, dir.path()).stdout(Stdio::null());
        let mut helper = helper.spawn().unwrap();
        let (shell, child) = (dir.path().join("shell"), dir.path().join("child"));
        wait_for("the program never ran", || shell.exists());
        thread::sleep(Duration::from_millis(200));
        assert!(is_alive(&shell) && is_alive(&child), "the thread that spawned them has ended, the program has not");
        helper.kill().unwrap();
        helper.wait().unwrap();
        wait_for("they outlive the program", || !is_alive(&shell) && !is_alive(&child));
    }

    #[test]
    fn command_is_the_program_with_its_arguments_and_no_input() {
        let dir = tempfile::tempdir().unwrap();
        let (mut command, _lifeline) = command("sh").unwrap();
        command.args(["-c", "cat; printf '%s,' \"$@\"; exit 7", "x", "a b", "", "*"]);
        let output = command.current_dir(dir.path()).output().unwrap();
        assert_eq!((output.status.code(), output.stdout), (Some(7), b"a b,,*,".to_vec()));
    }

    #[test]
    fn drop_kills_what_runs_and_wait_until_gone_sees_it() {
        let (mut command, lifeline) = command("sleep").unwrap();
        let mut child = command.arg("1000").spawn().unwrap();
        drop(command);
        assert!(!lifeline.wait_until_gone(Duration::from_millis(100)).unwrap());
        drop(lifeline);
        let mut status = None;
        wait_for("the program outlives its lifeline", || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        assert_eq!(status.unwrap().code(), None, "the program was killed");
    }

    #[test]
    fn wait_until_gone_ends_with_the_last_process_of_the_group() {
        let (mut command, lifeline) = command("true").unwrap();
        let mut child = command.spawn().unwrap();
        drop(command);
        child.wait().unwrap();
        assert!(
            !lifeline.wait_until_gone(Duration::from_millis(100)).unwrap(),
            "the process that watches the lifeline still exists"
        );
        let group = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
        assert!(lifeline.wait_until_gone(LONG).unwrap());
    }

    #[test]
    fn program_that_is_missing_is_an_exit_code() {
        let (mut command, _lifeline) = command("no-such-program-anywhere").unwrap();
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(127));
        assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-program-anywhere"));
    }
}

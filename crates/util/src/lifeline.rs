//! Programs that do not outlive this one, however it ends.
//!
//! A program that is killed by SIGKILL cannot end what it has started. A parent-death signal (`PR_SET_PDEATHSIG`) follows the
//! thread that spawned, not the program, and setting it between fork and exec is unsafe code. So the program is started through a
//! shell that holds one end of a socket pair, of which this program holds the other. When that is closed, by
//! [`Lifeline`]'s drop or by the system as this program ends, a process in the background reads the end of the stream and
//! kills its process group.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Becomes the program in its arguments, whose standard input is empty. Whoever inherits descriptor 3 holds the socket.
const SCRIPT: &str = r#"exec 3<&0 </dev/null
(read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 &
exec "$@""#;

/// This program's end of the socket pair. While it is open, what was started may run.
#[derive(Debug)]
pub struct Lifeline(UnixStream);

/// A command that runs `program`, in a process group of its own, and the lifeline that the group hangs on. The program's standard
/// input is empty and must stay as it is set; arguments and all else are up to the caller. A program that cannot be
/// started is an exit code of 126 or 127, as in any shell.
///
/// # Errors
///
/// A socket pair could not be made.
pub fn command(program: impl AsRef<OsStr>) -> io::Result<(Command, Lifeline)> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "sh"]).arg(program).stdin(OwnedFd::from(theirs)).process_group(0);
    Ok((command, Lifeline(ours)))
}

impl Lifeline {
    /// Waits until no process of the group is left, killed or ended, waited for or not. The [`Command`] has to be dropped
    /// before, since it holds the other end as well. Whether that came to be within the limit.
    ///
    /// # Errors
    ///
    /// What `poll(2)` says.
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

    /// Long enough for any machine.
    const LONG: Duration = Duration::from_secs(30);

    /// The program that is killed: a thread of it starts a shell with a child, and ends before.
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
        // A zombie is dead: it only waits for its parent to notice.
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
        let id = child.id();
        drop(lifeline);
        assert_eq!(child.wait().unwrap().code(), None, "{id} was killed");
    }

    #[test]
    fn wait_until_gone_ends_with_the_last_process_of_the_group() {
        let (mut command, lifeline) = command("true").unwrap();
        let mut child = command.spawn().unwrap();
        drop(command);
        child.wait().unwrap();
        assert!(!lifeline.wait_until_gone(Duration::from_millis(100)).unwrap(), "what watches is still there");
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

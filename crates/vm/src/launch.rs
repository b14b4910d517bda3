//! Running a command on the host, or wherever the caller's launcher runs it.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use util::lifeline::{self, Lifeline};

use crate::run_dir::RunDir;

/// Runs QEMU between two stamps. It needs only a shell, so the stamps are QEMU's own wherever it runs. QEMU's exit
/// code and output are kept apart from those of the program that runs the shell.
const SCRIPT: &str = r#"run=$1
shift
: >"$run/qemu.started" || exit 125
"$@" >"$run/qemu.log" 2>&1
code=$?
echo "$code" >"$run/qemu.ended"
exit "$code""#;

/// How long a killed process may take to end. A virtual machine's memory is released first.
const DYING: Duration = Duration::from_secs(5);

/// A command, and the host's resources that it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The command, beginning with the program. Every path in it is an absolute path on the host.
    pub argv: Vec<OsString>,
    /// Files that the command reads.
    pub reads: Vec<PathBuf>,
    /// The directory that the command writes to.
    pub writes: PathBuf,
    /// Whether the command uses `/dev/kvm`.
    pub kvm: bool,
    /// The file for the output of the process that the launcher starts.
    pub log: PathBuf,
}

impl Invocation {
    /// A command between two stamps in `run`.
    pub(crate) fn stamped(command: Vec<OsString>, reads: Vec<PathBuf>, kvm: bool, run: &RunDir) -> Self {
        let mut argv: Vec<OsString> = ["sh", "-c", SCRIPT, "qemu-run"].map(OsString::from).into();
        argv.push(run.path().into());
        argv.extend(command);
        Self { argv, reads, writes: run.path().to_owned(), kvm, log: run.launcher_log() }
    }
}

/// Starts commands.
pub trait Launcher: Sync {
    /// Starts a command and returns at once.
    ///
    /// # Errors
    ///
    /// The reason why it could not be started. The text is shown to the user.
    fn spawn(&self, invocation: &Invocation) -> io::Result<Box<dyn Running>>;
}

/// A command that was started. Dropping it kills it.
pub trait Running {
    /// How it ended (`exit status: 125`), or `None` while it runs.
    ///
    /// # Errors
    ///
    /// The state could not be determined.
    fn poll(&mut self) -> io::Result<Option<String>>;

    /// Ends the command and everything that it started, and waits until all of it is gone. Does nothing if it has
    /// ended.
    ///
    /// # Errors
    ///
    /// Some process may be left. The text is shown to the user.
    fn kill(&mut self) -> io::Result<()>;
}

/// Runs commands on the host, each in its own process group. An interrupt from the terminal does not reach the group,
/// a kill reaches all of it, and it ends when this program ends, for any reason.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostLauncher;

impl Launcher for HostLauncher {
    fn spawn(&self, invocation: &Invocation) -> io::Result<Box<dyn Running>> {
        let (program, arguments) =
            invocation.argv.split_first().ok_or_else(|| io::Error::other("the command is empty"))?;
        let log = File::create(&invocation.log)?;
        let (mut command, lifeline) = lifeline::command(program)?;
        let child = command.args(arguments).stdout(log.try_clone()?).stderr(log).spawn()?;
        Ok(Box::new(HostProcess { child, lifeline, status: None }))
    }
}

struct HostProcess {
    child: Child,
    lifeline: Lifeline,
    /// Its exit status, after it was waited for.
    status: Option<ExitStatus>,
}

impl HostProcess {
    /// Kills the group, then waits. The order matters: after its first process was waited for, the group's number may
    /// be reused.
    fn reap(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        let group = Pid::from_child(&self.child);
        match kill_process_group(group, Signal::KILL) {
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
        let status = self.child.wait()?;
        self.status = Some(status);
        self.lifeline.wait_until_gone(DYING)?;
        Ok(status)
    }
}

impl Running for HostProcess {
    fn poll(&mut self) -> io::Result<Option<String>> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let ended = self.status.is_some() || waitid(WaitId::Pid(Pid::from_child(&self.child)), options)?.is_some();
        if ended { self.reap().map(|status| Some(status.to_string())) } else { Ok(None) }
    }

    fn kill(&mut self) -> io::Result<()> {
        self.reap().map(drop)
    }
}

impl Drop for HostProcess {
    fn drop(&mut self) {
        // There is no caller to report an error to.
        let _ = self.reap();
    }
}

//! Running a command somewhere: on the host, or wherever the caller's launcher does.

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

/// Runs QEMU between two stamps. It needs nothing but a shell, so that the stamps are QEMU's own wherever it runs; and
/// it keeps QEMU's exit code and words apart from those of whatever runs the shell.
const SCRIPT: &str = r#"run=$1
shift
: >"$run/qemu.started" || exit 125
"$@" >"$run/qemu.log" 2>&1
code=$?
echo "$code" >"$run/qemu.ended"
exit "$code""#;

/// How long a killed process may take to end: a virtual machine's memory is given back first.
const DYING: Duration = Duration::from_secs(5);

/// A command, and what it needs of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The command, program first. Every path in it is absolute and the host's.
    pub argv: Vec<OsString>,
    /// Files that it reads.
    pub reads: Vec<PathBuf>,
    /// The directory that it writes to.
    pub writes: PathBuf,
    /// Whether it needs `/dev/kvm`.
    pub kvm: bool,
    /// Where the launcher puts what the process that it starts says.
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
    /// Whatever kept it from starting; the text is shown to the user.
    fn spawn(&self, invocation: &Invocation) -> io::Result<Box<dyn Running>>;
}

/// A command that was started. Dropping it kills it.
pub trait Running {
    /// How it ended (`exit status: 125`), or nothing while it runs.
    ///
    /// # Errors
    ///
    /// Whatever kept that from being known.
    fn poll(&mut self) -> io::Result<Option<String>>;

    /// Ends it and everything it started, and waits until nothing of it is left. Harmless where it has ended.
    ///
    /// # Errors
    ///
    /// Something may be left; the text is shown to the user.
    fn kill(&mut self) -> io::Result<()>;
}

/// Runs commands on the host, each in a process group of its own: an interrupt from the terminal does not reach it, a
/// kill takes all of it, and it does not outlive this program, however that ends.
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
    /// How it ended, once it has been waited for.
    status: Option<ExitStatus>,
}

impl HostProcess {
    /// Kills the group, then waits. In this order, since the group's number may be another's once its first process is
    /// waited for.
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
        // There is nobody left to tell.
        let _ = self.reap();
    }
}

//! Running a program in an engine, and making sure that it ends when we do.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Resource, getegid, geteuid, getrlimit};
use util::lifeline::{self, Lifeline};

use super::client::{ANSWER, Engine};
use super::owner;
use crate::cache::check_mountable;
use crate::context::Context;
use crate::error::Error;
use crate::process::{self, Stream, Watch};

/// Open files and processes. They are set even where the default would do, since a runtime that may not raise limits fails to
/// start a container with the engine's defaults.
const LIMITS: [(&str, Resource, u64); 2] = [("nofile", Resource::Nofile, 1024), ("nproc", Resource::Nproc, 4096)];

/// A directory or file that is seen inside, at the same absolute path as outside unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The absolute path outside.
    pub path: PathBuf,
    /// The absolute path inside.
    pub inside: PathBuf,
    /// Whether it can be changed from inside.
    pub writable: bool,
}

impl Mount {
    /// A mount that can only be read.
    #[must_use]
    pub fn read_only(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { inside: path.clone(), path, writable: false }
    }

    /// A mount that can be written.
    #[must_use]
    pub fn writable(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { inside: path.clone(), path, writable: true }
    }

    /// The same, seen inside at this path, so that what is made there does not know where it was made. Not on the host.
    #[must_use]
    pub fn seen_at(self, inside: impl Into<PathBuf>) -> Self {
        Self { inside: inside.into(), ..self }
    }
}

/// What to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunSpec {
    /// The image, as [`crate::image::Image::name`] gives it. The host ignores it.
    pub image: String,
    /// The program and its arguments.
    pub argv: Vec<OsString>,
    /// What is seen from inside. The container's own file system cannot be written, but for `/tmp`.
    pub mounts: Vec<Mount>,
    /// The working directory: absolute, mounted or part of the image.
    pub workdir: PathBuf,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// Devices: `/dev/kvm`.
    pub devices: Vec<PathBuf>,
    /// Whether it can reach the network, which is then the host's.
    pub network: bool,
}

/// A program that can be started, and the right to stop it.
#[derive(Debug)]
pub struct Invocation {
    /// The command: standard input is empty, the other streams are as the caller sets them. It runs in a process group of its
    /// own, so a Ctrl-C on the terminal does not reach it: the caller ends it, by [`Guard::stop`].
    pub command: Command,
    /// Ends the container, should it still run when this is dropped.
    pub guard: Guard,
}

/// Makes sure that a container ends. Killing the client that started it would leave it running.
#[derive(Debug)]
pub struct Guard {
    pub(super) name: String,
    engine: Option<Engine>,
    /// What a program on the host hangs on, which so does not outlive us.
    lifeline: Option<Lifeline>,
}

impl Guard {
    /// To be called when the client has ended by itself, with its exit code if it has one. The container is gone then, unless
    /// the client was killed, which the container does not notice, or failed itself: it may have lost sight of one that runs.
    ///
    /// # Errors
    ///
    /// Those of [`Guard::stop`] where the client was killed. One that failed has told why already.
    pub fn ended(&mut self, code: Option<i32>) -> Result<(), Error> {
        match code {
            None => self.stop(),
            Some(125..=127) => {
                self.stop().unwrap_or_default();
                Ok(())
            }
            Some(_) => {
                self.engine = None;
                Ok(())
            }
        }
    }

    /// Ends the container, if it runs, and removes it. Kill and wait for the client first, so that it cannot start one
    /// after this. On the host it kills what the program has left running.
    ///
    /// # Errors
    ///
    /// [`Error::Start`], [`Error::Failed`], [`Error::TimedOut`] of the engine.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.lifeline = None;
        match self.engine.take() {
            Some(engine) => engine.remove_container(&self.name),
            None => Ok(()),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Nobody is left to tell; the next run removes what this one could not.
        let _ = self.stop();
    }
}

impl Engine {
    /// How to run a program in the engine.
    ///
    /// # Errors
    ///
    /// [`Error::BadPath`] for a path that cannot be mounted, [`Error::NoProgram`] for an empty `argv`, [`Error::NeedsContainer`]
    /// for a mount on the host that is to be seen elsewhere.
    pub fn command(&self, spec: &RunSpec) -> Result<Invocation, Error> {
        let [program, arguments @ ..] = spec.argv.as_slice() else {
            return Err(Error::NoProgram);
        };
        let name = unique_name();
        let mut command = match self.client() {
            None => {
                if let Some(mount) = spec.mounts.iter().find(|mount| mount.inside != mount.path) {
                    return Err(Error::NeedsContainer { path: mount.inside.clone() });
                }
                let (mut command, lifeline) =
                    lifeline::command(program).map_err(|source| start_failed(program, source))?;
                command.args(arguments).envs(spec.env.iter().cloned()).current_dir(&spec.workdir);
                return Ok(Invocation { command, guard: Guard { name, engine: None, lifeline: Some(lifeline) } });
            }
            Some(mut client) => {
                client.args(["run", "--rm", "--name", &name, "--pull=never", "--log-driver=none", "--read-only"]);
                client.arg("--label").arg(format!("{}={}", owner::LABEL, owner::owner()));
                client.args(["--security-opt", "label=disable"]);
                self.add_own_options(&mut client, spec);
                add_options(&mut client, spec)?;
                client.arg(&spec.image).args(&spec.argv);
                client
            }
        };
        command.process_group(0);
        Ok(Invocation { command, guard: Guard { name, engine: Some(self.clone()), lifeline: None } })
    }

    fn add_own_options(&self, command: &mut Command, spec: &RunSpec) {
        let root = geteuid().is_root();
        match self {
            // podman's daemon-less root is the user, and `/tmp` is writable by itself; only crun can keep the groups.
            Self::Podman { runtime, .. } if !root && runtime == "crun" && !spec.devices.is_empty() => {
                command.args(["--group-add", "keep-groups"]);
            }
            Self::Docker { .. } => {
                command.args(["--tmpfs", "/tmp:rw,exec"]);
                if !root {
                    command.arg("--user").arg(format!("{}:{}", geteuid().as_raw(), getegid().as_raw()));
                }
            }
            _ => {}
        }
    }

    /// Removes a container, running or not; one that does not exist counts as removed.
    ///
    /// # Errors
    ///
    /// [`Error::Start`], [`Error::Failed`], [`Error::TimedOut`].
    pub(crate) fn remove_container(&self, name: &str) -> Result<(), Error> {
        match self.try_to_remove_container(name) {
            // One that is ending removes itself, which can make this fail; when it is tried again, it is gone.
            Err(Error::Failed { .. }) => self.try_to_remove_container(name),
            other => other,
        }
    }

    fn try_to_remove_container(&self, name: &str) -> Result<(), Error> {
        let Some(mut command) = self.client() else { return Ok(()) };
        command.args(["rm", "--force"]);
        if matches!(self, Self::Podman { .. }) {
            command.args(["--time", "0", "--ignore"]);
        }
        command.arg(name);
        // Removing is what follows a request to stop: it is not itself stopped by one.
        let never = AtomicBool::new(false);
        match process::capture(command, &format!("remove the container {name}"), ANSWER, &never) {
            Err(Error::Failed { output, .. }) if output.to_lowercase().contains("no such container") => Ok(()),
            other => other.map(drop),
        }
    }
}

fn add_options(command: &mut Command, spec: &RunSpec) -> Result<(), Error> {
    command.arg(if spec.network { "--network=host" } else { "--network=none" });
    for (name, resource, wanted) in LIMITS {
        let limit = getrlimit(resource).maximum.map_or(wanted, |hard| hard.min(wanted));
        command.arg("--ulimit").arg(format!("{name}={limit}:{limit}"));
    }
    for mount in &spec.mounts {
        check_mountable(&mount.path)?;
        check_mountable(&mount.inside)?;
        command.arg("--volume").arg(volume(mount));
    }
    for device in &spec.devices {
        command.arg("--device").arg(device);
    }
    for (name, value) in &spec.env {
        command.arg("--env").arg(format!("{name}={value}"));
    }
    command.arg("--workdir").arg(&spec.workdir);
    Ok(())
}

fn volume(mount: &Mount) -> OsString {
    let mut volume = mount.path.as_os_str().to_owned();
    volume.push(":");
    volume.push(&mount.inside);
    if !mount.writable {
        volume.push(":ro");
    }
    volume
}

fn start_failed(program: &OsStr, source: io::Error) -> Error {
    Error::Start { program: program.to_string_lossy().into_owned(), source }
}

fn unique_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let tail = owner::owner().replace('.', "-");
    format!("modbtf-{tail}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Invocation {
    /// Runs it to its end, giving away each line of its standard output. Of what it says on standard error the end is kept, for
    /// the error.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if it ends with anything but 0, [`Error::Cancelled`], [`Error::Start`].
    pub fn follow(self, context: &Context<'_>, doing: &str, on_line: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let mut on_line = |stream, line: &str| {
            if stream == Stream::Out {
                on_line(line);
            }
        };
        self.run(Watch {
            doing: doing.to_owned(),
            cancel: context.cancel,
            on_line: &mut on_line,
            on_tick: &mut |_| true,
            grace: Duration::ZERO,
        })
    }

    /// Runs it to its end; `watch` sees its lines and decides how long it may take.
    ///
    /// # Errors
    ///
    /// As [`process::run`].
    pub fn run(mut self, watch: Watch<'_>) -> Result<(), Error> {
        let result = process::run(self.command, watch);
        match &result {
            Ok(()) => self.guard.ended(Some(0))?,
            Err(Error::Cancelled { .. }) => self.guard.stop()?,
            // What failed says more than that its container cannot be removed either; the next run tries that again.
            Err(_) => self.guard.stop().unwrap_or_default(),
        }
        result
    }

    /// Runs it to its end, showing nothing.
    ///
    /// # Errors
    ///
    /// As [`process::run`]; [`Error::TimedOut`] after `limit`.
    pub fn run_quietly(self, context: &Context<'_>, doing: &str, limit: Duration) -> Result<(), Error> {
        self.run(Watch {
            doing: doing.to_owned(),
            cancel: context.cancel,
            on_line: &mut |_, _| {},
            on_tick: &mut |elapsed| elapsed < limit,
            grace: Duration::ZERO,
        })
    }

    /// Runs it to its end; returns what it wrote to standard output.
    ///
    /// # Errors
    ///
    /// As [`process::run`]; [`Error::TimedOut`] after `limit`.
    pub fn capture(self, context: &Context<'_>, doing: &str, limit: Duration) -> Result<String, Error> {
        let mut text = String::new();
        let mut on_line = |stream, line: &str| {
            if stream == Stream::Out {
                text.push_str(line);
                text.push('\n');
            }
        };
        let mut on_tick = |elapsed| elapsed < limit;
        let watch = Watch {
            doing: doing.to_owned(),
            cancel: context.cancel,
            on_line: &mut on_line,
            on_tick: &mut on_tick,
            grace: Duration::ZERO,
        };
        self.run(watch)?;
        Ok(text)
    }
}

//! Running a program in an engine, and ending it when this process ends.

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

/// Limits for open files and processes. They are set explicitly even if the default would do, because a runtime that
/// may not raise limits cannot start a container with the engine's defaults.
const LIMITS: [(&str, Resource, u64); 2] = [("nofile", Resource::Nofile, 1024), ("nproc", Resource::Nproc, 4096)];

/// A directory or file that is visible in the container, by default at the same absolute path as on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The absolute path on the host.
    pub path: PathBuf,
    /// The absolute path in the container.
    pub inside: PathBuf,
    /// Whether the container can change it.
    pub writable: bool,
}

impl Mount {
    /// A read-only mount.
    #[must_use]
    pub fn read_only(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { inside: path.clone(), path, writable: false }
    }

    /// A writable mount.
    #[must_use]
    pub fn writable(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { inside: path.clone(), path, writable: true }
    }

    /// The same mount at another path in the container, so that files made there do not contain the host's path. Not
    /// possible on the host.
    #[must_use]
    pub fn seen_at(self, inside: impl Into<PathBuf>) -> Self {
        Self { inside: inside.into(), ..self }
    }
}

/// A program to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunSpec {
    /// The image, see [`crate::image::Image::name`]. The host ignores it.
    pub image: String,
    /// The program and its arguments.
    pub argv: Vec<OsString>,
    /// The mounts. Apart from `/tmp`, the container's own file system is read-only.
    pub mounts: Vec<Mount>,
    /// The working directory: absolute, and mounted or part of the image.
    pub workdir: PathBuf,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// Devices: `/dev/kvm`.
    pub devices: Vec<PathBuf>,
    /// Whether it can use the network. It then shares the host's.
    pub network: bool,
}

/// A program that can be started, and the right to stop it.
#[derive(Debug)]
pub struct Invocation {
    /// The command. Its standard input is empty; the caller sets the other streams. It runs in its own process group,
    /// so a Ctrl-C on the terminal does not reach it: the caller ends it by [`Guard::stop`].
    pub command: Command,
    /// Ends the container when dropped, if it is still running.
    pub guard: Guard,
}

/// Ensures that a container ends. Killing the client that started it would leave it running.
#[derive(Debug)]
pub struct Guard {
    pub(super) name: String,
    engine: Option<Engine>,
    /// Kills a program on the host when this process ends.
    lifeline: Option<Lifeline>,
}

impl Guard {
    /// Call it after the client has ended by itself, with its exit code if it has one. The container is normally gone
    /// then. But if the client was killed, the container has not noticed; and if the client failed, its container may
    /// still be running.
    ///
    /// # Errors
    ///
    /// The errors of [`Guard::stop`] if the client was killed. A client that failed has reported its own error.
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

    /// Ends the container if it is running, and removes it. Kill and wait for the client first, so that it cannot
    /// start a container afterwards. On the host, kills the processes that the program left running.
    ///
    /// # Errors
    ///
    /// [`Error::Start`], [`Error::Failed`], [`Error::TimedOut`] from the engine.
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
        // There is no caller to report an error to. The next run removes the container if this fails.
        let _ = self.stop();
    }
}

impl Engine {
    /// The command that runs a program in the engine.
    ///
    /// # Errors
    ///
    /// [`Error::BadPath`] for a path that cannot be mounted, [`Error::NoProgram`] for an empty `argv`,
    /// [`Error::NeedsContainer`] for a mount on the host at another path.
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
            // In rootless podman, root is the user, and `/tmp` is writable without a mount. Only crun can keep the
            // groups.
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

    /// Removes a container, running or not. A container that does not exist counts as removed.
    ///
    /// # Errors
    ///
    /// [`Error::Start`], [`Error::Failed`], [`Error::TimedOut`].
    pub(crate) fn remove_container(&self, name: &str) -> Result<(), Error> {
        match self.try_to_remove_container(name) {
            // A container that is ending removes itself, which can make this fail. On the second attempt it is gone.
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
        // Containers are removed after a request to stop, so that request must not stop the removal.
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
    /// Runs the program to its end and passes on each line of its standard output. The end of its standard error is
    /// kept for the error.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] for any exit code except 0, [`Error::Cancelled`], [`Error::Start`].
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

    /// Runs the program to its end. `watch` receives its lines and decides how long it may take.
    ///
    /// # Errors
    ///
    /// Same as [`process::run`].
    pub fn run(mut self, watch: Watch<'_>) -> Result<(), Error> {
        let result = process::run(self.command, watch);
        match &result {
            Ok(()) => self.guard.ended(Some(0))?,
            Err(Error::Cancelled { .. }) => self.guard.stop()?,
            // The program's error is more useful than the failure to remove its container, which the next run tries
            // again.
            Err(_) => self.guard.stop().unwrap_or_default(),
        }
        result
    }

    /// Runs the program to its end without showing its output.
    ///
    /// # Errors
    ///
    /// Same as [`process::run`]; [`Error::TimedOut`] after `limit`.
    pub fn run_quietly(self, context: &Context<'_>, doing: &str, limit: Duration) -> Result<(), Error> {
        self.run(Watch {
            doing: doing.to_owned(),
            cancel: context.cancel,
            on_line: &mut |_, _| {},
            on_tick: &mut |elapsed| elapsed < limit,
            grace: Duration::ZERO,
        })
    }

    /// Runs the program to its end and returns its standard output.
    ///
    /// # Errors
    ///
    /// Same as [`process::run`]; [`Error::TimedOut`] after `limit`.
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

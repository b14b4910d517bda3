//! Starting QEMU in a container.

use std::fs::File;
use std::io;
use std::process::Child;

use container::engine::{Engine, Guard, Mount, RunSpec};
use vm::{HostLauncher, Invocation, Launcher, Running};

/// An engine and an image, as a [`Launcher`].
#[derive(Debug, Clone)]
pub struct EngineLauncher {
    /// The engine.
    pub engine: Engine,
    /// The image's name; ignored on the host.
    pub image: String,
}

impl Launcher for EngineLauncher {
    fn spawn(&self, invocation: &Invocation) -> io::Result<Box<dyn Running>> {
        if self.engine == Engine::Host {
            return HostLauncher.spawn(invocation);
        }
        let Invocation { argv, reads, writes, kvm, log } = invocation;
        let mut mounts: Vec<_> = reads.iter().filter(|path| !path.starts_with(writes)).map(Mount::read_only).collect();
        mounts.push(Mount::writable(writes));
        let spec = RunSpec {
            image: self.image.clone(),
            argv: argv.clone(),
            mounts,
            workdir: writes.clone(),
            devices: if *kvm { vec!["/dev/kvm".into()] } else { Vec::new() },
            ..RunSpec::default()
        };
        let mut started = self.engine.command(&spec).map_err(io::Error::other)?;
        let log = File::create(log)?;
        let child = started.command.stdout(log.try_clone()?).stderr(log).spawn()?;
        Ok(Box::new(Container { child, guard: started.guard }))
    }
}

/// A container and the client that started it.
struct Container {
    child: Child,
    guard: Guard,
}

impl Running for Container {
    fn poll(&mut self) -> io::Result<Option<String>> {
        let Some(status) = self.child.try_wait()? else { return Ok(None) };
        self.guard.ended(status.code()).map_err(io::Error::other)?;
        Ok(Some(status.to_string()))
    }

    fn kill(&mut self) -> io::Result<()> {
        // The client is killed first, so that it cannot start the container after its removal.
        self.child.kill()?;
        self.child.wait()?;
        self.guard.stop().map_err(io::Error::other)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // There is no caller to report an error to. The guard removes the container.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::time::{Duration, Instant};
    use std::{fs, thread};

    /// A fake engine whose `run` executes `body`. Other subcommands only add a line to `calls`.
    fn fake(dir: &Path, body: &str) -> Engine {
        let program = dir.join("podman");
        let calls = dir.join("calls");
        let script = format!("#!/bin/sh\necho \"$3\" >>{}\n[ \"$3\" = run ] || exit 0\n{body}\n", calls.display());
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Engine::Podman { program, runtime: "runc".into(), version: "podman version 4".into() }
    }

    fn spawn(dir: &Path, engine: &Engine) -> Box<dyn Running> {
        let invocation = Invocation {
            argv: vec!["true".into()],
            reads: Vec::new(),
            writes: dir.to_owned(),
            kvm: false,
            log: dir.join("log"),
        };
        EngineLauncher { engine: engine.clone(), image: "image".into() }.spawn(&invocation).unwrap()
    }

    fn calls(dir: &Path) -> Vec<String> {
        fs::read_to_string(dir.join("calls")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn wait(running: &mut dyn Running) -> String {
        let begun = Instant::now();
        loop {
            if let Some(how) = running.poll().unwrap() {
                return how;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "it never ended");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_client_that_ends_leaves_no_container_to_remove() {
        let dir = tempfile::tempdir().unwrap();
        let mut running = spawn(dir.path(), &fake(dir.path(), "echo said; exit 3"));
        assert_eq!(wait(running.as_mut()), "exit status: 3");
        drop(running);
        assert_eq!(calls(dir.path()), ["run"]);
        assert_eq!(fs::read_to_string(dir.path().join("log")).unwrap(), "said\n");
    }

    #[test]
    fn a_client_that_was_killed_leaves_a_container_that_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mut running = spawn(dir.path(), &fake(dir.path(), "kill -9 $$"));
        assert!(wait(running.as_mut()).contains("signal: 9"));
        assert_eq!(calls(dir.path()), ["run", "rm"]);
    }

    #[test]
    fn killing_and_dropping_remove_the_container() {
        for drop_only in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let mut running = spawn(dir.path(), &fake(dir.path(), "exec sleep 1000"));
            while calls(dir.path()).is_empty() {
                thread::sleep(Duration::from_millis(5));
            }
            if !drop_only {
                running.kill().unwrap();
            }
            drop(running);
            assert_eq!(calls(dir.path()), ["run", "rm"], "drop only: {drop_only}");
        }
    }
}

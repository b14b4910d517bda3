//! Runs what the `vm` crate wants run in the container engine that the `kernels` crate found.

use std::fs::File;
use std::io;
use std::process::Child;

use kernels::engine::{Engine, Guard, Mount, RunSpec};
use vm::{HostLauncher, Invocation, Launcher, Running};

/// An engine and the image in it, as a [`Launcher`].
#[derive(Debug, Clone, Copy)]
pub struct EngineLauncher<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The image's name; ignored on the host.
    pub image: &'a str,
}

impl Launcher for EngineLauncher<'_> {
    fn spawn(&self, invocation: &Invocation) -> io::Result<Box<dyn Running>> {
        if *self.engine == Engine::Host {
            return HostLauncher.spawn(invocation);
        }
        let Invocation { argv, reads, writes, kvm, log } = invocation;
        let mut mounts: Vec<_> = reads.iter().filter(|path| !path.starts_with(writes)).map(Mount::read_only).collect();
        mounts.push(Mount::writable(writes));
        let spec = RunSpec {
            image: self.image.to_owned(),
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
        match status.code() {
            // The client saw the container to its end.
            Some(_) => self.guard.ended(),
            // The client was killed, which the container does not notice.
            None => self.guard.stop().map_err(io::Error::other)?,
        }
        Ok(Some(status.to_string()))
    }

    fn kill(&mut self) -> io::Result<()> {
        // The client first, so that it cannot start the container after it was removed.
        self.child.kill()?;
        self.child.wait()?;
        self.guard.stop().map_err(io::Error::other)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // There is nobody left to tell; the guard removes the container.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! A running instance of this program, watched so that it can be stopped at a certain point.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

/// The time limit for a run to end after it was asked to stop. A build first removes its copy of a source, which has
/// 80,000 links.
pub const STOPPING: Duration = Duration::from_secs(60);

/// The time limit for a run to reach a point. A first build needs minutes.
const COMING: Duration = Duration::from_secs(300);

/// The interval at which it is checked.
const LOOK: Duration = Duration::from_millis(2);

/// A run of this program, and the lines that it has printed so far.
#[derive(Debug)]
pub struct Watched {
    run: Child,
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Watched {
    pub fn start(mut command: Command) -> Result<Self> {
        let mut run =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cannot run this program")?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let mut readers = Vec::new();
        readers.extend(run.stdout.take().map(|pipe| follow(pipe, Arc::clone(&lines))));
        readers.extend(run.stderr.take().map(|pipe| follow(pipe, Arc::clone(&lines))));
        Ok(Self { run, lines, readers })
    }

    pub fn pid(&self) -> u32 {
        self.run.id()
    }

    /// Whether it has printed a line that contains this text.
    pub fn has_said(&self, text: &str) -> bool {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|line| line.contains(text))
    }

    fn text(&self) -> String {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    /// Waits until it has reached a point; an error if it ends before.
    pub fn until(&mut self, point: &str, mut come: impl FnMut(&Self) -> Result<bool>) -> Result<()> {
        let begun = Instant::now();
        while !come(self)? {
            if let Some(status) = self.run.try_wait()? {
                bail!("it ended before it {point}: {status}, with the output:\n{}", self.text());
            }
            if begun.elapsed() >= COMING {
                bail!("within {} s it never {point}; its output:\n{}", COMING.as_secs(), self.text());
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Sends it a signal (`INT`, `TERM`, `KILL`) and waits for its end, which must come soon.
    pub fn signal(&mut self, signal: &str) -> Result<ExitStatus> {
        let sh = Shell::new()?;
        let pid = self.pid().to_string();
        cmd!(sh, "kill -{signal} {pid}").quiet().run()?;
        let begun = Instant::now();
        while begun.elapsed() < STOPPING {
            if let Some(status) = self.run.try_wait()? {
                return Ok(status);
            }
            thread::sleep(LOOK);
        }
        self.run.kill()?;
        bail!("it did not end within {} s", STOPPING.as_secs())
    }

    /// Waits for its end without a limit, and returns all of its output.
    pub fn end(mut self) -> Result<(ExitStatus, String)> {
        let status = self.run.wait()?;
        for reader in std::mem::take(&mut self.readers) {
            // The thread ends with the pipe and never panics.
            let _ = reader.join();
        }
        Ok((status, self.text()))
    }
}

impl Drop for Watched {
    /// A fault that failed leaves no process behind.
    fn drop(&mut self) {
        let _ = self.run.kill();
        let _ = self.run.wait();
    }
}

fn follow(pipe: impl Read + Send + 'static, lines: Arc<Mutex<Vec<String>>>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    })
}

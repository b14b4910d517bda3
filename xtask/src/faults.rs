//! `cargo xtask faults`: breaks things on purpose, for real, and demands that each is told for what it is.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use kernels::archive::{Kernel, acquire};
use scenario::exit::Exit;
use scenario::run::fault::{Fault, provoke};
use scenario::run::{Ready, Wanted};
use tempfile::TempDir;
use xshell::{Shell, cmd};

use crate::cutting_proxy::cutting_proxy;
use crate::environment::Environment;
use crate::interrupt;
use crate::progress::Display;

/// How long a run that was asked to stop may take to be gone.
const STOPPING: Duration = Duration::from_secs(15);

/// The scenario that the harness is broken with: the smallest one.
const SCENARIO: &str = "debian-upgrade";

/// Its two kernels; machines are broken with the first.
const KERNELS: [&str; 2] = ["6.1.0-55-cloud-amd64", "6.1.0-56-cloud-amd64"];

/// Breaks things on purpose, on real machines, and demands that each is told for what it is.
///
/// Exit codes: 0 each was; 1 one was not, or could not be brought about; 2 usage; 3 the environment.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The faults to bring about; all of them if none is named
    #[arg(value_name = "FAULT")]
    faults: Vec<String>,
    /// Lists the faults and brings none about
    #[arg(long)]
    list: bool,
    /// Exits 0 where the archive no longer has the kernels that things are broken with
    #[arg(long)]
    allow_unavailable: bool,
    #[command(flatten)]
    environment: Environment,
}

/// A fault that is brought about from outside, on this very program.
struct Outside {
    name: &'static str,
    provoke: fn() -> Result<String>,
}

const OUTSIDE: [Outside; 8] = [
    Outside { name: "interrupted", provoke: interrupted },
    Outside { name: "harness-killed", provoke: harness_killed },
    Outside { name: "two-at-once", provoke: two_at_once },
    Outside { name: "no-engine", provoke: no_engine },
    Outside { name: "disk-full", provoke: disk_full },
    Outside { name: "wrong-hash", provoke: wrong_hash },
    Outside { name: "cut-download", provoke: cut_download },
    Outside { name: "gone-from-the-archive", provoke: gone },
];

/// Brings faults about, one after the other.
///
/// # Errors
///
/// What keeps any machine from being booted.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let inside = Fault::ALL.map(Fault::name);
    let known: Vec<&str> = inside.into_iter().chain(OUTSIDE.iter().map(|outside| outside.name)).collect();
    if arguments.list {
        known.iter().for_each(|name| crate::print_line(name));
        return Ok(Exit::Recorded);
    }
    if let Some(name) = arguments.faults.iter().find(|name| !known.contains(&name.as_str())) {
        crate::progress::say(&format!("error: there is no fault {name}; there are {}", known.join(", ")));
        return Ok(Exit::Usage);
    }
    let wanted = |name: &str| arguments.faults.is_empty() || arguments.faults.iter().any(|it| it == name);

    let environment = &arguments.environment;
    let display = Display::new();
    let show_ready = |progress| display.ready(progress);
    let cancel = interrupt::flag()?;
    let apt = environment.apt()?;
    let context = environment.context(&apt, &cancel, &show_ready)?;
    let needs = Wanted { engine: environment.engine, accel: vm::Request::Tcg, root: crate::root() };
    let ready = Ready::prepare(context, &needs)?;
    let pins = environment.pins()?;
    let pins =
        KERNELS.map(|release| pins.release(release).cloned().with_context(|| format!("{release} is not pinned")));
    let pins: Vec<_> = pins.into_iter().collect::<Result<_>>()?;
    let kernels: Result<Vec<_>, _> = acquire(&ready.context, &ready.archive(), &pins)?.into_iter().collect();
    let kernels = match kernels {
        Ok(kernels) => kernels,
        Err(gone) => {
            crate::print_line(&format!("unavailable, so no fault was brought about: {gone}"));
            return Ok(if arguments.allow_unavailable { Exit::Recorded } else { Exit::Environment });
        }
    };

    let mut missed = 0;
    let mut show = |name: &str, result: Result<String>| match result {
        Ok(told) => crate::print_line(&format!("  told    {name:22}  {}", told.lines().next().unwrap_or_default())),
        Err(error) => {
            missed += 1;
            crate::print_line(&format!("  MISSED  {name:22}  {}", crate::one_line_a_cause(&error)));
        }
    };
    let machines: Vec<Fault> = Fault::ALL.into_iter().filter(|fault| wanted(fault.name())).collect();
    let kernel = kernels.first().context("no kernel came")?;
    in_machines(&ready, kernel, &machines, &mut show);
    for outside in OUTSIDE.iter().filter(|outside| wanted(outside.name)) {
        show(outside.name, (outside.provoke)());
    }
    let all = known.iter().filter(|name| wanted(name)).count();
    crate::print_line(&format!("{all} faults: {} told for what they are, {missed} missed", all - missed));
    Ok(if missed == 0 { Exit::Recorded } else { Exit::Differs })
}

fn in_machines(ready: &Ready<'_>, kernel: &Kernel, faults: &[Fault], show: &mut dyn FnMut(&str, Result<String>)) {
    for &fault in faults {
        let (word, said) = fault.expected();
        let result = provoke(ready, kernel, fault).map_err(anyhow::Error::from).and_then(|(ending, fallback)| {
            let detail = ending.detail();
            ensure!(
                ending.word() == word && detail.contains(said),
                "{word} was expected, saying {said:?}; it was {}, saying {detail:?}",
                ending.word()
            );
            Ok(match fallback {
                Some(why) => format!("a good run with TCG, since {}", why.lines().next().unwrap_or_default()),
                None if detail.is_empty() => "a good run with KVM".into(),
                None => format!("{word}: {detail}"),
            })
        });
        show(fault.name(), result);
    }
}

/// This program, running the small scenario, with its words kept.
fn repro(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("failed to find this program")?);
    command.args(["repro", SCENARIO, "--check"]).args(arguments).stdin(Stdio::null());
    Ok(command)
}

/// What a finished run said, if it ended with this exit code and said this.
fn demand(mut command: Command, code: Exit, said: &str) -> Result<String> {
    let output = command.output().context("failed to run this program")?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find(|line| line.contains(said));
    match line {
        Some(line) if output.status.code() == Some(code.code().into()) => {
            Ok(format!("exit {}: {}", code.code(), line.trim()))
        }
        _ => bail!("exit {} saying {said:?} was expected; it was {}, saying:\n{text}", code.code(), output.status),
    }
}

/// A run that has come as far as QEMU, and its standard error, which stays open for as long as it runs.
struct Booting {
    run: Child,
    errors: BufReader<ChildStderr>,
}

impl Booting {
    fn start() -> Result<Self> {
        let mut child = repro(&[])?.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let errors = BufReader::new(child.stderr.take().context("its words were to be kept")?);
        let mut booting = Self { run: child, errors };
        let mut line = String::new();
        while booting.errors.read_line(&mut line)? > 0 {
            if std::mem::take(&mut line).contains("starting QEMU") {
                // From the line to the process is a container's start.
                let begun = Instant::now();
                while qemus()?.is_empty() && begun.elapsed() < STOPPING {
                    std::thread::sleep(Duration::from_millis(20));
                }
                return Ok(booting);
            }
        }
        bail!("the run ended before it started QEMU: {}", booting.run.wait()?)
    }

    fn signal(&mut self, signal: &str) -> Result<ExitStatus> {
        let sh = Shell::new()?;
        let pid = self.run.id().to_string();
        cmd!(sh, "kill -{signal} {pid}").quiet().run()?;
        let begun = Instant::now();
        while begun.elapsed() < STOPPING {
            if let Some(status) = self.run.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.run.kill()?;
        bail!("it did not end within {} s", STOPPING.as_secs())
    }
}

/// The processes of QEMU that work for runs below our cache.
fn qemus() -> Result<Vec<String>> {
    let cache = kernels::Cache::from_env()?;
    let runs = cache.root().join("runs").display().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let arguments = fs::read(entry?.path().join("cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments).into_owned();
        if arguments.starts_with(vm::PROGRAM) && arguments.contains(&runs) {
            found.push(arguments);
        }
    }
    Ok(found)
}

fn interrupted() -> Result<String> {
    let status = Booting::start()?.signal("INT")?;
    ensure!(status.code() == Some(Exit::Interrupted.code().into()), "it ended with {status}");
    let left = qemus()?;
    ensure!(left.is_empty(), "QEMU was left: {left:?}");
    Ok(format!("exit {}: no QEMU and no container is left", Exit::Interrupted.code()))
}

fn harness_killed() -> Result<String> {
    Booting::start()?.signal("KILL")?;
    let next = demand(repro(&[])?, Exit::Recorded, "as recorded")?;
    let left = qemus()?;
    ensure!(left.is_empty(), "QEMU was left: {left:?}");
    Ok(format!("the next run removes what was left, {next}"))
}

fn two_at_once() -> Result<String> {
    let quiet = |mut command: Command| command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut runs = [quiet(repro(&[])?)?, quiet(repro(&[])?)?];
    for run in &mut runs {
        let status = run.wait()?;
        ensure!(status.success(), "one of the two ended with {status}");
    }
    Ok("exit 0, both".into())
}

fn no_engine() -> Result<String> {
    let mut command = repro(&["--engine", "docker"])?;
    command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock").env("MODBTF_CACHE", TempDir::new()?.path());
    demand(command, Exit::Environment, "no container engine runs")
}

/// A small file system of our own. Needs root.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Result<Self> {
        let (dir, sh) = (TempDir::new()?, Shell::new()?);
        let path = dir.path();
        cmd!(sh, "mount -t tmpfs -o size={size} tmpfs {path}")
            .quiet()
            .run()
            .context("a small file system can only be mounted by root")?;
        Ok(Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let path = self.0.path();
        let unmounted = Shell::new().and_then(|sh| cmd!(sh, "umount -l {path}").quiet().run());
        if let Err(error) = unmounted {
            crate::progress::say(&format!("failed to unmount {}: {error}", path.display()));
        }
    }
}

fn disk_full() -> Result<String> {
    let disk = SmallDisk::mount("40m")?;
    let mut command = repro(&[])?;
    command.env("MODBTF_CACHE", disk.0.path());
    let told = demand(command, Exit::Environment, "the disk is full")?;
    let published = entries(&disk.0.path().join("kernels"))?;
    ensure!(published.is_empty(), "half-written kernels were published: {published:?}");
    Ok(told)
}

/// The pins with one thing replaced, and a cache of its own in which nothing lies yet.
fn with_pins(from: &str, to: &str) -> Result<(TempDir, Command)> {
    let dir = TempDir::new()?;
    let pins = fs::read_to_string(crate::root().join("kernel-configs/debian.toml"))?;
    ensure!(pins.contains(from), "the pins do not say {from}");
    let path = dir.path().join("pins.toml");
    fs::write(&path, pins.replace(from, to))?;
    let mut command = repro(&["--pins"])?;
    command.arg(path).env("MODBTF_CACHE", dir.path().join("cache"));
    Ok((dir, command))
}

/// The pinned hash of the kernel that boots.
fn pinned_hash() -> Result<String> {
    let pins = kernels::pins::Pins::builtin()?;
    Ok(pins.release(KERNELS[0]).context("the kernel is not pinned")?.sha256.to_string())
}

fn wrong_hash() -> Result<String> {
    let (dir, command) = with_pins(&pinned_hash()?, &"0".repeat(64))?;
    let told = demand(command, Exit::Environment, "is not the pinned file")?;
    ensure!(entries(&dir.path().join("cache/kernels"))?.is_empty(), "something was published");
    Ok(told)
}

fn cut_download() -> Result<String> {
    let dir = TempDir::new()?;
    let mut command = repro(&[])?;
    command.env("MODBTF_CACHE", dir.path().join("cache")).env("http_proxy", cutting_proxy()?);
    let told = demand(command, Exit::Environment, "cut short")?;
    ensure!(entries(&dir.path().join("cache/kernels"))?.is_empty(), "something was published");
    Ok(told)
}

fn gone() -> Result<String> {
    let (_dir, mut command) = with_pins("6.1.192-1", "6.1.1-1")?;
    command.arg("--allow-unavailable");
    demand(command, Exit::Environment, "the nearest pair that there is")
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect()
}

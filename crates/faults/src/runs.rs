//! Faults of runs on prebuilt kernels: of machines, and of their environment.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use cli::Exit;
use kernels::Availability;
use kernels::archive::{Kernel, acquire};
use kernels::pins::Pins;
use scenario::run::RunEnvironment;
use tempfile::TempDir;

use crate::bad_proxy::{Harm, bad_proxy};
use crate::fault::{Described, ProgramFault};
use crate::machine::{self, Fault};
use crate::program::{demand, names, program};
use crate::setting::Setting;
use crate::small_disk::SmallDisk;
use crate::watched::{STOPPING, Watched};

/// The scenario that is broken: the smallest one.
const SCENARIO: &str = "debian-upgrade";

/// Its two kernels. Faults of machines use the first.
const KERNELS: [&str; 2] = ["6.1.0-55-cloud-amd64", "6.1.0-56-cloud-amd64"];

pub const FAULTS: [ProgramFault; 8] = [
    ProgramFault {
        name: "interrupted",
        done: "Ctrl-C while QEMU runs",
        demanded: "exit 130, no QEMU is left",
        provoke: interrupted,
    },
    ProgramFault {
        name: "harness-killed",
        done: "SIGKILL of the harness while QEMU runs",
        demanded: "the next run removes what is left and is as recorded",
        provoke: harness_killed,
    },
    ProgramFault {
        name: "two-at-once",
        done: "two runs at the same time",
        demanded: "both exit 0",
        provoke: two_at_once,
    },
    ProgramFault {
        name: "no-engine",
        done: "a docker that does not answer is asked for",
        demanded: "exit 3, no container engine runs",
        provoke: no_engine,
    },
    ProgramFault {
        name: "disk-full",
        done: "kernels are fetched onto a disk of 40 MB",
        demanded: "exit 3, the disk is full; nothing is published",
        provoke: disk_full,
    },
    ProgramFault {
        name: "wrong-hash",
        done: "a pin says another hash than the archive",
        demanded: "exit 3, not the pinned file; nothing is published",
        provoke: wrong_hash,
    },
    ProgramFault {
        name: "cut-download",
        done: "the line ends after the first megabyte of each package",
        demanded: "exit 3, cut short; nothing is published",
        provoke: cut_download,
    },
    ProgramFault {
        name: "gone-from-the-archive",
        done: "the archive no longer has the pinned version",
        demanded: "exit 3 even with --allow-unavailable, because no upgrade ran; the report names the available versions",
        provoke: gone,
    },
];

/// The description of a machine's fault.
pub fn described(fault: Fault) -> Described {
    let done = match fault {
        Fault::KernelPanics => "the kernel is made to panic",
        Fault::InitExits => "PID 1 exits",
        Fault::StepHangs => "a step never ends",
        Fault::InitNeverReports => "the kernel finds no PID 1 and waits",
        Fault::NothingPrinted => "the boot image loops from its first instruction on",
        Fault::QemuKilled => "SIGKILL of QEMU",
        Fault::KvmUnproven => "/dev/kvm may do anything",
    };
    let demanded = match fault.expected() {
        (word, "") => word.to_owned(),
        (word, said) => format!("{word}, {said}"),
    };
    Described { name: fault.name(), done, demanded }
}

/// The kernel for faults of machines, after both kernels are in the cache.
pub fn kernel(ready: &RunEnvironment<'_>, pins: &Pins) -> Result<Availability<Kernel>> {
    let pins =
        KERNELS.map(|release| pins.release(release).cloned().with_context(|| format!("{release} is not pinned")));
    let pins: Vec<_> = pins.into_iter().collect::<Result<_>>()?;
    let kernels: Result<Vec<_>, _> =
        acquire(&ready.context, &ready.archive(), &pins)?.into_iter().map(Availability::into_result).collect();
    match kernels {
        Ok(kernels) => Ok(Availability::Available(kernels.into_iter().next().context("no kernel came")?)),
        Err(why) => Ok(Availability::Unavailable(why)),
    }
}

/// Causes a fault in a machine.
pub fn provoke(ready: &RunEnvironment<'_>, kernel: &Kernel, fault: Fault) -> Result<String> {
    let (word, said) = fault.expected();
    let (ending, fallback) = machine::provoke(ready, kernel, fault)?;
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
}

/// This program, running the small scenario.
fn repro(setting: &Setting<'_>, arguments: &[&str]) -> Result<Command> {
    setting.program(&[&["repro", SCENARIO, "--check"], arguments].concat())
}

/// A run that has started QEMU.
fn booting(setting: &Setting<'_>) -> Result<Watched> {
    let mut run = Watched::start(repro(setting, &[])?)?;
    run.until("started QEMU", |run| Ok(run.has_said("starting QEMU")))?;
    // After the line is printed, starting the container takes some time.
    let begun = Instant::now();
    while qemus()?.is_empty() && begun.elapsed() < STOPPING {
        thread::sleep(Duration::from_millis(20));
    }
    Ok(run)
}

/// The QEMU processes of runs in our cache.
fn qemus() -> Result<Vec<String>> {
    let cache = kernels::cache::from_env()?;
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

fn interrupted(setting: &Setting<'_>) -> Result<String> {
    let status = booting(setting)?.signal("INT")?;
    demand_code(status, Exit::Interrupted)?;
    let left = qemus()?;
    ensure!(left.is_empty(), "QEMU was left: {left:?}");
    Ok(format!("exit {}: no QEMU and no container is left", Exit::Interrupted.code()))
}

fn demand_code(status: ExitStatus, code: Exit) -> Result<()> {
    ensure!(status.code() == Some(code.code().into()), "it ended with {status}");
    Ok(())
}

fn harness_killed(setting: &Setting<'_>) -> Result<String> {
    booting(setting)?.signal("KILL")?;
    let next = demand(repro(setting, &[])?, Exit::Success, &["as recorded"])?;
    let left = qemus()?;
    ensure!(left.is_empty(), "QEMU was left: {left:?}");
    Ok(format!("the next run removes the leftovers, {next}"))
}

fn two_at_once(setting: &Setting<'_>) -> Result<String> {
    let quiet = |mut command: Command| command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut runs = [quiet(repro(setting, &[])?)?, quiet(repro(setting, &[])?)?];
    for run in &mut runs {
        let status = run.wait()?;
        ensure!(status.success(), "one of the two ended with {status}");
    }
    Ok("exit 0, both".into())
}

fn no_engine(_: &Setting<'_>) -> Result<String> {
    let mut command = program(&["repro", SCENARIO, "--check", "--engine", "docker"])?;
    command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock").env("MODBTF_CACHE", TempDir::new()?.path());
    demand(command, Exit::Environment, &["no container engine runs"])
}

fn disk_full(setting: &Setting<'_>) -> Result<String> {
    let disk = SmallDisk::mount("40m")?;
    let mut command = repro(setting, &[])?;
    command.env("MODBTF_CACHE", disk.path());
    let told = demand(command, Exit::Environment, &["the disk is full"])?;
    let published = names(&disk.path().join("kernels"))?;
    ensure!(published.is_empty(), "half-written kernels were published: {published:?}");
    Ok(told)
}

/// Sets up a separate, empty cache.
fn in_new_cache(mut command: Command) -> Result<(TempDir, PathBuf, Command)> {
    let dir = TempDir::new()?;
    let cache = dir.path().join("cache");
    command.env("MODBTF_CACHE", &cache);
    Ok((dir, cache, command))
}

/// Replaces a text in the pins, in a new cache.
fn with_pins(setting: &Setting<'_>, from: &str, to: &str) -> Result<(TempDir, PathBuf, Command)> {
    let (dir, cache, mut command) = in_new_cache(repro(setting, &[])?)?;
    let pins = fs::read_to_string(setting.kernel_configs.join("debian.toml"))?;
    ensure!(pins.contains(from), "the pins do not contain {from}");
    let path = dir.path().join("pins.toml");
    fs::write(&path, pins.replace(from, to))?;
    command.arg("--pins").arg(path);
    Ok((dir, cache, command))
}

/// The pinned hash of the kernel that boots.
fn pinned_hash() -> Result<String> {
    let pins = Pins::builtin()?;
    Ok(pins.release(KERNELS[0]).context("the kernel is not pinned")?.sha256.to_string())
}

fn wrong_hash(setting: &Setting<'_>) -> Result<String> {
    let (_dir, cache, command) = with_pins(setting, &pinned_hash()?, &"0".repeat(64))?;
    let told = demand(command, Exit::Environment, &["is not the pinned file"])?;
    ensure!(names(&cache.join("kernels"))?.is_empty(), "something was published");
    Ok(told)
}

fn cut_download(setting: &Setting<'_>) -> Result<String> {
    let (_dir, cache, mut command) = in_new_cache(repro(setting, &[])?)?;
    command.env("http_proxy", bad_proxy(Harm::Cut)?);
    let told = demand(command, Exit::Environment, &["cut short"])?;
    ensure!(names(&cache.join("kernels"))?.is_empty(), "something was published");
    Ok(told)
}

fn gone(setting: &Setting<'_>) -> Result<String> {
    let (_dir, _, mut command) = with_pins(setting, "6.1.192-1", "6.1.1-1")?;
    command.arg("--allow-unavailable");
    demand(command, Exit::Environment, &["the nearest pair in the archive"])
}

//! Faults of kernel builds from source: builds that are killed or run out of space.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use cli::Exit;
use container::engine::Engine;
use kernels::kbuild::{Build, NONE};
use xshell::{Shell, cmd};

use crate::fault::ProgramFault;
use crate::program::{demand, demand_said, names};
use crate::second_cache::{CONFIG, First, LINE, SecondCache, UPGRADE, copy_verdicts, listed, published};
use crate::setting::Setting;
use crate::small_disk::SmallDisk;
use crate::watched::Watched;

/// Enough space for any build.
const LARGE: &str = "2g";

/// The bytes left free on a disk that fills up: less than any step of a kernel's build needs.
const LEFT_FREE: u64 = 1 << 20;

pub const FAULTS: [ProgramFault; 4] = [
    ProgramFault {
        name: "build-stopped",
        done: "SIGKILL while the source is changed; of each next run while the tree is copied, early and late in the build, while \
               it is collected; SIGTERM of the next; SIGKILL of one for which another waits",
        demanded: "each time nothing is published and the next run clears up; SIGTERM: exit 130, nothing is left; the bytes of the \
                   one that waited are the reference's",
        provoke: stopped,
    },
    ProgramFault {
        name: "first-build-killed",
        done: "SIGKILL after 20 steps of a first build",
        demanded: "nothing is published, neither build nor tree; the next run removes the leftovers and starts over",
        provoke: first_killed,
    },
    ProgramFault {
        name: "build-disk-small",
        done: "a build on a disk of 100 MB",
        demanded: "exit 3 before anything is made, the disk is full, with both figures",
        provoke: disk_small,
    },
    ProgramFault {
        name: "build-disk-fills",
        done: "the disk fills while the tree is copied, and again while kbuild runs",
        demanded: "exit 3 each time, the disk is full; nothing is published or left; with space again the bytes are right",
        provoke: disk_fills,
    },
];

/// A point in a build: the build has printed this text, and this condition holds.
struct Point {
    said: &'static str,
    sign: Sign,
}

enum Sign {
    /// The directory being built contains this file.
    Made(&'static str),
    /// The build's log has this many steps.
    Steps(usize),
}

const PATCHING: Point = Point { said: "kernel source: changing the source", sign: Sign::Made("source") };
const COPYING: Point = Point { said: "kernel source: copying the output tree", sign: Sign::Made("build") };
const CONFIGURING: &str = "configuration: configuring";
const EARLY: Point = Point { said: "kernel build: building", sign: Sign::Steps(5) };
const FIRST_STEPS: Point = Point { said: "kernel build: building", sign: Sign::Steps(20) };
const LATE: Point = Point { said: "kernel build: building", sign: Sign::Steps(40) };
const COLLECTING: Point = Point { said: "collect: collecting", sign: Sign::Made("out/bzImage") };

impl Point {
    fn reached(&self, run: &Watched, root: &Path) -> Result<bool> {
        if !run.has_said(self.said) {
            return Ok(false);
        }
        Ok(match self.sign {
            Sign::Made(path) => {
                names(&root.join("tmp"))?.iter().any(|name| root.join("tmp").join(name).join(path).exists())
            }
            Sign::Steps(steps) => {
                let logs = names(&root.join("logs"))?;
                let text = |name: &String| fs::read_to_string(root.join("logs").join(name)).unwrap_or_default();
                logs.iter().any(|name| text(name).lines().filter(|line| line.starts_with("  ")).count() >= steps)
            }
        })
    }
}

/// The leftovers of a stopped run.
pub struct Left {
    pid: u32,
    temporary: Vec<PathBuf>,
}

impl Left {
    fn by(run: &Watched, root: &Path) -> Result<Self> {
        let tmp = root.join("tmp");
        Ok(Self { pid: run.pid(), temporary: names(&tmp)?.into_iter().map(|name| tmp.join(name)).collect() })
    }

    fn demand_gone(&self, engine: &Engine) -> Result<()> {
        let left: Vec<_> = self.temporary.iter().filter(|path| path.exists()).collect();
        ensure!(left.is_empty(), "leftovers of the stopped run still exist: {left:?}");
        let containers = containers(engine, self.pid)?;
        ensure!(containers.is_empty(), "containers of the stopped run are still there: {containers:?}");
        Ok(())
    }
}

/// The containers of a process, running or not, found by the names that crates/kernels gives them.
fn containers(engine: &Engine, pid: u32) -> Result<Vec<String>> {
    let sh = Shell::new()?;
    let command = match engine {
        Engine::Podman { program, runtime, .. } => cmd!(sh, "{program} --runtime {runtime}"),
        Engine::Docker { program, .. } => cmd!(sh, "{program}"),
        Engine::Host => return Ok(Vec::new()),
    };
    let list =
        command.args(["ps", "--all", "--filter", "label=modbtf.owner", "--format", "{{.Names}}"]).quiet().read()?;
    Ok(list.lines().filter(|name| name.contains(&format!("-{pid}-"))).map(str::to_owned).collect())
}

/// A build in the second cache.
pub fn build(setting: &Setting<'_>, cache: &SecondCache, arguments: &[&str]) -> Result<Command> {
    Ok(cache.command(setting.program(&[&["kernel", "build", LINE, "--config", CONFIG], arguments].concat())?))
}

/// Checks that a cache contains exactly these entries, according to its directories and to `kernel list`, and that
/// `tmp` is empty.
pub fn demand_unchanged(root: &Path, before: &[String], tmp_empty: bool) -> Result<()> {
    let now = published(root)?;
    ensure!(now == before, "the cache has {now:?}, and had {before:?}");
    let listed: Vec<_> = listed(root)?.into_iter().map(|manifest| format!("builds/{}", manifest.name)).collect();
    ensure!(listed.iter().all(|build| before.contains(build)), "`kernel list` has {listed:?}, and had {before:?}");
    let left = names(&root.join("tmp"))?;
    ensure!(!tmp_empty || left.is_empty(), "unfinished files are left: {left:?}");
    Ok(())
}

/// Runs a build to its end and checks that it succeeds, that it first removes the leftovers of a stopped build, and
/// that its bytes equal those of another build.
pub fn demand_right(
    setting: &Setting<'_>,
    root: &Path,
    command: Command,
    left: Option<&Left>,
    like: &Build,
) -> Result<String> {
    right(root, begun(setting, command, left)?, like)
}

/// A build that has started and has removed the leftovers of a stopped one.
fn begun(setting: &Setting<'_>, command: Command, left: Option<&Left>) -> Result<Watched> {
    let mut run = Watched::start(command)?;
    run.until("began to build", |run| Ok(run.has_said("kernel source: ")))?;
    if let Some(left) = left {
        left.demand_gone(&setting.ready.choice.engine)?;
    }
    Ok(run)
}

/// Waits for the end of a build, and checks that it succeeded and that its bytes equal those of another build.
fn right(root: &Path, run: Watched, like: &Build) -> Result<String> {
    let (status, text) = run.end()?;
    ensure!(status.success(), "the next run ended with {status}, saying:\n{text}");
    let made = listed(root)?.into_iter().find(|manifest| text.lines().any(|line| line == manifest.name));
    let made = made.with_context(|| format!("`kernel list` lacks the build that the next run reported:\n{text}"))?;
    let differs: Vec<_> =
        like.manifest.files.iter().filter(|(name, hash)| made.files.get(*name) != Some(hash)).collect();
    ensure!(
        differs.is_empty() && made.files.len() == like.manifest.files.len(),
        "other bytes than before: {differs:?}"
    );
    let left = names(&root.join("tmp"))?;
    ensure!(left.is_empty(), "the next run left {left:?}");
    Ok(format!("next run: exit 0, {}, the same {} files", made.name, made.files.len()))
}

/// Stops builds at one point after the other. Each run first removes the leftovers of the previous one.
fn stopped(setting: &Setting<'_>) -> Result<String> {
    let cache = setting.fresh_cache(First::Built)?;
    let before = cache.published()?;
    let upgrade = || build(setting, cache, &["--upgrade", UPGRADE]);
    let mut left: Option<Left> = None;
    for point in [PATCHING, COPYING, EARLY, LATE, COLLECTING] {
        let mut run = begun(setting, upgrade()?, left.as_ref())?;
        left = Some(kill(&mut run, cache, &point)?);
        demand_unchanged(cache.root(), &before, false)?;
    }
    let mut run = begun(setting, upgrade()?, left.as_ref())?;
    run.until("came to the point", |run| EARLY.reached(run, cache.root()))?;
    let left = Left::by(&run, cache.root())?;
    let told = terminate(run)?;
    left.demand_gone(&setting.ready.choice.engine)?;
    demand_unchanged(cache.root(), &before, true)?;

    let mut run = Watched::start(upgrade()?)?;
    run.until("came to the point", |run| COPYING.reached(run, cache.root()))?;
    // A waiting run looks for containers without an owner before there is one.
    let mut other = Watched::start(upgrade()?)?;
    other.until("waited", |other| Ok(other.has_said("waiting for another run")))?;
    kill(&mut run, cache, &COPYING)?;
    let next = right(cache.root(), other, &cache.upgraded)?;
    cache.demand_untouched()?;
    Ok(format!("killed; {told}; killed; {next}"))
}

/// Kills a build at a point between its start and its end.
fn kill(run: &mut Watched, cache: &SecondCache, point: &Point) -> Result<Left> {
    run.until("came to the point", |run| point.reached(run, cache.root()))?;
    let status = run.signal("KILL")?;
    ensure!(status.signal() == Some(9), "it was over before it was killed: {status}");
    let left = Left::by(run, cache.root())?;
    ensure!(!left.temporary.is_empty(), "nothing was left half-made, so nothing was tried");
    Ok(left)
}

fn terminate(mut run: Watched) -> Result<String> {
    let status = run.signal("TERM")?;
    let (_, text) = run.end()?;
    demand_said(status, &text, Exit::Interrupted, &["stopped on request"])
}

fn first_killed(setting: &Setting<'_>) -> Result<String> {
    let cache = setting.fresh_cache(First::Missing)?;
    let before = cache.published()?;
    let first = || build(setting, cache, &[]);
    let mut run = Watched::start(first()?)?;
    let left = kill(&mut run, cache, &FIRST_STEPS)?;
    demand_unchanged(cache.root(), &before, false)?;

    let mut next = Watched::start(first()?)?;
    next.until("started over", |next| Ok(next.has_said(CONFIGURING)))?;
    left.demand_gone(&setting.ready.choice.engine)?;
    let told = terminate(next)?;
    demand_unchanged(cache.root(), &before, true)?;
    cache.demand_untouched()?;
    Ok(format!("killed; the next run removes the leftovers and starts over, and is then stopped: {told}"))
}

/// A small disk with a cache on it, into which the shared directories of the second cache are mounted.
fn small_cache(cache: &SecondCache, size: &str) -> Result<SmallDisk> {
    let disk = SmallDisk::mount(size)?;
    copy_verdicts(cache.root(), disk.path())?;
    for (directory, at) in cache.shared() {
        disk.show(directory, at)?;
    }
    Ok(disk)
}

/// An upgrade on a small disk: the one that changes no source, because a changed source would need hard links across
/// disks.
fn on_small_disk(setting: &Setting<'_>, disk: &SmallDisk) -> Result<Command> {
    let mut command = setting.program(&["kernel", "build", LINE, "--config", CONFIG, "--upgrade", NONE])?;
    command.env("MODBTF_CACHE", disk.path());
    Ok(command)
}

fn disk_small(setting: &Setting<'_>) -> Result<String> {
    let cache = setting.fresh_cache(First::Built)?;
    let disk = small_cache(cache, "100m")?;
    let before = published(disk.path())?;
    let told = demand(on_small_disk(setting, &disk)?, Exit::Environment, &["the disk is full"])?;
    ensure!(told.contains("bytes needed"), "{told}");
    demand_unchanged(disk.path(), &before, true)?;
    cache.demand_untouched()?;
    Ok(told)
}

fn disk_fills(setting: &Setting<'_>) -> Result<String> {
    let cache = setting.fresh_cache(First::Built)?;
    let disk = small_cache(cache, LARGE)?;
    let before = published(disk.path())?;
    let mut told = String::new();
    for point in [COPYING, EARLY] {
        disk.resize(LARGE)?;
        let mut run = Watched::start(on_small_disk(setting, &disk)?)?;
        run.until("came to the point", |run| point.reached(run, disk.path()))?;
        disk.leave_free(LEFT_FREE)?;
        let (status, text) = run.end()?;
        told = demand_said(status, &text, Exit::Environment, &["the disk is full"])?;
        demand_unchanged(disk.path(), &before, true)?;
    }
    disk.resize(LARGE)?;
    // Linking the same objects again gives the first build again.
    let next = demand_right(setting, disk.path(), on_small_disk(setting, &disk)?, None, &cache.first)?;
    cache.demand_untouched()?;
    Ok(format!("twice {told}; {next}"))
}

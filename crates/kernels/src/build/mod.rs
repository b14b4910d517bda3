//! Building kernels and their upgrades from source.
//!
//! A *first build* is made from nothing: the fragments are merged onto `allnoconfig`, the result is checked, and kbuild builds
//! into an output tree beside the cache. An *upgrade* is made from a copy of that tree, with the source changed by one patch, so
//! that kbuild builds only what the change reaches: as a distribution's security fix is built from the same tree as the kernel
//! that is running.
//!
//! A build that was interrupted starts over. kbuild cannot tell an object that was half written, or a module that was linked and
//! has no BTF yet, from one that is done, so going on could publish either.

mod config;
mod entry;
mod key;
mod log;
mod recipe;
#[cfg(test)]
pub(crate) mod testing;
mod workshop;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

pub use config::{Lost, Symbols};
pub use entry::{Build, Clean, Manifest, clean, disk_usage, list};
pub use key::Key;
pub use recipe::{Config, NONE, Recipes};
pub use workshop::Workshop;

use crate::cache::{Lock, require_space};
use crate::source::Source;
use crate::{Error, Progress, Stage};
use entry::Measured;
use key::Inputs;
use log::Log;
use recipe::Change;
use workshop::Bench;

/// What a first build takes beside the cache, in bytes: the output tree, of which 6.1 makes 675 MB, and what is published.
const FIRST_SIZE: u64 = 1_500_000_000;

/// What an upgrade takes: the same, and the directories of the hard-linked source.
const UPGRADE_SIZE: u64 = 1_600_000_000;

/// The steps of a first build, where none was made before: about those of 6.1.
const FIRST_STEPS: u64 = 1_400;

/// The steps of an upgrade that touches one file.
const UPGRADE_STEPS: u64 = 60;

/// What to build.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The source.
    pub source: &'a Source,
    /// Where configurations and upgrades come from.
    pub recipes: &'a Recipes,
    /// The configuration.
    pub config: &'a Config,
    /// The upgrade, unless it is a first build.
    pub upgrade: Option<&'a str>,
}

/// A request with all that was looked up for it.
struct Plan<'a> {
    request: Request<'a>,
    asked: Symbols,
    inputs: Inputs,
}

impl<'a> Plan<'a> {
    /// The first build that a request is, or that its upgrade is built on.
    fn first(workshop: &Workshop<'_>, request: Request<'a>) -> Result<Self, Error> {
        let identity = &request.source.identity;
        let asked = request.recipes.asked(request.config, &identity.line)?;
        let off = request.config.expected_off.iter().map(|symbol| format!("# {symbol} is expected off\n"));
        let text = off.fold(asked.to_string(), |text, line| text + &line);
        let inputs = Inputs::first(identity.clone(), &request.config.name, text, &workshop.image.manifest);
        Ok(Self { request: Request { upgrade: None, ..request }, asked, inputs })
    }

    fn name(&self) -> String {
        entry::name(&self.inputs)
    }
}

/// The build of a request, if the cache has it.
///
/// # Errors
///
/// As [`build`], for what cannot be looked up.
pub fn find(workshop: &Workshop<'_>, request: &Request<'_>) -> Result<Option<Build>, Error> {
    let first = Plan::first(workshop, *request)?;
    let inputs = match request.upgrade {
        None => first.inputs,
        Some(upgrade) => upgraded(&first, upgrade)?.0,
    };
    Ok(entry::find(&workshop.context.cache, &inputs))
}

/// Builds a kernel, or its upgrade and before that what it is an upgrade of; what the cache has costs nothing.
///
/// # Errors
///
/// [`Error::UnknownName`] and [`Error::BadFragment`] for what `recipes` does not have or is wrong in it; [`Error::ConfigLost`],
/// [`Error::PatchFailed`], [`Error::BuildFailed`], [`Error::BuildLimped`]; [`Error::NeedsContainer`] on the host;
/// [`Error::DiskFull`], [`Error::Io`], [`Error::Failed`], [`Error::Cancelled`]. Nothing is published then.
pub fn build(workshop: &Workshop<'_>, request: &Request<'_>) -> Result<Build, Error> {
    if let Some(build) = find(workshop, request)? {
        return Ok(build);
    }
    let first = Plan::first(workshop, *request)?;
    let lock = workshop.context.cache.lock(workshop.context)?;
    // Another run may have built it meanwhile.
    if let Some(build) = find(workshop, request)? {
        return Ok(build);
    }
    match request.upgrade {
        None => build_first(workshop, &first, &lock),
        Some(upgrade) => {
            let (inputs, change) = upgraded(&first, upgrade)?;
            let tree = tree(workshop, &first);
            if entry::find(&workshop.context.cache, &first.inputs).is_none() || !tree.is_dir() {
                build_first(workshop, &first, &lock)?;
            }
            build_upgrade(workshop, &first, &inputs, &change, &lock)
        }
    }
}

/// The output tree that a first build leaves, on which its upgrades and external modules are built, if it is there. It is to be
/// copied, not changed.
///
/// # Errors
///
/// As [`find`].
pub fn output_tree(workshop: &Workshop<'_>, request: &Request<'_>) -> Result<Option<PathBuf>, Error> {
    let first = Plan::first(workshop, *request)?;
    Ok(Some(tree(workshop, &first)).filter(|tree| tree.is_dir()))
}

fn tree(workshop: &Workshop<'_>, first: &Plan<'_>) -> PathBuf {
    workshop.context.cache.trees().join(first.name())
}

fn upgraded(first: &Plan<'_>, upgrade: &str) -> Result<(Inputs, Change), Error> {
    let change = first.request.recipes.change(upgrade, &first.inputs.source.line)?;
    let inputs = Inputs { upgrade: Some(upgrade.to_owned()), patch: change.text.clone(), ..first.inputs.clone() };
    Ok((inputs, change))
}

fn build_first(workshop: &Workshop<'_>, plan: &Plan<'_>, lock: &Lock) -> Result<Build, Error> {
    let context = workshop.context;
    require_space("build a kernel in", context.cache.root(), FIRST_SIZE)?;
    let temporary = context.cache.temporary(lock)?;
    let bench = bench(temporary.path(), &plan.request.source.tree)?;
    create(&bench.tree)?;
    configure(workshop, plan, &bench)?;
    let measured = make(workshop, &plan.inputs, &bench, expected_steps(workshop, &plan.inputs, FIRST_STEPS)?)?;
    // The tree first: a build in the cache without its tree is no harm, but costs the tree when an upgrade is wanted.
    context.cache.publish(&bench.tree, &tree(workshop, plan), lock)?;
    entry::publish(context, &plan.inputs, &bench.out, measured, lock)
}

fn build_upgrade(
    workshop: &Workshop<'_>,
    first: &Plan<'_>,
    inputs: &Inputs,
    change: &Change,
    lock: &Lock,
) -> Result<Build, Error> {
    let context = workshop.context;
    require_space("build an upgrade in", context.cache.root(), UPGRADE_SIZE)?;
    let temporary = context.cache.temporary(lock)?;
    let unchanged = &first.request.source.tree;
    let source = match &change.patch {
        None => unchanged.clone(),
        Some(patch) => patched(workshop, inputs, unchanged, patch, temporary.path())?,
    };
    let bench = bench(temporary.path(), &source)?;
    let from = tree(workshop, first);
    context.stage(Stage::Source, "copying the output tree", || {
        workshop.on_cache("copy", &[&from, &bench.tree], Stage::Source, "copy an output tree")
    })?;
    if change.patch.is_none() {
        workshop.on_bench(&bench, &["relink"], "have vmlinux linked again", &mut |_, _| {})?;
    }
    let measured = make(workshop, inputs, &bench, expected_steps(workshop, inputs, UPGRADE_STEPS)?)?;
    check_config(first, &bench)?;
    entry::publish(context, inputs, &bench.out, measured, lock)
}

/// A changed copy of a source tree, that shares what is unchanged with it.
fn patched(
    workshop: &Workshop<'_>,
    inputs: &Inputs,
    unchanged: &Path,
    patch: &Path,
    parent: &Path,
) -> Result<PathBuf, Error> {
    let upgrade = inputs.upgrade.clone().unwrap_or_default();
    let (source, own) = (parent.join("source"), parent.join("upgrade.patch"));
    // Only what lies in the cache is seen inside.
    fs::copy(patch, &own).map_err(|source| Error::io("copy", patch, source))?;
    let what = format!("changing the source by {upgrade}");
    workshop
        .context
        .stage(Stage::Source, what, || {
            workshop.on_cache("patch", &[unchanged, &source, &own], Stage::Source, "change the source")
        })
        .map_err(|error| match error {
            Error::Failed { output, .. } => {
                let source_name = format!("{} {}", inputs.source.line, inputs.source.version);
                Error::PatchFailed { upgrade, source_name, output }
            }
            other => other,
        })?;
    Ok(source)
}

fn bench(parent: &Path, source: &Path) -> Result<Bench, Error> {
    let [tree, recipe, out] = ["build", "recipe", "out"].map(|name| parent.join(name));
    create(&recipe)?;
    create(&out)?;
    Ok(Bench { source: source.to_owned(), tree, recipe, out })
}

fn create(directory: &Path) -> Result<(), Error> {
    fs::create_dir(directory).map_err(|source| Error::io("create", directory, source))
}

fn configure(workshop: &Workshop<'_>, plan: &Plan<'_>, bench: &Bench) -> Result<(), Error> {
    let fragment = bench.recipe.join("merged.config");
    fs::write(&fragment, plan.asked.to_string()).map_err(|source| Error::io("write", &fragment, source))?;
    let context = workshop.context;
    context.stage(Stage::Configure, format!("configuring {}", plan.name()), || {
        let stage = Stage::Configure;
        workshop.on_bench(bench, &["configure"], "configure a kernel", &mut |_, line| {
            (context.progress)(Progress::Line { stage, text: line.to_owned() });
        })
    })?;
    check_config(plan, bench)
}

fn check_config(plan: &Plan<'_>, bench: &Bench) -> Result<(), Error> {
    let lost = Symbols::load(&bench.tree.join(".config"))?.lost(&plan.asked, &plan.request.config.expected_off);
    if lost.is_empty() { Ok(()) } else { Err(Error::ConfigLost { what: plan.name(), lost }) }
}

/// Runs kbuild and collects what is published.
fn make(workshop: &Workshop<'_>, inputs: &Inputs, bench: &Bench, expected: u64) -> Result<Measured, Error> {
    let (context, start, what) = (workshop.context, Instant::now(), entry::name(inputs));
    let mut log = Log::create(&context.cache.logs().join(format!("{what}.log")))?;
    let jobs = thread::available_parallelism().map_or(1, usize::from).to_string();
    let steps = context.stage(Stage::Build, format!("building {what}"), || {
        let result = workshop.on_bench(bench, &["make", &jobs], "build a kernel", &mut |_, line| {
            if log.line(line) {
                let (done, stage) = (log.steps(), Stage::Build);
                (context.progress)(Progress::Amount { stage, done, total: expected.max(done) });
            }
        });
        log.finish(result, &what)
    })?;
    let mut release = String::new();
    context.stage(Stage::Collect, format!("collecting {what}"), || {
        workshop.on_bench(bench, &["collect"], "collect what was built", &mut |stream, line| {
            if stream == crate::process::Stream::Out {
                release = line.to_owned();
            }
        })
    })?;
    let milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Measured { release, steps, milliseconds })
}

/// The steps of the latest build of the same line, configuration and upgrade, else of the same line, else a guess.
fn expected_steps(workshop: &Workshop<'_>, inputs: &Inputs, guess: u64) -> Result<u64, Error> {
    let builds = list(&workshop.context.cache)?;
    let alike = |build: &&Build| {
        let manifest = &build.manifest;
        manifest.source.line == inputs.source.line && manifest.upgrade == inputs.upgrade
    };
    Ok(builds.iter().filter(alike).map(|build| build.manifest.steps).max().unwrap_or(guess))
}

#[cfg(test)]
mod tests;

//! Running a build: copying the source and the tree, running kbuild, and collecting the result.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use super::build_env::{BuildDirs, BuildEnv};
use super::config::Symbols;
use super::entry::list;
use super::entry::{self, Build, Measured};
use super::kernel_configs::Change;
use super::kernel_configs::is_from_nothing;
use super::key::Inputs;
use super::log::Log;
use super::plan::{Plan, Request, has_tree, tree};
use crate::cache::Directories as _;
use crate::error::Error;
use crate::source::Source;
use crate::stage;
use container::{Context, Progress};
use container::{Lock, require_space};

/// The space that a first build takes beside the cache, in bytes: the output tree (675 MB for 6.1) and the published
/// files.
const FIRST_SIZE: u64 = 1_500_000_000;

/// The space that an upgrade takes, in bytes: the same, plus the directories of the hard-linked source.
const UPGRADE_SIZE: u64 = 1_600_000_000;

/// The expected steps of a first build without an earlier one to go by: about those of 6.1.
pub(super) const FIRST_STEPS: u64 = 1_400;

/// The expected steps of a first build on another configuration's tree, without an earlier one to go by: everything
/// that one symbol affects, and the BTF of every module.
const DERIVED_STEPS: u64 = 100;

/// The expected steps of an upgrade that touches one file.
const UPGRADE_STEPS: u64 = 60;

/// Makes a first build, and before it the build on whose tree it is based. Publishes the build and its tree.
pub(super) fn first(build_env: &BuildEnv<'_>, plan: &Plan<'_>, lock: &Lock) -> Result<Build, Error> {
    let context = build_env.context;
    let from = match plan.base_tree() {
        None => None,
        Some(config) => {
            let base_tree = Plan::first(build_env, Request { config: &config, ..plan.request })?;
            ensure_tree(build_env, &base_tree, lock)?;
            Some(tree(build_env, &base_tree))
        }
    };
    require_space("build a kernel in", context.cache.root(), FIRST_SIZE)?;
    say(lock, context, &plan.inputs)?;
    let temporary = context.cache.temporary(lock)?;
    let dirs = build_dirs(temporary.path(), &plan.request.source.tree)?;
    match &from {
        None => create(&dirs.tree)?,
        Some(from) => copy_tree(build_env, from, &dirs.tree)?,
    }
    configure(build_env, plan, &dirs)?;
    let guess = if from.is_none() { FIRST_STEPS } else { DERIVED_STEPS };
    let measured = make(build_env, &plan.inputs, &dirs, expected_steps(build_env, &plan.inputs, guess)?)?;
    // The tree is published first: without the tree, a published build would have to be repeated for an upgrade.
    context.cache.publish(&context.monitor(), &dirs.tree, &tree(build_env, plan), lock)?;
    entry::publish(context, &plan.inputs, &dirs.out, measured, lock)
}

/// Makes a first build and its tree, unless both are in the cache.
pub(super) fn ensure_tree(build_env: &BuildEnv<'_>, plan: &Plan<'_>, lock: &Lock) -> Result<(), Error> {
    if has_tree(build_env, plan) { Ok(()) } else { first(build_env, plan, lock).map(drop) }
}

/// Builds an upgrade on a copy of its first build's tree.
pub(super) fn upgrade(
    build_env: &BuildEnv<'_>,
    first: &Plan<'_>,
    inputs: &Inputs,
    change: &Change,
    lock: &Lock,
) -> Result<Build, Error> {
    let context = build_env.context;
    require_space("build an upgrade in", context.cache.root(), UPGRADE_SIZE)?;
    say(lock, context, inputs)?;
    let temporary = context.cache.temporary(lock)?;
    let source = match &change.patch {
        None => first.request.source.tree.clone(),
        Some(patch) => {
            let copy = temporary.path().join("source");
            let name = inputs.upgrade.as_deref().unwrap_or_default();
            patched(build_env, first.request.source, &[(name, patch)], &copy)?;
            copy
        }
    };
    let dirs = build_dirs(temporary.path(), &source)?;
    copy_tree(build_env, &tree(build_env, first), &dirs.tree)?;
    if change.patch.is_none() {
        build_env.in_dirs(&dirs, &["relink"], "have vmlinux linked again", &mut |_, _| {})?;
    }
    let measured = make(build_env, inputs, &dirs, expected_steps(build_env, inputs, UPGRADE_STEPS)?)?;
    check_config(first, &dirs)?;
    entry::publish(context, inputs, &dirs.out, measured, lock)
}

/// Reports which kernel is being built.
fn say(lock: &Lock, context: &Context<'_>, inputs: &Inputs) -> Result<(), Error> {
    let root = context.cache.root();
    lock.say(&format!("building {}", entry::name(inputs)))
        .map_err(|source| Error::io("write to the lock in", root, source))
}

/// Copies an output tree with its time stamps.
pub(super) fn copy_tree(build_env: &BuildEnv<'_>, from: &Path, to: &Path) -> Result<(), Error> {
    build_env.context.stage(stage::SOURCE, "copying the output tree", || {
        build_env.on_cache("copy", &[from, to], stage::SOURCE, "copy an output tree")
    })
}

/// Copies a source tree by hard links, except for the files that the patches change. Each patch has a name and a
/// text.
pub(super) fn patched(
    build_env: &BuildEnv<'_>,
    source: &Source,
    changes: &[(&str, &str)],
    copy: &Path,
) -> Result<(), Error> {
    let upgrade = changes.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" and ");
    let mut own = Vec::new();
    for (number, (_, patch)) in changes.iter().enumerate() {
        // Only the cache is mounted in the container.
        let path = copy.with_extension(format!("{number}.patch"));
        fs::write(&path, patch).map_err(|source| Error::io("write", &path, source))?;
        own.push(path);
    }
    let paths: Vec<&Path> = [source.tree.as_path(), copy].into_iter().chain(own.iter().map(PathBuf::as_path)).collect();
    let what =
        if changes.is_empty() { "linking the source".into() } else { format!("changing the source by {upgrade}") };
    let run = || build_env.on_cache("patch", &paths, stage::SOURCE, "change the source");
    build_env.context.stage(stage::SOURCE, what, run).map_err(|error| match error {
        Error::Container(container::Error::Failed { output, .. }) if !changes.is_empty() => {
            let source_name = format!("{} {}", source.identity.series, source.identity.version);
            Error::PatchFailed { upgrade, source_name, output }
        }
        other => other,
    })
}

pub(super) fn build_dirs(parent: &Path, source: &Path) -> Result<BuildDirs, Error> {
    let [tree, recipe, out] = ["build", "recipe", "out"].map(|name| parent.join(name));
    create(&recipe)?;
    create(&out)?;
    Ok(BuildDirs { source: source.to_owned(), tree, recipe, out })
}

pub(super) fn create(directory: &Path) -> Result<(), Error> {
    fs::create_dir(directory).map_err(|source| Error::io("create", directory, source))
}

/// Configures a tree, and checks the final configuration against the fragments.
pub(super) fn configure(build_env: &BuildEnv<'_>, plan: &Plan<'_>, dirs: &BuildDirs) -> Result<(), Error> {
    let fragment = dirs.recipe.join("merged.config");
    fs::write(&fragment, plan.asked.to_string()).map_err(|source| Error::io("write", &fragment, source))?;
    let context = build_env.context;
    context.stage(stage::CONFIGURE, format!("configuring {}", plan.name()), || {
        let stage = stage::CONFIGURE;
        build_env.in_dirs(dirs, &["configure"], "configure a kernel", &mut |_, line| {
            (context.progress)(Progress::Line { stage, text: line.to_owned() });
        })
    })?;
    check_config(plan, dirs)
}

fn check_config(plan: &Plan<'_>, dirs: &BuildDirs) -> Result<(), Error> {
    let lost = Symbols::load(&dirs.tree.join(".config"))?.lost(&plan.asked, &plan.request.config.expected_off);
    if lost.is_empty() { Ok(()) } else { Err(Error::ConfigLost { what: plan.name(), lost }) }
}

/// Runs kbuild and collects the files that will be published.
fn make(build_env: &BuildEnv<'_>, inputs: &Inputs, dirs: &BuildDirs, expected: u64) -> Result<Measured, Error> {
    let (context, start, what) = (build_env.context, Instant::now(), entry::name(inputs));
    let mut log = Log::create(&context.cache.logs().join(format!("{what}.log")))?;
    let jobs = thread::available_parallelism().map_or(1, usize::from).to_string();
    let steps = context.stage(stage::BUILD, format!("building {what}"), || {
        let result = build_env.in_dirs(dirs, &["make", &jobs], "build a kernel", &mut |_, line| {
            if log.line(line) {
                let (done, stage) = (log.steps(), stage::BUILD);
                (context.progress)(Progress::Amount { stage, done, total: expected.max(done) });
            }
        });
        log.finish(result, &what)
    })?;
    let mut release = String::new();
    context.stage(stage::COLLECT, format!("collecting {what}"), || {
        build_env.in_dirs(dirs, &["collect"], "collect what was built", &mut |stream, line| {
            if stream == container::process::Stream::Out {
                release = line.to_owned();
            }
        })
    })?;
    let milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Measured { release, steps, milliseconds })
}

/// The steps of an earlier build of the same series and upgrade that was made the same way, or else `guess`.
fn expected_steps(build_env: &BuildEnv<'_>, inputs: &Inputs, guess: u64) -> Result<u64, Error> {
    let builds = list(&build_env.context.cache)?;
    let alike = |build: &&Build| {
        let manifest = &build.manifest;
        let as_this = is_from_nothing(&manifest.config) == is_from_nothing(&inputs.config);
        manifest.source.series == inputs.source.series && manifest.upgrade == inputs.upgrade && as_this
    };
    Ok(builds.iter().filter(alike).map(|build| build.manifest.steps).max().unwrap_or(guess))
}

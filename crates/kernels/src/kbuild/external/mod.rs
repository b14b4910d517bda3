//! External modules, built against a kernel with `make M=`: directories of the kernel's source, and modules of our
//! own.
//!
//! They are built on a copy of the kernel's output tree with its vmlinux, so that they get BTF. From 6.12 on they
//! also get `.BTF.base`, which kbuild creates only for `M=` (scripts/Makefile.modfinal). The result of
//! `modules_install` is published: modules without debug information, in a module directory like a kernel's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::build_env::{BuildEnv, SOURCE};
use super::entry::hash_files;
use super::key::Key;
use super::log::Log;
use super::sandbox::{BuildSandbox, Command, EXTERNAL, Setup};
use super::{Plan, Request, upgraded};
use crate::cache::Directories as _;
use crate::error::Error;
use crate::pins::is_word;
use crate::source::Identity;
use crate::stage;
use container::json_file;
use container::{Cache, Progress};
use util::Sha256;

/// Written last: a directory without this file is not complete. The name differs from that of a kernel's manifest.
const MANIFEST: &str = "external.json";

/// Increment this to rebuild all modules although no other input has changed.
const RECIPE: u32 = 1;

/// The assumed number of steps for a module. The real number is unknown.
const STEPS: u64 = 10;

/// A request to build modules against a kernel.
#[derive(Debug, Clone, Copy)]
pub struct ExternalRequest<'a> {
    /// The kernel, a first build or an upgrade. An upgrade is rebuilt for this, because its tree is not kept.
    pub request: Request<'a>,
    /// Directories of the source (`fs/fuse`) or of `kernel-configs/external` (`modbtf_probe`). If both have a name,
    /// the latter is used.
    pub sources: &'a [String],
}

/// Which modules were built against which kernel, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalManifest {
    /// Series, configuration and upgrade of the kernel, `external`, and the first digits of the key:
    /// `6.1-strict-external-0123abcd`.
    pub name: String,
    /// The hash over everything that decides the result.
    pub key: Key,
    /// The name of the kernel's build.
    pub kernel: String,
    /// The kernel's source.
    pub source: Identity,
    /// The configuration's name.
    pub config: String,
    /// The upgrade, if the kernel is one.
    pub upgrade: Option<String>,
    /// The output of `uname -r` on the kernel for which the modules were built.
    pub release: String,
    /// The module directories that were built, sorted.
    pub sources: Vec<String>,
    /// The toolchain's packages with their versions.
    pub toolchain: BTreeMap<String, String>,
    /// The number of steps that kbuild printed.
    pub steps: u64,
    /// How long the build took, in milliseconds.
    pub milliseconds: u64,
    /// The hash of every file, by its path in the directory.
    pub files: BTreeMap<String, Sha256>,
}

/// Modules in the cache. Their directory is read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// The manifest.
    pub manifest: ExternalManifest,
    /// Their directory.
    pub directory: PathBuf,
    /// The modules without debug information: `…/lib/modules/<release>`, in `updates`. The kernel's own modules are
    /// not included. depmod has not been run there.
    pub modules: PathBuf,
}

impl External {
    fn describe(manifest: ExternalManifest, directory: PathBuf) -> Self {
        Self { modules: directory.join("lib/modules").join(&manifest.release), directory, manifest }
    }
}

/// A directory of modules.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Module {
    name: String,
    /// For one of our own, the hash of the directory.
    own: Option<Sha256>,
}

impl Module {
    fn find(request: &Request<'_>, name: &str) -> Result<Self, Error> {
        let is_path = name.split('/').all(|component| is_word(&component.replace('_', "-")));
        let own = request.configs.external().join(name);
        if is_path && !name.contains('/') && own.is_dir() {
            return Ok(Self { name: name.to_owned(), own: Some(hash(&own)?) });
        }
        let tree = request.source.tree.join(name);
        if is_path && ["Makefile", "Kbuild"].iter().any(|file| tree.join(file).is_file()) {
            return Ok(Self { name: name.to_owned(), own: None });
        }
        let (what, known) = ("directory of the source or external module", request.configs.own_modules()?);
        Err(Error::UnknownName { what, given: name.to_owned(), known })
    }

    /// Its path in the container.
    fn directory(&self) -> String {
        let root = if self.own.is_some() { EXTERNAL } else { SOURCE };
        format!("{root}/{}", self.name)
    }

    /// Returns an error if one of our own has changed since the key was computed.
    fn check(&self, external: &Path) -> Result<(), Error> {
        let copy = external.join(&self.name);
        match &self.own {
            Some(wanted) if hash(&copy)? != *wanted => Err(Error::Changed { what: self.name.clone() }),
            _ => Ok(()),
        }
    }

    /// Whether at least one module was built in it.
    fn has_any(&self, dirs: &BuildSandbox<'_>) -> bool {
        let root = if self.own.is_some() { dirs.external() } else { dirs.source() };
        let files = WalkDir::new(root.join(&self.name)).into_iter().filter_map(Result::ok);
        files.into_iter().any(|entry| entry.path().extension().is_some_and(|extension| extension == "ko"))
    }
}

/// The hash over the names and contents of a directory's files.
fn hash(directory: &Path) -> Result<Sha256, Error> {
    let mut text = String::new();
    for entry in WalkDir::new(directory).sort_by_file_name() {
        let entry = entry.map_err(|error| Error::io("read", directory, error.into()))?;
        if entry.file_type().is_file() {
            let path = entry.path();
            let name = path.strip_prefix(directory).unwrap_or(path);
            let content = Sha256::of_file(path).map_err(|source| Error::io("read", path, source))?.0;
            text.push_str(&format!("{content} {}\n", name.display()));
        }
    }
    Ok(Sha256::of(text.as_bytes()))
}

/// The key of modules that are built against the kernel with the key `kernel`.
fn key(recipe: u32, script: &str, kernel: Key, modules: &[Module]) -> Key {
    let sources: Vec<_> = modules.iter().map(|module| (&module.name, &module.own)).collect();
    Key::of(&(recipe, script, kernel, sources))
}

/// A request together with everything that was looked up for it.
struct Wanted<'a> {
    request: Request<'a>,
    modules: Vec<Module>,
    /// The name without the key.
    stem: String,
    kernel: String,
    key: Key,
    toolchain: BTreeMap<String, String>,
}

impl<'a> Wanted<'a> {
    fn of(build_env: &BuildEnv<'_>, wanted: &ExternalRequest<'a>) -> Result<Self, Error> {
        let request = wanted.request;
        let first = Plan::first(build_env, request)?;
        let inputs = match request.upgrade {
            None => first.inputs,
            Some(upgrade) => upgraded(&first, upgrade)?.0,
        };
        let mut names: Vec<&String> = wanted.sources.iter().collect();
        names.sort();
        names.dedup();
        let modules: Vec<Module> =
            names.into_iter().map(|name| Module::find(&request, name)).collect::<Result<_, _>>()?;
        let key = key(RECIPE, super::sandbox_script::SCRIPT, inputs.key(), &modules);
        let kernel = super::entry::name(&inputs);
        let stem = kernel.rsplit_once('-').map_or(kernel.as_str(), |(stem, _)| stem).to_owned();
        Ok(Self { request, modules, stem, kernel, key, toolchain: inputs.toolchain })
    }

    fn name(&self) -> String {
        format!("{}-external-{}", self.stem, self.key.short())
    }

    fn find(&self, cache: &Cache) -> Option<External> {
        let directory = cache.builds().join(self.name());
        let manifest: ExternalManifest = json_file::read(&directory.join(MANIFEST))?;
        let external = (manifest.key == self.key).then(|| External::describe(manifest, directory))?;
        external.modules.is_dir().then_some(external)
    }
}

/// The modules for a request, if they are in the cache.
///
/// # Errors
///
/// Same as [`build`], limited to what a lookup can raise.
pub fn find(build_env: &BuildEnv<'_>, request: &ExternalRequest<'_>) -> Result<Option<External>, Error> {
    Ok(Wanted::of(build_env, request)?.find(&build_env.context.cache))
}

/// All external modules in the cache, sorted by name.
///
/// # Errors
///
/// [`container::Error::Io`].
pub fn list(cache: &Cache) -> Result<Vec<External>, Error> {
    let directory = cache.builds();
    let failed = |source| Error::io("read", &directory, source);
    let mut found = Vec::new();
    for entry in fs::read_dir(&directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let Some(manifest) = json_file::read(&path.join(MANIFEST)) {
            found.push(External::describe(manifest, path));
        }
    }
    found.sort_by(|left, right| left.manifest.name.cmp(&right.manifest.name));
    Ok(found)
}

/// Builds modules against a kernel. If the kernel is missing it is built first; modules that are in the cache are
/// reused. Each module must get BTF.
///
/// # Errors
///
/// Errors of [`super::build`]; [`Error::UnknownName`] for a module that is neither in the source nor one of our own;
/// [`Error::Changed`] for one of our own that changed during the build.
pub fn build(build_env: &BuildEnv<'_>, request: &ExternalRequest<'_>) -> Result<External, Error> {
    let wanted = Wanted::of(build_env, request)?;
    let cache = &build_env.context.cache;
    if let Some(external) = wanted.find(cache) {
        return Ok(external);
    }
    let in_tree = wanted.modules.iter().filter(|module| module.own.is_none());
    let writable = in_tree.map(|module| module.name.clone()).collect();
    let dirs = BuildSandbox::open(build_env, &Setup { writable, ..Setup::new(wanted.request) })?;
    wanted.modules.iter().try_for_each(|module| module.check(&dirs.external()))?;
    let start = Instant::now();
    let steps = make(build_env, &wanted, &dirs)?;
    let milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);

    let lock = cache.lock(&build_env.context.monitor())?;
    // Another run may have built them since the lookup.
    if let Some(external) = wanted.find(cache) {
        return Ok(external);
    }
    let (made, request) = (dirs.out(), &wanted.request);
    let manifest = ExternalManifest {
        name: wanted.name(),
        key: wanted.key,
        kernel: wanted.kernel.clone(),
        source: request.source.identity.clone(),
        config: request.config.name.clone(),
        upgrade: request.upgrade.map(str::to_owned),
        release: release(&dirs)?,
        sources: wanted.modules.iter().map(|module| module.name.clone()).collect(),
        toolchain: wanted.toolchain.clone(),
        steps,
        milliseconds,
        files: hash_files(build_env.context, &made)?,
    };
    json_file::write(&made.join(MANIFEST), &manifest)?;
    let target = cache.builds().join(&manifest.name);
    cache.publish(&build_env.context.monitor(), &made, &target, &lock)?;
    Ok(External::describe(manifest, target))
}

fn release(dirs: &BuildSandbox<'_>) -> Result<String, Error> {
    let path = dirs.tree().join("include/config/kernel.release");
    let text = fs::read_to_string(&path).map_err(|source| Error::io("read", &path, source))?;
    match text.trim() {
        release if is_word(release) => Ok(release.to_owned()),
        other => {
            let line = other.chars().take(200).collect();
            Err(Error::Unreadable { doing: "read the release of a kernel", line })
        }
    }
}

/// Builds and installs the modules. Returns the number of steps that kbuild printed.
fn make(build_env: &BuildEnv<'_>, wanted: &Wanted<'_>, dirs: &BuildSandbox<'_>) -> Result<u64, Error> {
    let (context, what) = (build_env.context, wanted.name());
    let path = context.cache.logs().join(format!("{what}.log"));
    let mut log = Log::create(&path)?;
    let total = STEPS.saturating_mul(wanted.modules.len() as u64);
    let steps = context.stage(stage::BUILD, format!("building {what}"), || {
        let mut on_line = |line: &str| {
            if log.line(line) {
                let (done, stage) = (log.steps(), stage::BUILD);
                (context.progress)(Progress::Amount { stage, done, total: total.max(done) });
            }
        };
        let result = commands(wanted).iter().try_for_each(|command| succeed(dirs, command, &mut on_line));
        log.finish(result, &what)
    })?;
    let barren = wanted.modules.iter().filter(|module| !module.has_any(dirs));
    let findings: Vec<_> =
        barren.map(|module| format!("{} gave no module in this configuration", module.name)).collect();
    if findings.is_empty() { Ok(steps) } else { Err(Error::BuildIncomplete { what, findings, log: path }) }
}

/// Runs a command whose failure is an error.
fn succeed(dirs: &BuildSandbox<'_>, command: &Command, on_line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let ran = dirs.run(command, on_line)?;
    let (doing, program, output) = ("build modules".to_owned(), "make".to_owned(), String::new());
    let status = format!("exit status: {}", ran.status);
    if ran.succeeded() {
        Ok(())
    } else {
        Err(Error::Container(container::Error::Failed { doing, program, status, output }))
    }
}

/// The commands that build and install the modules, in order.
fn commands(wanted: &Wanted<'_>) -> Vec<Command> {
    let jobs = format!("--jobs={}", thread::available_parallelism().map_or(1, usize::from));
    // The tree is that of the first build; the source is that of the upgrade.
    let kernel = wanted.request.upgrade.map(|_| Command::make(&[&jobs, "bzImage", "modules"]));
    let of_module = |module: &Module| {
        let directory = format!("M={}", module.directory());
        let install = ["INSTALL_MOD_PATH=/out", "INSTALL_MOD_DIR=updates", "INSTALL_MOD_STRIP=1", "DEPMOD=true"];
        let install: Vec<&str> = [directory.as_str(), "modules_install"].into_iter().chain(install).collect();
        [Command::make(&[&jobs, &directory, "modules"]), Command::make(&install)]
    };
    kernel.into_iter().chain(wanted.modules.iter().flat_map(of_module)).collect()
}

#[cfg(test)]
mod tests;

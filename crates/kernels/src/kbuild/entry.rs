//! Built kernels in the cache.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::encoder::{ENCODER, SHA256};
use super::key::{Inputs, Key};
use crate::cache::Directories as _;
use crate::error::Error;
use crate::source::Identity;
use container::{Cache, Context, scratch};
use container::{Lock, json_file};
use util::Sha256;

/// Written last into a build's directory: a directory without this file is not a complete build.
const MANIFEST: &str = "manifest.json";

/// What was built, from which inputs, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Series, configuration, upgrade and the first digits of the key: `6.1-strict-grow-0123abcd`.
    pub name: String,
    /// The hash over everything that decides the result.
    pub key: Key,
    /// The source.
    pub source: Identity,
    /// The configuration's name.
    pub config: String,
    /// The upgrade, unless this is a first build.
    pub upgrade: Option<String>,
    /// The output of `uname -r` on this kernel.
    pub release: String,
    /// The toolchain's packages with their versions.
    pub toolchain: BTreeMap<String, String>,
    /// The number of steps that kbuild printed.
    pub steps: u64,
    /// How long the build took, in milliseconds.
    pub milliseconds: u64,
    /// The hash of every file, by its path in the directory.
    pub files: BTreeMap<String, Sha256>,
}

impl Manifest {
    /// The name and the hash of the encoder that replaced the image's pahole, if any.
    #[must_use]
    pub fn encoder(&self) -> Option<(&str, &str)> {
        self.toolchain.get(ENCODER)?.rsplit_once(SHA256)
    }
}

/// A kernel in the cache. Its directory is read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The manifest.
    pub manifest: Manifest,
    /// Its directory.
    pub directory: PathBuf,
    /// The bootable image, a bzImage.
    pub image: PathBuf,
    /// The modules without debug information: `…/lib/modules/<release>`. depmod has not been run there.
    pub modules: PathBuf,
    /// The CRC of every exported symbol. If none of them changes, an upgrade is compatible.
    pub symvers: PathBuf,
    /// The final configuration.
    pub config: PathBuf,
    /// The kernel as ELF, with its BTF, without debug information.
    pub vmlinux: PathBuf,
}

impl Build {
    fn describe(manifest: Manifest, directory: PathBuf) -> Self {
        Self {
            image: directory.join("bzImage"),
            modules: directory.join("lib/modules").join(&manifest.release),
            symvers: directory.join("Module.symvers"),
            config: directory.join("config"),
            vmlinux: directory.join("vmlinux"),
            directory,
            manifest,
        }
    }

    /// The first file that is missing from an incomplete build.
    fn missing(&self) -> Option<&Path> {
        let parts = [&self.image, &self.symvers, &self.config, &self.vmlinux];
        let file = parts.into_iter().find(|path| !path.is_file());
        file.or(Some(&self.modules).filter(|path| !path.join("kernel").is_dir())).map(PathBuf::as_path)
    }
}

/// The name of a build, see [`Manifest::name`].
pub(super) fn name(inputs: &Inputs) -> String {
    let upgrade = inputs.upgrade.as_ref().map(|upgrade| format!("-{upgrade}")).unwrap_or_default();
    format!("{}-{}{upgrade}-{}", inputs.source.series, inputs.config, inputs.key().short())
}

/// A build, if it is in the cache.
pub(super) fn find(cache: &Cache, inputs: &Inputs) -> Option<Build> {
    let directory = cache.builds().join(name(inputs));
    let manifest: Manifest = json_file::read(&directory.join(MANIFEST))?;
    let build = (manifest.key == inputs.key()).then(|| Build::describe(manifest, directory))?;
    build.missing().is_none().then_some(build)
}

/// Writes the manifest for the directory `made`, and publishes it in the cache.
pub(super) fn publish(
    context: &Context<'_>,
    inputs: &Inputs,
    made: &Path,
    measured: Measured,
    lock: &Lock,
) -> Result<Build, Error> {
    let manifest = Manifest {
        name: name(inputs),
        key: inputs.key(),
        source: inputs.source.clone(),
        config: inputs.config.clone(),
        upgrade: inputs.upgrade.clone(),
        release: measured.release,
        toolchain: inputs.toolchain.clone(),
        steps: measured.steps,
        milliseconds: measured.milliseconds,
        files: hash_files(context, made)?,
    };
    let build = Build::describe(manifest, made.to_owned());
    if let Some(missing) = build.missing() {
        let what = missing.strip_prefix(made).unwrap_or(missing).display().to_string();
        return Err(Error::NoKernel { package: build.manifest.name, what });
    }
    json_file::write(&made.join(MANIFEST), &build.manifest)?;
    let target = context.cache.builds().join(&build.manifest.name);
    context.cache.publish(&context.monitor(), made, &target, lock)?;
    Ok(Build::describe(build.manifest, target))
}

/// Facts that are known only after the build.
#[derive(Debug)]
pub(super) struct Measured {
    pub release: String,
    pub steps: u64,
    pub milliseconds: u64,
}

/// The hash of every file below a directory, by its path.
pub(super) fn hash_files(context: &Context<'_>, root: &Path) -> Result<BTreeMap<String, Sha256>, Error> {
    let mut files = BTreeMap::new();
    for entry in WalkDir::new(root) {
        context.check_cancel("hash what was built")?;
        let entry = entry.map_err(|error| Error::io("read", root, error.into()))?;
        if entry.file_type().is_file() {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
            files.insert(name, Sha256::of_file(path).map_err(|source| Error::io("read", path, source))?.0);
        }
    }
    Ok(files)
}

/// Every build in the cache, sorted by name.
///
/// # Errors
///
/// [`container::Error::Io`].
pub fn list(cache: &Cache) -> Result<Vec<Build>, Error> {
    let directory = cache.builds();
    let failed = |source| Error::io("read", &directory, source);
    let mut builds = Vec::new();
    for entry in fs::read_dir(&directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let Some(manifest) = json_file::read(&path.join(MANIFEST)) {
            builds.push(Build::describe(manifest, path));
        }
    }
    builds.sort_by(|left, right| left.manifest.name.cmp(&right.manifest.name));
    Ok(builds)
}

/// Selects the files that [`clean`] removes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clean {
    /// Only files of these series are removed. An empty list means all series.
    pub series: Vec<String>,
    /// Also remove the source trees. If no series is selected, also remove the tools, the debug information of
    /// prebuilt kernels, and downloaded packages that were not unpacked.
    pub sources: bool,
}

/// Removes builds, modules built against them, their output trees and logs, and unused sandboxes. Returns the paths
/// that were removed.
///
/// # Errors
///
/// [`container::Error::Io`], [`container::Error::Cancelled`].
pub fn clean(context: &Context<'_>, what: &Clean) -> Result<Vec<PathBuf>, Error> {
    let lock = context.cache.lock(&context.monitor())?;
    let mut parents = vec![context.cache.builds(), context.cache.trees(), context.cache.logs()];
    if what.sources {
        parents.push(context.cache.sources());
        if what.series.is_empty() {
            parents.extend([context.cache.tools(), context.cache.debug(), context.cache.debs()]);
        }
    }
    let mut removed = Vec::new();
    for parent in parents {
        let failed = |source| Error::io("read", &parent, source);
        for entry in fs::read_dir(&parent).map_err(failed)? {
            context.check_cancel("clean the cache")?;
            let entry = entry.map_err(failed)?;
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let of_series =
                |series: &String| name.strip_prefix(series.as_str()).is_some_and(|rest| rest.starts_with('-'));
            if !what.series.is_empty() && !what.series.iter().any(of_series) {
                continue;
            }
            match path.is_dir() {
                true => context.cache.discard(&context.monitor(), &path, &lock)?,
                false => fs::remove_file(&path).map_err(|source| Error::io("remove", &path, source))?,
            }
            removed.push(path);
        }
    }
    removed.extend(scratch::sweep(&context.cache.benches())?);
    removed.sort();
    Ok(removed)
}

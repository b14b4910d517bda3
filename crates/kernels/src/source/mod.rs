//! Kernel sources in the cache: pinned ones from Debian, and a user's own.
//!
//! A tree is unpacked beside the cache, described by a manifest that is written last, and published by one rename, so
//! a tree in the cache is always complete. It is never changed: changes are made to copies.

mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use crate::pins::{SourcePin, SourcePins};

use crate::archive::{Archive, Availability, fetch_package};
use crate::cache::Directories as _;
use crate::error::Error;
use crate::kbuild::BuildEnv;
use crate::stage;
use crate::version;
use container::engine::Mount;
use container::{Lock, json_file, require_space};
use util::Sha256;

/// Written last: a directory without this file is not a complete source.
const MANIFEST: &str = "manifest.json";

/// The assumed size of a user's own source, in bytes, if the user gives none.
const OWN_SIZE: u64 = 2_000_000_000;

/// A source tree in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its identity.
    pub identity: Identity,
    /// The tree; read-only.
    pub tree: PathBuf,
}

/// Identifies the source from which something was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The series: `6.1`.
    #[serde(rename = "line")]
    pub series: String,
    /// Debian's version, or the version in the tree's Makefile: `6.1.192-2`, `7.2.0-rc1`.
    pub version: String,
    /// The hash of the package or tarball, or of the tree.
    pub sha256: Sha256,
}

impl Identity {
    /// `6.1-6.1.192-2-ae95fe63`.
    fn directory_name(&self) -> String {
        format!("{}-{}-{}", self.series, self.version, self.sha256.short(8))
    }
}

fn find(build_env: &BuildEnv<'_>, identity: &Identity) -> Option<Source> {
    let directory = build_env.context.cache.sources().join(identity.directory_name());
    let published: Identity = json_file::read(&directory.join(MANIFEST))?;
    let tree = directory.join("tree");
    (published == *identity && tree.join("Makefile").is_file()).then(|| Source { identity: identity.clone(), tree })
}

/// Fetches a pinned source into the cache. If it is cached, nothing is fetched.
///
/// # Errors
///
/// Same as [`crate::archive::acquire`]; [`Error::NoSource`] for a package without a kernel source. A package that the
/// archive lacks, or that cannot be looked up, is reported as [`crate::Unavailable`].
pub fn acquire(
    build_env: &BuildEnv<'_>,
    archive: &dyn Archive,
    pin: &SourcePin,
) -> Result<Availability<Source>, Error> {
    let identity = Identity { series: pin.series.clone(), version: pin.version.clone(), sha256: pin.sha256 };
    if let Some(source) = find(build_env, &identity) {
        return Ok(Availability::Available(source));
    }
    let context = build_env.context;
    let lock = context.cache.lock(&context.monitor())?;
    if let Some(source) = find(build_env, &identity) {
        return Ok(Availability::Available(source));
    }
    let package = match fetch_package(context, archive, &pin.to_pin(), &lock)? {
        Availability::Available(package) => package,
        Availability::Unavailable(why) => return Ok(Availability::Unavailable(why)),
    };
    require_space("unpack a kernel's source into", context.cache.root(), pin.unpacked)?;
    let temporary = context.cache.temporary(&lock)?;
    let tree = temporary.path().join("tree");
    context.stage(stage::SOURCE, format!("unpacking the source of {} {}", pin.series, pin.version), || {
        build_env.on_cache("unpack", &[&package, &tree], stage::SOURCE, "unpack a kernel's source")
    })?;
    tree::version(&tree)?;
    let source = publish(build_env, &identity, temporary.path(), &lock)?;
    fs::remove_file(&package).map_err(|source| Error::io("remove", &package, source))?;
    Ok(Availability::Available(source))
}

/// Puts a user's own source into the cache: a copy of a directory without its git history, or the content of a
/// tarball. The directory is read each time, to check whether the cached copy is still the same.
///
/// # Errors
///
/// [`Error::NoSource`] if no kernel can be built from it, [`container::Error::BadPath`], [`container::Error::Io`],
/// [`container::Error::DiskFull`], [`container::Error::Failed`], [`container::Error::Cancelled`].
pub fn own(build_env: &BuildEnv<'_>, path: &Path) -> Result<Source, Error> {
    let context = build_env.context;
    let path = fs::canonicalize(path).map_err(|source| Error::io("resolve", path, source))?;
    let is_directory = path.is_dir();
    let identify = |tree: &Path, sha256| {
        let version = tree::version(tree)?;
        let series = version::series(&version).unwrap_or_default().to_owned();
        Ok::<_, Error>(Identity { series, version, sha256 })
    };
    let hash = || match is_directory {
        true => tree::hash(context, &path),
        false => Sha256::of_file(&path).map(|(hash, _)| hash).map_err(|source| Error::io("read", &path, source)),
    };
    let sha256 = context.stage(stage::SOURCE, format!("hashing {}", path.display()), hash)?;
    let cached = match is_directory {
        true => find(build_env, &identify(&path, sha256)?),
        false => find_by_hash(build_env, sha256)?,
    };
    if let Some(source) = cached {
        return Ok(source);
    }
    let lock = context.cache.lock(&context.monitor())?;
    require_space("copy a kernel's source into", context.cache.root(), OWN_SIZE)?;
    let temporary = context.cache.temporary(&lock)?;
    let tree = temporary.path().join("tree");
    let command = if is_directory { "import" } else { "extract" };
    context.stage(stage::SOURCE, format!("copying {}", path.display()), || {
        build_env.run_script(
            &[command.into(), path.clone().into(), tree.clone().into()],
            vec![Mount::read_only(&path), Mount::writable(context.cache.root())],
            stage::SOURCE,
            "copy a kernel's source",
        )
    })?;
    // The copy is hashed, because the directory may have changed during the copy.
    let sha256 = if is_directory { tree::hash(context, &tree)? } else { sha256 };
    let named = |error| match error {
        Error::NoSource { why, .. } => Error::NoSource { path: path.clone(), why },
        other => other,
    };
    publish(build_env, &identify(&tree, sha256).map_err(named)?, temporary.path(), &lock)
}

/// The published source with this hash of a package or tarball. The series and version are in its manifest.
fn find_by_hash(build_env: &BuildEnv<'_>, sha256: Sha256) -> Result<Option<Source>, Error> {
    let directory = build_env.context.cache.sources();
    let failed = |source| Error::io("read", &directory, source);
    for entry in fs::read_dir(&directory).map_err(failed)? {
        let identity: Option<Identity> = json_file::read(&entry.map_err(failed)?.path().join(MANIFEST));
        if let Some(source) = identity.filter(|it| it.sha256 == sha256).and_then(|it| find(build_env, &it)) {
            return Ok(Some(source));
        }
    }
    Ok(None)
}

/// Publishes a directory that contains a `tree` as a source in the cache.
fn publish(build_env: &BuildEnv<'_>, identity: &Identity, made: &Path, lock: &Lock) -> Result<Source, Error> {
    json_file::write(&made.join(MANIFEST), identity)?;
    let target = build_env.context.cache.sources().join(identity.directory_name());
    build_env.context.cache.publish(&build_env.context.monitor(), made, &target, lock)?;
    Ok(Source { identity: identity.clone(), tree: target.join("tree") })
}

#[cfg(test)]
mod tests;

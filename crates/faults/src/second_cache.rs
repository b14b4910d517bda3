//! A second cache in which builds are broken. It shares read-only files with the first by hard links.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use container::scratch::LockedTempDir;
use kernels::cache;
use kernels::kbuild::{self, Build, Config, KernelConfigs, Manifest, Request};
use kernels::source::{self, SourcePins};
use scenario::run::RunEnvironment;
use walkdir::WalkDir;
use xshell::{Shell, cmd};

use crate::program::{names, program};

/// The kernel series whose builds are broken.
pub const LINE: &str = "6.1";

/// The configuration.
pub const CONFIG: &str = "strict";

/// The upgrade.
pub const UPGRADE: &str = "grow";

/// The directories of published entries.
const PUBLISHED: [&str; 5] = ["builds", "debs", "kernels", "sources", "trees"];

/// The second cache, and the builds in the first cache whose bytes its own must equal.
#[derive(Debug)]
pub struct SecondCache {
    scratch: LockedTempDir,
    kernel_configs: PathBuf,
    root: PathBuf,
    /// The first build, on which an upgrade is built.
    pub first: Build,
    /// The upgrade.
    pub upgraded: Build,
    /// The shared directories: their paths in both caches, and the state of their files.
    shared: [Shared; 3],
}

#[derive(Debug)]
struct Shared {
    from: PathBuf,
    to: PathBuf,
    stamp: u64,
}

/// Whether a second cache has the first build and its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    Built,
    Missing,
}

impl SecondCache {
    /// Creates it. Builds and sources that the first cache lacks are added to the first cache in the ordinary way.
    pub fn make(ready: &RunEnvironment<'_>, kernel_configs: &Path) -> Result<Self> {
        let build_env = ready.build_env()?;
        let source =
            source::acquire(&build_env, &ready.archive(), SourcePins::builtin()?.series(LINE)?)?.into_result()?;
        let (configs, config) = (KernelConfigs::at(kernel_configs), Config::new(&[CONFIG]));
        let request = Request { source: &source, configs: &configs, config: &config, upgrade: None };
        let first = kbuild::build(&build_env, &request)?;
        let upgraded = kbuild::build(&build_env, &Request { upgrade: Some(UPGRADE), ..request })?;
        let tree = kbuild::output_tree(&build_env, &request)?.with_context(|| {
            format!("the tree of {} was removed: cargo xtask kernel clean {LINE}", first.manifest.name)
        })?;

        let scratch = LockedTempDir::make(&ready.runs, "builds")?;
        let root = cache::at(&scratch.path().join("cache"))?.root().to_owned();
        let (real, sh) = (ready.context.cache.root(), Shell::new()?);
        copy_verdicts(real, &root)?;
        let directory = source.tree.parent().context("the source has no directory")?.to_owned();
        let mut shared = [directory, first.directory.clone(), tree].map(|from| {
            let to = root.join(from.strip_prefix(real).unwrap_or(&from));
            Shared { from, to, stamp: 0 }
        });
        for Shared { from, to, stamp } in &mut shared {
            cmd!(sh, "cp -al {from} {to}").quiet().run()?;
            *stamp = stamp_of(to)?;
        }
        Ok(Self { scratch, kernel_configs: kernel_configs.to_owned(), root, first, upgraded, shared })
    }

    /// The kernel-configs with which the builds are made.
    pub fn kernel_configs(&self) -> &Path {
        &self.kernel_configs
    }

    /// Its root directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A directory for other files that a fault needs.
    pub fn beside(&self) -> &Path {
        self.scratch.path()
    }

    /// The shared directories, with their paths below [`SecondCache::root`].
    pub fn shared(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.shared
            .iter()
            .filter_map(|shared| Some((shared.to.as_path(), shared.to.strip_prefix(&self.root).ok()?.to_str()?)))
    }

    /// Resets it to its state before any build except the first, or before any build at all. Nothing may run in it.
    pub fn reset(&self, first: First) -> Result<()> {
        let sh = Shell::new()?;
        for name in ["builds", "debs", "logs", "tmp", "trees"] {
            let directory = self.root.join(name);
            fs::remove_dir_all(&directory)?;
            fs::create_dir(&directory)?;
        }
        for Shared { from, to, .. } in self.shared.iter().filter(|_| first == First::Built) {
            if !to.exists() {
                cmd!(sh, "cp -al {from} {to}").quiet().run()?;
            }
        }
        Ok(())
    }

    /// Its published entries.
    pub fn published(&self) -> Result<Vec<String>> {
        published(&self.root)
    }

    /// The command with this cache.
    pub fn command(&self, mut command: Command) -> Command {
        command.env("MODBTF_CACHE", &self.root);
        command
    }

    /// Checks that the shared files were not written to.
    pub fn demand_untouched(&self) -> Result<()> {
        for Shared { to, stamp, .. } in self.shared.iter().filter(|shared| shared.to.exists()) {
            ensure!(stamp_of(to)? == *stamp, "a read-only file was changed: {}", to.display());
        }
        Ok(())
    }
}

/// Copies what a cache has stored about engine and images, so that it need not be determined again.
pub fn copy_verdicts(from: &Path, to: &Path) -> Result<()> {
    let sh = Shell::new()?;
    for name in ["engine.json", "images"] {
        let from = from.join(name);
        cmd!(sh, "cp -a {from} {to}").quiet().run()?;
    }
    Ok(())
}

/// The published entries of a cache, by directory and name.
pub fn published(root: &Path) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for parent in PUBLISHED {
        all.extend(names(&root.join(parent))?.into_iter().map(|name| format!("{parent}/{name}")));
    }
    Ok(all)
}

/// The builds of a cache, according to `kernel list`.
pub fn listed(root: &Path) -> Result<Vec<Manifest>> {
    let mut command = program(&["kernel", "list", "--json"])?;
    let output = command.env("MODBTF_CACHE", root).output().context("cannot run this program")?;
    ensure!(output.status.success(), "`kernel list` ended with {}", output.status);
    let mut all: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("`kernel list --json` gave no JSON")?;
    serde_json::from_value(all["kernels"].take()).context("`kernel list --json` gave something else")
}

/// A digest of the metadata of a directory's files, which a write would change.
fn stamp_of(directory: &Path) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    for entry in WalkDir::new(directory).sort_by_file_name() {
        let entry = entry?;
        if entry.file_type().is_file() {
            let metadata = entry.metadata()?;
            entry.path().strip_prefix(directory)?.hash(&mut hasher);
            let times = (metadata.mtime(), metadata.mtime_nsec());
            (metadata.ino(), metadata.len(), metadata.mode(), times).hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_through_a_link_is_seen_and_a_link_more_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| dir.path().join(name));
        fs::create_dir(&one).unwrap();
        fs::create_dir(&two).unwrap();
        fs::write(one.join("file"), "abc").unwrap();
        let stamp = stamp_of(&one).unwrap();
        fs::hard_link(one.join("file"), two.join("file")).unwrap();
        assert_eq!([stamp_of(&one).unwrap(), stamp_of(&two).unwrap()], [stamp; 2]);
        fs::write(two.join("file"), "abcd").unwrap();
        assert_ne!(stamp_of(&one).unwrap(), stamp);
    }
}

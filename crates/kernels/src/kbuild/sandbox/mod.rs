//! A private copy of a build's output tree, to try things on.
//!
//! What kbuild does when something is missing, old or changed is seen by having it do that. A [`BuildSandbox`] has a source and an
//! output tree of its own, at the paths at which kernels are built (`/usr/src/linux`, `/build`), with the time stamps of the
//! originals, so that kbuild finds everything up to date that nobody touched. Any command is run on it, in the build image;
//! what it said, how it ended and what time it took is data, a failure included.
//!
//! The source shares its files with the cache's by hard links, and can only be read from inside, but for directories that are
//! named in [`Setup::writable`]. Nothing is to be written into its files from outside either: [`BuildSandbox::touch`] gives the
//! file an inode of its own first.
//!
//! A sandbox needs the cache's lock only while something is built that is missing. Several can be open side by side, in one
//! process and in several, and beside a build. It is gone when it is dropped; the next one removes those that killed processes
//! left.

mod place;
mod run;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

pub use place::{File, Place};
pub use run::{Command, Ran, Times};

use super::kernel_configs::Change;
use super::make::{build_dirs, configure, copy_tree, create, patched};
use super::sandbox_script::TOOLS;
use super::{BuildEnv, Plan, Request, build_env, ensure_first, entry};
use crate::cache::Directories as _;
use crate::error::Error;
use crate::stage;
use crate::tools::Tool;
use container::engine::Mount;
use container::require_space;
use container::scratch::{self, LockedTempDir};

/// Where own modules are, inside.
pub const EXTERNAL: &str = "/usr/src/external";

/// What a copy of an output tree takes, and of the directories of a source, in bytes.
const SIZE: u64 = 1_500_000_000;

/// What a sandbox begins with.
#[derive(Debug, Clone)]
pub struct Setup<'a> {
    /// Whose configuration and output tree it has: the tree is always that of the first build, which is built where it is
    /// missing. An upgrade changes the source, and no more: nothing was built with it yet.
    pub request: Request<'a>,
    /// What of the output tree is there.
    pub start: Start,
    /// A further change of `kernel-configs/upgrades` that is applied to the source, on top of the upgrade.
    pub patch: Option<&'a str>,
    /// Directories of the source that can be written from inside, as `M=` on them needs: `fs/fuse`. Their files are copies.
    /// `M=/usr/src/linux/fs/fuse` builds there on every line; a relative `M=fs/fuse` builds in `/build/fs/fuse` on 6.1, where
    /// VPATH leads to the source, and not on lines whose top Makefile sets none for `M=`.
    pub writable: Vec<String>,
    /// Small files that are seen in `/recipe`.
    pub files: Vec<File>,
    /// Programs that are seen in `/tools/<name>`.
    pub tools: Vec<&'a Tool>,
}

impl<'a> Setup<'a> {
    /// The whole output tree of this request's first build, and nothing besides.
    #[must_use]
    pub fn new(request: Request<'a>) -> Self {
        let (writable, files, tools) = (Vec::new(), Vec::new(), Vec::new());
        Self { request, start: Start::Built, patch: None, writable, files, tools }
    }
}

/// What of the output tree a sandbox has in the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// All of it.
    Built,
    /// All but these files, by their paths in the tree: `vmlinux`, `Module.symvers`. One that is not there is an error, since
    /// whoever names it takes it for a file of the tree.
    BuiltWithout(Vec<String>),
    /// A tree with the final `.config` and nothing else. No kernel is built for it.
    Configured,
}

/// A private source and output tree, on which commands are run. Removed when dropped.
#[derive(Debug)]
pub struct BuildSandbox<'a> {
    build_env: BuildEnv<'a>,
    folder: LockedTempDir,
    writable: Vec<String>,
    has_tools: bool,
}

impl<'a> BuildSandbox<'a> {
    /// Makes a sandbox; builds first what it is a copy of, where the cache does not have it.
    ///
    /// # Errors
    ///
    /// Those of [`super::build`]; [`Error::PatchFailed`] for a change that does not fit; [`Error::BadSandbox`] for a path or
    /// a name that is none, or is not there.
    pub fn open(build_env: &BuildEnv<'a>, setup: &Setup<'_>) -> Result<Self, Error> {
        let context = build_env.context;
        let first = Plan::first(build_env, setup.request)?;
        let from = match setup.start {
            Start::Configured => None,
            Start::Built | Start::BuiltWithout(_) => Some(ensure_first(build_env, &first)?),
        };
        let sandboxes = context.cache.benches();
        scratch::sweep(&sandboxes)?;
        require_space("copy an output tree into", context.cache.root(), SIZE)?;
        let folder = LockedTempDir::make(&sandboxes, &first.inputs.source.series)?;
        let sandbox = Self {
            build_env: *build_env,
            folder,
            writable: setup.writable.clone(),
            has_tools: !setup.tools.is_empty(),
        };
        sandbox.copy_source(setup)?;
        match from {
            Some(from) => sandbox.copy_tree(&from)?,
            None => sandbox.make_configured(&first)?,
        }
        if let Start::BuiltWithout(names) = &setup.start {
            names.iter().try_for_each(|name| place::remove(&sandbox.tree(), name))?;
        }
        for directory in [sandbox.recipe(), sandbox.out(), sandbox.tools()] {
            create(&directory)?;
        }
        setup.files.iter().try_for_each(|file| place::write(&sandbox.recipe(), file))?;
        place::copy_directory(&setup.request.configs.external(), &sandbox.external())?;
        setup.tools.iter().try_for_each(|tool| sandbox.copy_tool(tool))?;
        Ok(sandbox)
    }

    /// The output tree, outside; `/build` inside.
    #[must_use]
    pub fn tree(&self) -> PathBuf {
        self.folder.path().join("build")
    }

    /// The source, outside; `/usr/src/linux` inside. Only to be read, see [`BuildSandbox::touch`].
    #[must_use]
    pub fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    /// A copy of `kernel-configs/external`, outside; `/usr/src/external` inside. Can be written.
    #[must_use]
    pub fn external(&self) -> PathBuf {
        self.folder.path().join("external")
    }

    /// An empty directory for results, outside; `/out` inside.
    #[must_use]
    pub fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn recipe(&self) -> PathBuf {
        self.folder.path().join("recipe")
    }

    fn tools(&self) -> PathBuf {
        self.folder.path().join("tools")
    }

    /// Gives a file the present time, as `touch` does; one of the source is no longer shared then.
    ///
    /// # Errors
    ///
    /// [`Error::BadSandbox`] for a path that leaves the place or is no file there; [`container::Error::Io`].
    pub fn touch(&self, place: Place, path: &str) -> Result<(), Error> {
        let root = match place {
            Place::Source => self.source(),
            Place::Tree => self.tree(),
            Place::External => self.external(),
        };
        place::touch(&root, path)
    }

    /// A hard-linked copy of the source, changed by the upgrade and the patch.
    fn copy_source(&self, setup: &Setup<'_>) -> Result<(), Error> {
        let (request, context) = (&setup.request, self.build_env.context);
        let line = &request.source.identity.series;
        let mut changes = Vec::new();
        for name in request.upgrade.into_iter().chain(setup.patch) {
            if let Change { patch: Some(patch) } = request.configs.change(name, line)? {
                changes.push((name, patch));
            }
        }
        let changes: Vec<_> = changes.iter().map(|(name, patch)| (*name, patch.as_str())).collect();
        let _held =
            context.cache.hold(&context.monitor(), request.source.tree.parent().unwrap_or(&request.source.tree))?;
        patched(&self.build_env, request.source, &changes, &self.source())?;
        self.writable.iter().try_for_each(|directory| place::unshare(&self.source(), directory))
    }

    fn copy_tree(&self, from: &Path) -> Result<(), Error> {
        // Another run may put another tree there, but not while this is held.
        let _held = self.build_env.context.cache.hold(&self.build_env.context.monitor(), from)?;
        copy_tree(&self.build_env, from, &self.tree())
    }

    /// The configuration of the build, if there is one, else made for this.
    fn make_configured(&self, first: &Plan<'_>) -> Result<(), Error> {
        create(&self.tree())?;
        let cache = &self.build_env.context.cache;
        let target = self.tree().join(".config");
        let config = match entry::find(cache, &first.inputs) {
            Some(build) => build.config,
            None => {
                let parent = self.folder.path().join("configured");
                create(&parent)?;
                let sandbox = build_dirs(&parent, &first.request.source.tree)?;
                create(&sandbox.tree)?;
                configure(&self.build_env, first, &sandbox)?;
                sandbox.tree.join(".config")
            }
        };
        fs::copy(&config, &target).map(drop).map_err(|source| Error::io("copy", &config, source))
    }

    fn copy_tool(&self, tool: &Tool) -> Result<(), Error> {
        let target = self.tools().join(&tool.name);
        let _held = self.build_env.context.cache.hold(&self.build_env.context.monitor(), &tool.directory)?;
        self.build_env.on_cache("copy", &[&tool.directory, &target], stage::SOURCE, "copy a tool")
    }

    fn mounts(&self) -> Vec<Mount> {
        let inside = |name: &str| Path::new(build_env::SOURCE).join(name);
        let mut mounts = vec![Mount::read_only(self.source()).seen_at(build_env::SOURCE)];
        let writable = self.writable.iter();
        mounts.extend(writable.map(|name| Mount::writable(self.source().join(name)).seen_at(inside(name))));
        mounts.extend([
            Mount::writable(self.tree()).seen_at(build_env::TREE),
            Mount::read_only(self.recipe()).seen_at(build_env::RECIPE),
            Mount::writable(self.out()).seen_at(build_env::OUT),
            Mount::writable(self.external()).seen_at(EXTERNAL),
        ]);
        if self.has_tools {
            mounts.push(Mount::read_only(self.tools()).seen_at(TOOLS));
        }
        mounts
    }
}

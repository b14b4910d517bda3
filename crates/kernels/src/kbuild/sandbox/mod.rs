//! A private copy of a build's output tree, for experiments with kbuild.
//!
//! A sandbox shows how kbuild reacts when something is missing, old or changed. A [`BuildSandbox`] has its own source
//! and output tree, at the paths where kernels are built (`/usr/src/linux`, `/build`) and with the time stamps of the
//! originals. So kbuild treats everything as up to date that was not touched. Any command can run in it, in the build
//! image. Output, exit status and time are returned as data, also if the command fails.
//!
//! The source shares its files with the cache by hard links. In the container it is read-only, except for directories
//! in [`Setup::writable`]. The host must not write to its files either: [`BuildSandbox::touch`] first gives the file
//! its own inode.
//!
//! A sandbox holds the cache's lock only while something missing is built. Several can be open at the same time, in
//! one process or in several, and during a build. A sandbox is removed when it is dropped. The next one removes those
//! that killed processes left behind.

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

/// The directory of our own modules, in the container.
pub const EXTERNAL: &str = "/usr/src/external";

/// The space that a copy of an output tree and the directories of a source take, in bytes.
const SIZE: u64 = 1_500_000_000;

/// The initial state of a sandbox.
#[derive(Debug, Clone)]
pub struct Setup<'a> {
    /// Selects the configuration and the output tree. The tree is always that of the first build, which is built if
    /// it is missing. An upgrade changes only the source; nothing has been built with it yet.
    pub request: Request<'a>,
    /// The files of the output tree that are present.
    pub start: Start,
    /// Another patch in `kernel-configs/upgrades`, applied to the source on top of the upgrade.
    pub patch: Option<&'a str>,
    /// Directories of the source that are writable in the container, as `M=` on them requires: `fs/fuse`. Their files
    /// are copies. `M=/usr/src/linux/fs/fuse` builds in the source on every series. A relative `M=fs/fuse` builds in
    /// `/build/fs/fuse` on 6.1, where VPATH leads to the source, but not on series whose top Makefile sets no VPATH
    /// for `M=`.
    pub writable: Vec<String>,
    /// Small files to place in `/recipe`.
    pub files: Vec<File>,
    /// Programs to mount at `/tools/<name>`.
    pub tools: Vec<&'a Tool>,
}

impl<'a> Setup<'a> {
    /// The whole output tree of this request's first build, without additions.
    #[must_use]
    pub fn new(request: Request<'a>) -> Self {
        let (writable, files, tools) = (Vec::new(), Vec::new(), Vec::new());
        Self { request, start: Start::Built, patch: None, writable, files, tools }
    }
}

/// The files of the output tree with which a sandbox starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// All of it.
    Built,
    /// All files except these paths in the tree: `vmlinux`, `Module.symvers`. A path that does not exist is an error.
    BuiltWithout(Vec<String>),
    /// Only the final `.config`. No kernel is built for it.
    Configured,
}

/// A private source and output tree in which commands run. It is removed when dropped.
#[derive(Debug)]
pub struct BuildSandbox<'a> {
    build_env: BuildEnv<'a>,
    folder: LockedTempDir,
    writable: Vec<String>,
    has_tools: bool,
}

impl<'a> BuildSandbox<'a> {
    /// Creates a sandbox. Builds the original first if the cache lacks it.
    ///
    /// # Errors
    ///
    /// Errors of [`super::build`]; [`Error::PatchFailed`] for a patch that does not apply; [`Error::BadSandbox`] for
    /// a path or a name that is invalid or does not exist.
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

    /// The output tree on the host; `/build` in the container.
    #[must_use]
    pub fn tree(&self) -> PathBuf {
        self.folder.path().join("build")
    }

    /// The source on the host; `/usr/src/linux` in the container. It is read-only, see [`BuildSandbox::touch`].
    #[must_use]
    pub fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    /// A writable copy of `kernel-configs/external` on the host; `/usr/src/external` in the container.
    #[must_use]
    pub fn external(&self) -> PathBuf {
        self.folder.path().join("external")
    }

    /// A directory for results on the host, initially empty; `/out` in the container.
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

    /// Sets a file's time stamps to now, as `touch` does. A file of the source gets its own inode first.
    ///
    /// # Errors
    ///
    /// [`Error::BadSandbox`] for a path that leaves the directory or is not a file; [`container::Error::Io`].
    pub fn touch(&self, place: Place, path: &str) -> Result<(), Error> {
        let root = match place {
            Place::Source => self.source(),
            Place::Tree => self.tree(),
            Place::External => self.external(),
        };
        place::touch(&root, path)
    }

    /// Copies the source by hard links and applies the upgrade and the patch.
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
        // The lock prevents another run from replacing the tree during the copy.
        let _held = self.build_env.context.cache.hold(&self.build_env.context.monitor(), from)?;
        copy_tree(&self.build_env, from, &self.tree())
    }

    /// Copies the configuration of the build if there is one, or else creates it.
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

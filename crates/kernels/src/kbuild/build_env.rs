//! Running `ci/kernel.sh` in the build image.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Encoder;
use crate::error::Error;
use container::Stage;
use container::check_mountable;
use container::engine::{Engine, Mount, RunSpec};
use container::image::Image;
use container::process::{Stream, Watch, disk_full_in};
use container::{Context, Progress};

pub(super) const SCRIPT: &str = include_str!("../../../../ci/kernel.sh");

/// The source tree's path in the container. It is the same for every build, because kbuild writes paths into the
/// objects.
pub(super) const SOURCE: &str = "/usr/src/linux";

/// The output tree's path in the container, see [`SOURCE`].
pub(super) const TREE: &str = "/build";

/// The directory of the merged configuration fragment in the container.
pub(super) const RECIPE: &str = "/recipe";

/// The directory for files that will be published, in the container.
pub(super) const OUT: &str = "/out";

/// Values that kbuild would otherwise take from the clock, the user and the machine. The number in `#1` would count
/// how often vmlinux was linked.
pub(super) const REPRODUCIBLE: [(&str, &str); 6] = [
    ("KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 2026"),
    ("KBUILD_BUILD_USER", "modbtf"),
    ("KBUILD_BUILD_HOST", "modbtf"),
    ("KBUILD_BUILD_VERSION", "1"),
    ("LC_ALL", "C"),
    ("TZ", "UTC"),
];

/// The part of [`REPRODUCIBLE`] that is written into the kernel. If the first is set, kbuild makes a reproducible
/// build.
pub(super) const PINNED: &[(&str, &str)] = REPRODUCIBLE.split_at(3).0;

/// The path in the container of an encoder that replaces the image's pahole.
const ENCODER: &str = "/encoder/pahole";

/// The environment of a build: the build image in an engine.
#[derive(Debug, Clone, Copy)]
pub struct BuildEnv<'a> {
    /// The cache, the progress monitor and the cancellation flag.
    pub context: &'a Context<'a>,
    /// The engine, which is never the host.
    pub engine: &'a Engine,
    /// The image of [`crate::images::BUILD`].
    pub image: &'a Image,
    /// The encoder that replaces the image's pahole, if any.
    pub encoder: Option<&'a Encoder>,
}

/// The directories of one build, on the host.
#[derive(Debug, Clone)]
pub(super) struct BuildDirs {
    /// The source tree.
    pub source: PathBuf,
    /// The output tree.
    pub tree: PathBuf,
    /// The directory of `merged.config`.
    pub recipe: PathBuf,
    /// The files that will be published.
    pub out: PathBuf,
}

impl BuildDirs {
    fn mounts(&self) -> Vec<Mount> {
        vec![
            Mount::read_only(&self.source).seen_at(SOURCE),
            Mount::writable(&self.tree).seen_at(TREE),
            Mount::read_only(&self.recipe).seen_at(RECIPE),
            Mount::writable(&self.out).seen_at(OUT),
        ]
    }
}

impl BuildEnv<'_> {
    /// Adds what the encoder needs: a mount, and environment variables with which make finds it. A Makefile's own
    /// `PAHOLE = pahole` overrides the environment, but not MAKEFLAGS.
    pub(super) fn with_encoder(&self, mounts: &mut Vec<Mount>, env: &mut Vec<(String, String)>) {
        if let Some(encoder) = self.encoder {
            mounts.push(Mount::read_only(&encoder.program).seen_at(ENCODER));
            env.push(("MAKEFLAGS".into(), format!("PAHOLE={ENCODER}")));
        }
    }

    /// Runs a command of the script on paths in the cache.
    pub(crate) fn on_cache(&self, command: &str, paths: &[&Path], stage: Stage, doing: &str) -> Result<(), Error> {
        let mut arguments = vec![OsString::from(command)];
        arguments.extend(paths.iter().map(|path| path.as_os_str().to_owned()));
        let mounts = vec![Mount::writable(self.context.cache.root())];
        self.run_script(&arguments, mounts, stage, doing).map(drop)
    }

    /// Runs a command of the script, reports its lines as progress, and returns its standard output.
    pub(crate) fn run_script(
        &self,
        arguments: &[OsString],
        mounts: Vec<Mount>,
        stage: Stage,
        doing: &str,
    ) -> Result<String, Error> {
        let mut text = String::new();
        let mut on_line = |stream, line: &str| {
            if stream == Stream::Out {
                text.push_str(line);
                text.push('\n');
            }
            (self.context.progress)(Progress::Line { stage, text: line.to_owned() });
        };
        self.run(arguments, mounts, doing, &mut on_line)?;
        Ok(text)
    }

    /// Runs a command of the script on the directories of a build.
    pub(super) fn in_dirs(
        &self,
        dirs: &BuildDirs,
        arguments: &[&str],
        doing: &str,
        on_line: &mut dyn FnMut(Stream, &str),
    ) -> Result<(), Error> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        self.run(&arguments, dirs.mounts(), doing, on_line)
    }

    fn run(
        &self,
        arguments: &[OsString],
        mut mounts: Vec<Mount>,
        doing: &str,
        on_line: &mut dyn FnMut(Stream, &str),
    ) -> Result<(), Error> {
        let mut argv: Vec<OsString> = ["sh", "-c", SCRIPT, "kernel.sh"].map(OsString::from).into();
        argv.extend_from_slice(arguments);
        let mut env = REPRODUCIBLE.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.with_encoder(&mut mounts, &mut env);
        self.run_program(argv, mounts, Path::new("/"), env, doing, on_line)
    }

    /// Runs any program in the image.
    pub(crate) fn run_program(
        &self,
        argv: Vec<OsString>,
        mounts: Vec<Mount>,
        workdir: &Path,
        env: Vec<(String, String)>,
        doing: &str,
        on_line: &mut dyn FnMut(Stream, &str),
    ) -> Result<(), Error> {
        mounts.iter().try_for_each(|mount| check_mountable(&mount.path))?;
        let spec = RunSpec {
            image: self.image.name.clone(),
            argv,
            mounts,
            workdir: workdir.to_owned(),
            env,
            devices: Vec::new(),
            network: false,
        };
        let watch = Watch {
            doing: doing.to_owned(),
            cancel: self.context.cancel,
            on_line,
            on_tick: &mut |_| true,
            grace: Duration::ZERO,
        };
        let result = self.engine.command(&spec)?.run(watch);
        Ok(result.map_err(|error| disk_full_in(error, "write to", self.context.cache.root()))?)
    }
}

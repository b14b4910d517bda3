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

/// Where a build finds its source, whoever builds it: a path of the host's would get into the bytes.
pub(super) const SOURCE: &str = "/usr/src/linux";

/// Where a build's output tree is, see [`SOURCE`].
pub(super) const TREE: &str = "/build";

/// Where the merged configuration fragment is.
pub(super) const RECIPE: &str = "/recipe";

/// Where what is published is put.
pub(super) const OUT: &str = "/out";

/// What kbuild would otherwise take from the clock, the user and the machine. The number in `#1` would count the links of a
/// vmlinux.
pub(super) const REPRODUCIBLE: [(&str, &str); 6] = [
    ("KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 2026"),
    ("KBUILD_BUILD_USER", "modbtf"),
    ("KBUILD_BUILD_HOST", "modbtf"),
    ("KBUILD_BUILD_VERSION", "1"),
    ("LC_ALL", "C"),
    ("TZ", "UTC"),
];

/// Those of [`REPRODUCIBLE`] that get into the bytes, of which kbuild takes the first as a wish.
pub(super) const PINNED: &[(&str, &str)] = REPRODUCIBLE.split_at(3).0;

/// Where another encoder than the image's pahole is, inside.
const ENCODER: &str = "/encoder/pahole";

/// Where kernels are built: the build image in an engine.
#[derive(Debug, Clone, Copy)]
pub struct BuildEnv<'a> {
    /// The cache, who watches, and who may stop it.
    pub context: &'a Context<'a>,
    /// The engine; not the host.
    pub engine: &'a Engine,
    /// The image of [`crate::images::BUILD`].
    pub image: &'a Image,
    /// What encodes BTF in place of the image's pahole, if anything does.
    pub encoder: Option<&'a Encoder>,
}

/// The directories of one build, outside.
#[derive(Debug, Clone)]
pub(super) struct BuildDirs {
    /// The source tree.
    pub source: PathBuf,
    /// The output tree.
    pub tree: PathBuf,
    /// What holds `merged.config`.
    pub recipe: PathBuf,
    /// What is published.
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
    /// What a build needs to be given for its encoder: a mount, and an environment in which make finds it there. A Makefile's own
    /// `PAHOLE = pahole` wins over the environment, but not over what stands in MAKEFLAGS.
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

    /// Runs a command of the script, its lines as progress; gives back what it wrote to standard output.
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

    /// Runs a command of the script on a dirs.
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

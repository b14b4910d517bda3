//! The machine that a run takes place on: its container engine, the images, the guest's PID 1, and the cache.
//!
//! It is the real [`KernelSource`] and launcher of machines of a [`RunContext`].

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

use container::engine::{self, EngineChoice, SelectedEngine};
use container::image::{self, Image};
use container::{Context, kept, scratch};
use kernels::Availability;
use kernels::archive::{self, AptArchive, Debug, Kernel};
use kernels::images;
use kernels::kbuild::external::{self, External, ExternalRequest};
use kernels::kbuild::sandbox::{BuildSandbox, Command, Place, Ran, Setup};
use kernels::kbuild::{self, Build, BuildEnv};
use kernels::pins::Pin;
use kernels::source::{self, Source, SourcePin};
use kernels::tools::{self, Tool, ToolPin};
use util::error::one_line;
use vm::{AccelChooser, KvmHost, KvmVerdict, build_guest};

use super::launcher::EngineLauncher;
use super::{Encoding, Error, Progress, ProgressSink, RunContext, Sources};
use crate::kernel_source::{KernelSource, Sandbox};

/// What is asked of the environment.
#[derive(Debug, Clone)]
pub struct EnvironmentOptions {
    /// The container engine.
    pub engine: EngineChoice,
    /// The accelerator.
    pub accel: vm::AccelRequest,
    /// The workspace's root, where the guest's PID 1 is built.
    pub root: PathBuf,
    /// What encodes the BTF of kernels that are built, in place of the build image's pahole, if anything does.
    pub encoding: Option<Encoding>,
}

/// What was found or made.
#[derive(Debug)]
pub struct RunEnvironment<'a> {
    /// When preparing it began.
    pub begun: Instant,
    /// The cache, the mirrors, and what is allowed.
    pub context: Context<'a>,
    /// The container engine, and why not the others.
    pub choice: SelectedEngine,
    /// The image that QEMU runs in.
    pub image: Image,
    /// The guest's PID 1.
    pub guest: PathBuf,
    /// Chooses the accelerator of boots that are not recorded.
    pub chooser: AccelChooser,
    /// Where the folders of runs are made.
    pub runs: PathBuf,
    /// What encodes the BTF of kernels that are built, in place of the build image's pahole, if anything does.
    pub encoding: Option<Encoding>,
    /// The image that kernels are built in, once it was needed.
    build_image: OnceLock<Image>,
    launcher: EngineLauncher,
}

impl<'a> RunEnvironment<'a> {
    /// Finds or makes everything.
    ///
    /// # Errors
    ///
    /// No engine, no image, a guest that does not build, a cache that cannot be written.
    pub fn prepare(context: Context<'a>, wanted: &EnvironmentOptions) -> Result<Self, Error> {
        let begun = Instant::now();
        let choice = engine::prepare(&context, wanted.engine)?;
        let image = image::prepare(&context, &choice.engine, &images::BOOT)?;
        let guest = build_guest(&wanted.root, &wanted.root.join("target/guest"))?;
        let host = KvmHost::this(&image.manifest.qemu).map_err(Error::io("read", "/proc"))?;
        let known = known_kvm(&context, &host);
        let runs = context.cache.root().join("runs");
        fs::create_dir_all(&runs).map_err(Error::io("create", &runs))?;
        scratch::sweep(&runs)?;
        kept::prune(&runs, kept::RUNS)?;
        let chooser = AccelChooser::new(wanted.accel, host, known);
        let build_image = OnceLock::new();
        let encoding = wanted.encoding.clone();
        let launcher = EngineLauncher { engine: choice.engine.clone(), image: image.name.clone() };
        Ok(Self { begun, chooser, context, choice, image, guest, runs, encoding, build_image, launcher })
    }

    /// What a run here needs to know.
    #[must_use]
    pub fn run_context<'c>(&'c self, sources: &'c Sources, progress: ProgressSink<'c>) -> RunContext<'c> {
        RunContext {
            begun: self.begun,
            cancel: self.context.cancel,
            kernels: self,
            launcher: &self.launcher,
            chooser: &self.chooser,
            engine: self.choice.engine.to_string(),
            image: &self.image,
            guest: &self.guest,
            runs: &self.runs,
            encoding: self.encoding.as_ref(),
            sources,
            progress,
        }
    }

    /// What starts QEMU.
    #[must_use]
    pub fn launcher(&self) -> &EngineLauncher {
        &self.launcher
    }

    /// Where kernels are built. The build image is found or made when this is first called: prebuilt kernels need none.
    ///
    /// # Errors
    ///
    /// As [`image::prepare`].
    pub fn workshop(&self) -> Result<BuildEnv<'_>, kernels::Error> {
        let (context, engine) = (&self.context, &self.choice.engine);
        let encoder = self.encoding.as_ref().map(|it| &it.encoder);
        Ok(BuildEnv { context, engine, image: self.build_image()?, encoder })
    }

    /// Debian's archive, read from inside the image.
    #[must_use]
    pub fn archive(&self) -> AptArchive<'_> {
        AptArchive::new(&self.context, &self.choice.engine, &self.image.name)
    }

    /// Takes note of what a run reports: an engine that no longer starts machines is probed again by the next run.
    ///
    /// # Errors
    ///
    /// The verdict on the engine cannot be removed from the cache.
    pub fn observe(&self, progress: &Progress<'_>) -> Result<(), Error> {
        match progress {
            Progress::NotStarted { .. } => Ok(engine::forget(&self.context)?),
            _ => Ok(()),
        }
    }

    /// Stores what the boots have shown of KVM, for the next run. A failure is reported as progress: it costs the next run some
    /// seconds, and this one nothing.
    pub fn remember_kvm(&self) {
        let path = kvm_verdict(&self.context);
        let Some(verdict) = self.chooser.verdict() else { return };
        if let Err(error) = verdict.store(&path).map_err(Error::io("write", path)) {
            let text = format!("the verdict on KVM is not remembered: {}", one_line(&error));
            (self.context.progress)(container::Progress::Note { stage: container::Stage::ENGINE, text });
        }
    }
}

impl KernelSource for RunEnvironment<'_> {
    fn packages(&self, pins: &[Pin]) -> Result<Vec<Availability<Kernel>>, kernels::Error> {
        archive::acquire(&self.context, &self.archive(), pins)
    }

    fn debug_info(&self, pin: &Pin) -> Result<Availability<Debug>, kernels::Error> {
        archive::acquire_debug(&self.context, &self.archive(), pin)
    }

    fn source(&self, pin: &SourcePin) -> Result<Availability<Source>, kernels::Error> {
        source::acquire(&self.workshop()?, &self.archive(), pin)
    }

    fn tool(&self, pin: &ToolPin) -> Result<Availability<Tool>, kernels::Error> {
        tools::acquire(&self.workshop()?, &self.archive(), pin)
    }

    fn build_image(&self) -> Result<&Image, kernels::Error> {
        match self.build_image.get() {
            Some(image) => Ok(image),
            None => {
                let image = image::prepare(&self.context, &self.choice.engine, &images::BUILD)?;
                Ok(self.build_image.get_or_init(|| image))
            }
        }
    }

    fn build(&self, request: &kbuild::Request<'_>) -> Result<Build, kernels::Error> {
        kbuild::build(&self.workshop()?, request)
    }

    fn output_tree(&self, request: &kbuild::Request<'_>) -> Result<PathBuf, kernels::Error> {
        Ok(kbuild::build_with_tree(&self.workshop()?, request)?.1)
    }

    fn external_modules(&self, request: &ExternalRequest<'_>) -> Result<External, kernels::Error> {
        external::build(&self.workshop()?, request)
    }

    fn sandbox(&self, setup: &Setup<'_>) -> Result<Box<dyn Sandbox + '_>, kernels::Error> {
        Ok(Box::new(BuildSandbox::open(&self.workshop()?, setup)?))
    }
}

impl Sandbox for BuildSandbox<'_> {
    fn dir(&self, place: Place) -> PathBuf {
        match place {
            Place::Source => self.source(),
            Place::Tree => self.tree(),
            Place::External => self.external(),
        }
    }

    fn out(&self) -> PathBuf {
        BuildSandbox::out(self)
    }

    fn touch(&self, place: Place, path: &str) -> Result<(), kernels::Error> {
        BuildSandbox::touch(self, place, path)
    }

    fn run(&self, command: &Command, on_line: &mut dyn FnMut(&str)) -> Result<Ran, kernels::Error> {
        BuildSandbox::run(self, command, on_line)
    }
}

/// What earlier runs have shown of KVM on a host.
#[must_use]
pub fn known_kvm(context: &Context<'_>, host: &KvmHost) -> Option<KvmVerdict> {
    KvmVerdict::load(&kvm_verdict(context), host)
}

/// Where the verdict on KVM is kept.
fn kvm_verdict(context: &Context<'_>) -> PathBuf {
    context.cache.root().join("kvm.json")
}

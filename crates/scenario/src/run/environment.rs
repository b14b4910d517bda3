//! The environment of a run: its container engine, the images, the guest's PID 1, and the cache.
//!
//! It is the real [`KernelSource`] and the real launcher of a [`RunContext`].

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
use super::{Encoding, Error, Model, Progress, ProgressSink, RunContext, Sources};
use crate::kernel_source::{KernelSource, Sandbox};

/// The requested environment.
#[derive(Debug, Clone)]
pub struct EnvironmentOptions {
    /// The container engine.
    pub engine: EngineChoice,
    /// The accelerator.
    pub accel: vm::AccelRequest,
    /// The workspace's root, where the guest's PID 1 is built.
    pub root: PathBuf,
    /// The encoder that replaces the build image's pahole for kernels that are built, if any.
    pub encoding: Option<Encoding>,
}

/// The prepared environment.
#[derive(Debug)]
pub struct RunEnvironment<'a> {
    /// The time at which preparing it began.
    pub begun: Instant,
    /// The cache, the mirrors, and the permissions.
    pub context: Context<'a>,
    /// The container engine, and the reasons for rejecting others.
    pub choice: SelectedEngine,
    /// The image in which QEMU runs.
    pub image: Image,
    /// The guest's PID 1.
    pub guest: PathBuf,
    /// Chooses the accelerator of boots that are not recorded.
    pub chooser: AccelChooser,
    /// The parent of the folders of runs.
    pub runs: PathBuf,
    /// The encoder that replaces the build image's pahole for kernels that are built, if any.
    pub encoding: Option<Encoding>,
    /// The image in which kernels are built, after its first use.
    build_image: OnceLock<Image>,
    launcher: EngineLauncher,
}

impl<'a> RunEnvironment<'a> {
    /// Finds or makes all parts.
    ///
    /// # Errors
    ///
    /// There is no engine or no image, the guest cannot be built, or the cache cannot be written.
    pub fn prepare(context: Context<'a>, wanted: &EnvironmentOptions) -> Result<Self, Error> {
        let begun = Instant::now();
        let choice = engine::prepare(&context, wanted.engine)?;
        let image = image::prepare(&context, &choice.engine, &images::BOOT)?;
        let guest = build_guest(&wanted.root, &wanted.root.join("target/guest"), "guest-init")?;
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

    /// The context of a run in this environment.
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
            predictor: &Model,
            progress,
        }
    }

    /// The launcher of QEMU.
    #[must_use]
    pub fn launcher(&self) -> &EngineLauncher {
        &self.launcher
    }

    /// The environment in which kernels are built. The build image is found or made on the first call, because
    /// prebuilt kernels do not need it.
    ///
    /// # Errors
    ///
    /// Same as [`image::prepare`].
    pub fn build_env(&self) -> Result<BuildEnv<'_>, kernels::Error> {
        let (context, engine) = (&self.context, &self.choice.engine);
        let encoder = self.encoding.as_ref().map(|it| &it.encoder);
        Ok(BuildEnv { context, engine, image: self.build_image()?, encoder })
    }

    /// Debian's archive, read in a container.
    #[must_use]
    pub fn archive(&self) -> AptArchive<'_> {
        AptArchive::new(&self.context, &self.choice.engine, &self.image.name)
    }

    /// Observes a run's progress. If the engine no longer starts machines, the next run probes it again.
    ///
    /// # Errors
    ///
    /// The remembered engine cannot be removed from the cache.
    pub fn observe(&self, progress: &Progress<'_>) -> Result<(), Error> {
        match progress {
            Progress::NotStarted { .. } => Ok(engine::forget(&self.context)?),
            _ => Ok(()),
        }
    }

    /// Stores the boots' findings about KVM for the next run. A failure is reported as progress: it costs the next
    /// run a few seconds and does not affect this one.
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
        source::acquire(&self.build_env()?, &self.archive(), pin)
    }

    fn tool(&self, pin: &ToolPin) -> Result<Availability<Tool>, kernels::Error> {
        tools::acquire(&self.build_env()?, &self.archive(), pin)
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
        kbuild::build(&self.build_env()?, request)
    }

    fn output_tree(&self, request: &kbuild::Request<'_>) -> Result<PathBuf, kernels::Error> {
        Ok(kbuild::build_with_tree(&self.build_env()?, request)?.1)
    }

    fn external_modules(&self, request: &ExternalRequest<'_>) -> Result<External, kernels::Error> {
        external::build(&self.build_env()?, request)
    }

    fn sandbox(&self, setup: &Setup<'_>) -> Result<Box<dyn Sandbox + '_>, kernels::Error> {
        Ok(Box::new(BuildSandbox::open(&self.build_env()?, setup)?))
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

/// The findings of earlier runs about KVM on a host.
#[must_use]
pub fn known_kvm(context: &Context<'_>, host: &KvmHost) -> Option<KvmVerdict> {
    KvmVerdict::load(&kvm_verdict(context), host)
}

/// The file with the findings about KVM.
fn kvm_verdict(context: &Context<'_>) -> PathBuf {
    context.cache.root().join("kvm.json")
}

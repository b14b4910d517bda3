//! Everything that a run needs before a scenario can be tried: an engine, an image, the guest's PID 1.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

use container::Context;
use container::engine::{self, EngineChoice, SelectedEngine};
use container::image::{self, Image};
use container::scratch;
use kernels::archive::AptArchive;
use kernels::images;
use kernels::kbuild::{BuildEnv, Encoder};
use vm::{Chooser, KvmHost, KvmVerdict, Request, build_guest};

use super::Error;
use super::launcher::EngineLauncher;
use crate::baseline::TypeOrder;

/// What is asked of the environment.
#[derive(Debug, Clone)]
pub struct PrepareOptions {
    /// The engine.
    pub engine: EngineChoice,
    /// The accelerator.
    pub accel: Request,
    /// The workspace's root, where the guest's PID 1 is built.
    pub root: PathBuf,
    /// What encodes the BTF of kernels that are built in place of the image's pahole, if anything does.
    pub encoding: Option<Encoding>,
}

/// What encodes the BTF of kernels that are built in place of the image's pahole.
#[derive(Debug, Clone)]
pub struct Encoding {
    /// The program.
    pub encoder: Encoder,
    /// In which order it writes types, which decides how much has to be as recorded.
    pub order: TypeOrder,
}

/// What was found or made.
#[derive(Debug)]
pub struct RunContext<'a> {
    /// When getting ready began.
    pub begun: Instant,
    /// The cache, the mirrors, what is allowed.
    pub context: Context<'a>,
    /// The engine, and why not the others.
    pub choice: SelectedEngine,
    /// The image that QEMU runs in.
    pub image: Image,
    /// The guest's PID 1.
    pub guest: PathBuf,
    /// Which accelerator boots use that are free to choose.
    pub chooser: Chooser,
    /// Where the folders of runs are made.
    pub runs: PathBuf,
    /// What encodes the BTF of kernels that are built in place of the image's pahole, if anything does.
    pub encoding: Option<Encoding>,
    /// The image that kernels are built in, once one was wanted.
    build_image: OnceLock<Image>,
}

impl<'a> RunContext<'a> {
    /// Finds or makes everything.
    ///
    /// # Errors
    ///
    /// No engine, no image, a guest that does not build, a cache that cannot be written.
    pub fn prepare(context: Context<'a>, wanted: &PrepareOptions) -> Result<Self, Error> {
        let begun = Instant::now();
        let choice = engine::prepare(&context, wanted.engine)?;
        let image = image::prepare(&context, &choice.engine, &images::BOOT)?;
        let guest = build_guest(&wanted.root, &wanted.root.join("target/guest"))?;
        let host = KvmHost::this(&image.manifest.qemu).map_err(Error::io("read", "/proc"))?;
        let known = known_kvm(&context, &host);
        let runs = context.cache.root().join("runs");
        fs::create_dir_all(&runs).map_err(Error::io("create", &runs))?;
        scratch::sweep(&runs)?;
        let chooser = Chooser::new(wanted.accel, host, known);
        let build_image = OnceLock::new();
        let encoding = wanted.encoding.clone();
        Ok(Self { begun, chooser, context, choice, image, guest, runs, encoding, build_image })
    }

    /// What runs QEMU.
    #[must_use]
    pub fn launcher(&self) -> EngineLauncher<'_> {
        EngineLauncher { engine: &self.choice.engine, image: &self.image.name }
    }

    /// Where kernels are built. The image for that is found or made when this is first asked for: prebuilt kernels need none.
    ///
    /// # Errors
    ///
    /// As [`image::prepare`].
    pub fn workshop(&self) -> Result<BuildEnv<'_>, kernels::Error> {
        let (context, engine) = (&self.context, &self.choice.engine);
        let image = match self.build_image.get() {
            Some(image) => image,
            None => {
                let image = image::prepare(context, engine, &images::BUILD)?;
                self.build_image.get_or_init(|| image)
            }
        };
        Ok(BuildEnv { context, engine, image, encoder: self.encoding.as_ref().map(|it| &it.encoder) })
    }

    /// In which order the types lie of the kernels that are built.
    pub(super) fn order(&self) -> TypeOrder {
        self.encoding.as_ref().map_or(TypeOrder::Paholes, |encoding| encoding.order)
    }

    /// Debian's archive, read from inside the image.
    #[must_use]
    pub fn archive(&self) -> AptArchive<'_> {
        AptArchive::new(&self.context, &self.choice.engine, &self.image.name)
    }

    /// Stores what the boots have shown of KVM, for the next run.
    pub(super) fn remember_kvm(&self) -> Result<(), Error> {
        let path = kvm_verdict(&self.context);
        match self.chooser.verdict() {
            Some(verdict) => verdict.store(&path).map_err(Error::io("write", path)),
            None => Ok(()),
        }
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

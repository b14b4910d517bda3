//! Making an image from its definition, and recording its content.
//!
//! An image is tagged with a hash of its definition, so a changed definition gives a new image, and the same
//! definition is not built twice. A manifest lists the image's content; it becomes part of the provenance of every
//! result.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use util::Sha256;

use super::base;
use super::tool::run_stage;
use crate::context::Context;
use crate::engine::{Engine, RunSpec};
use crate::error::Error;
use crate::json_file;
use crate::lock::Lock;
use crate::process::disk_full_in;
use crate::progress::Stage;

/// The time limit for reading an image's list of packages.
const LISTING: Duration = Duration::from_secs(60);

/// An image: a Containerfile on top of the Debian base or of another image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageDefinition {
    /// A short name: `boot`.
    pub name: &'static str,
    /// The Containerfile. On the base it gets the arguments `BASE`, `DEBIAN_MIRROR`, `DEBIAN_SECURITY_MIRROR` and
    /// `APT_CONF`. On another image it gets one argument: that image's name in capitals, with its full name as value.
    pub containerfile: &'static str,
    /// The image that it is built on, or `None` for the base.
    pub below: Option<&'static ImageDefinition>,
}

impl ImageDefinition {
    /// The hash of everything that decides the content of the image, except for the archive's state at that time.
    fn hash(&self) -> Sha256 {
        let below = self.below.map_or_else(base::recipe, |below| below.hash().to_string());
        Sha256::of(format!("{below}\n{}", self.containerfile).as_bytes())
    }

    /// The image's name in the engine: `localhost/modbtf-boot:0123456789ab`.
    #[must_use]
    pub fn image_name(&self) -> String {
        format!("localhost/modbtf-{}:{}", self.name, self.hash().short(12))
    }
}

/// An image that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its name in the engine; `host` without a container.
    pub name: String,
    /// Its content.
    pub manifest: Manifest,
}

/// The content of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The engine's id of the image: a hash of its content; empty on the host.
    pub id: String,
    /// QEMU's version line: `QEMU emulator version 10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)`.
    pub qemu: String,
    /// Every package with its version.
    pub packages: BTreeMap<String, String>,
}

/// Makes an image if it does not exist, and returns it with its manifest.
///
/// # Errors
///
/// [`Error::OfflineImage`] if making it would need the network; [`Error::NoMirror`]; [`Error::MissingPackages`],
/// [`Error::OfflinePackages`] and [`Error::NotDebian`] if the base must be made; [`Error::Failed`] with the end of
/// the builder's output; [`Error::DiskFull`], [`Error::Cancelled`].
pub fn prepare(context: &Context<'_>, engine: &Engine, definition: &ImageDefinition) -> Result<Image, Error> {
    if *engine == Engine::Host {
        return Ok(Image { name: "host".into(), manifest: read_manifest(context, engine, "host")? });
    }
    let name = definition.image_name();
    if let Some(image) = existing(context, engine, &name)? {
        return Ok(image);
    }
    let lock = context.cache.lock(&context.monitor())?;
    if let Some(image) = existing(context, engine, &name)? {
        return Ok(image);
    }
    make(context, engine, definition, &lock)?;
    describe(context, engine, name)
}

/// The image of a definition, if it exists.
///
/// # Errors
///
/// Same as [`prepare`], without the errors of making an image.
pub fn find(context: &Context<'_>, engine: &Engine, definition: &ImageDefinition) -> Result<Option<Image>, Error> {
    match engine {
        Engine::Host => prepare(context, engine, definition).map(Some),
        _ => existing(context, engine, &definition.image_name()),
    }
}

/// The image, if the engine has it. A manifest that is missing or belongs to another image is written again.
fn existing(context: &Context<'_>, engine: &Engine, name: &str) -> Result<Option<Image>, Error> {
    let Some(id) = engine.image_id(context, name)? else { return Ok(None) };
    match json_file::read::<Manifest>(&manifest_path(context, engine, name)) {
        Some(manifest) if manifest.id == id => Ok(Some(Image { name: name.to_owned(), manifest })),
        _ => describe(context, engine, name.to_owned()).map(Some),
    }
}

fn describe(context: &Context<'_>, engine: &Engine, name: String) -> Result<Image, Error> {
    let manifest = read_manifest(context, engine, &name)?;
    json_file::write(&manifest_path(context, engine, &name), &manifest)?;
    Ok(Image { name, manifest })
}

fn manifest_path(context: &Context<'_>, engine: &Engine, name: &str) -> PathBuf {
    let file = name.rsplit('/').next().unwrap_or(name).replace(':', "-");
    context.cache.images().join(format!("{}-{file}.json", engine.name()))
}

fn read_manifest(context: &Context<'_>, engine: &Engine, name: &str) -> Result<Manifest, Error> {
    const SCRIPT: &str = "set -e; version=$(qemu-system-x86_64 --version); printf '%s\\n' \"$version\" | head -n 1; \
                          dpkg-query --show --showformat '${Package} ${Version}\\n'";
    let spec = RunSpec {
        image: name.to_owned(),
        argv: ["sh", "-c", SCRIPT].map(Into::into).to_vec(),
        workdir: "/".into(),
        ..RunSpec::default()
    };
    let text = engine.command(&spec)?.capture(context, "list what is in the image", LISTING)?;
    let mut lines = text.lines();
    let qemu = lines.next().unwrap_or_default().to_owned();
    let packages =
        lines.filter_map(|line| line.split_once(' ')).map(|(name, version)| (name.to_owned(), version.to_owned()));
    let id = engine.image_id(context, name)?.unwrap_or_default();
    Ok(Manifest { id, qemu, packages: packages.collect() })
}

fn make(context: &Context<'_>, engine: &Engine, definition: &ImageDefinition, lock: &Lock) -> Result<(), Error> {
    let name = definition.image_name();
    if engine.has_image(context, &name)? {
        return Ok(());
    }
    if context.offline {
        return Err(Error::OfflineImage { image: name });
    }
    let arguments = match definition.below {
        None => vec![
            ("BASE".to_owned(), base::prepare(context, engine, lock)?),
            ("DEBIAN_MIRROR".to_owned(), context.apt.archive()?.to_owned()),
            ("DEBIAN_SECURITY_MIRROR".to_owned(), context.apt.security().unwrap_or_default().to_owned()),
            ("APT_CONF".to_owned(), context.apt.configuration().join(" ")),
        ],
        Some(below) => {
            make(context, engine, below, lock)?;
            vec![(below.name.to_uppercase(), below.image_name())]
        }
    };
    context.stage(Stage::IMAGE, format!("building the {} image", definition.name), || {
        build(context, engine, definition, &arguments, lock)
    })
}

fn build(
    context: &Context<'_>,
    engine: &Engine,
    definition: &ImageDefinition,
    arguments: &[(String, String)],
    lock: &Lock,
) -> Result<(), Error> {
    let directory = context.cache.temporary(lock)?;
    let recipe = directory.path().join("Containerfile");
    fs::write(&recipe, definition.containerfile).map_err(|source| Error::io("write", &recipe, source))?;
    let name = definition.image_name();
    let Some(mut command) = engine.client() else { return Ok(()) };
    command.args(["build", "--network=host", "--tag", &name]);
    if matches!(engine, Engine::Podman { .. }) {
        // No OCI runtime is involved, so its restrictions (limits, cgroups) cannot fail the build. One layer is
        // enough.
        command.args(["--isolation=chroot", "--layers=false", "--pull=never"]);
    }
    for (key, value) in arguments {
        command.arg("--build-arg").arg(format!("{key}={value}"));
    }
    for (key, value) in context.apt.proxies() {
        command.arg("--build-arg").arg(format!("{key}={value}"));
    }
    command.arg("--file").arg(&recipe).arg(directory.path());
    let before = working_containers(context, engine)?;
    run_stage(context, Stage::IMAGE, command, format!("build the image {name}")).map_err(|error| {
        remove_working_containers(context, engine, &before);
        disk_full_in(error, "build an image in", context.cache.root())
    })
}

/// The working containers of podman's builds. A build that is stopped leaves one behind.
fn working_containers(context: &Context<'_>, engine: &Engine) -> Result<BTreeSet<String>, Error> {
    if !matches!(engine, Engine::Podman { .. }) {
        return Ok(BTreeSet::new());
    }
    let list = ["ps", "--all", "--external", "--format", "{{.ID}} {{.Names}}"];
    let list = engine.ask(context, "list containers", &list)?;
    let ours = |(id, name): (&str, &str)| {
        (name.starts_with("modbtf-") && name.contains("-working-container")).then(|| id.to_owned())
    };
    Ok(list.lines().filter_map(|line| line.split_once(' ')).filter_map(ours).collect())
}

/// Removes the new working containers. Failures are ignored, because the build's own failure matters more.
fn remove_working_containers(context: &Context<'_>, engine: &Engine, before: &BTreeSet<String>) {
    let never = AtomicBool::new(false);
    let context = Context { cancel: &never, ..context.clone() };
    for id in working_containers(&context, engine).unwrap_or_default().difference(before) {
        let _ = engine.remove_container(id);
    }
}

//! The images that programs run in: *boot* with QEMU, *build* with the kernel toolchain as well.
//!
//! An image is tagged with a hash of its recipe, so a changed recipe is a new image and a known one is never built twice. What
//! is in it is written to a manifest, which goes into the provenance of every result.

mod base;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cache::{Lock, read_json, write_json};
use crate::engine::{Engine, RunSpec};
use crate::process::{self, Watch, disk_full_in};
use crate::{Context, Error, Progress, Sha256, Stage};

const BOOT_RECIPE: &str = include_str!("../../../../ci/boot.Containerfile");
const BUILD_RECIPE: &str = include_str!("../../../../ci/build.Containerfile");

/// How long reading an image's list of packages may take.
const LISTING: Duration = Duration::from_secs(60);

/// Which image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// QEMU and apt: all that prebuilt kernels need.
    Boot,
    /// The boot image and the kernel toolchain.
    Build,
}

impl Kind {
    /// `boot` or `build`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Build => "build",
        }
    }

    const fn recipe(self) -> &'static str {
        match self {
            Self::Boot => BOOT_RECIPE,
            Self::Build => BUILD_RECIPE,
        }
    }

    /// The hash of everything that decides what is in the image, but for the archive's state at the time.
    fn recipe_hash(self) -> Sha256 {
        let below = match self {
            Self::Boot => base::recipe(),
            Self::Build => Self::Boot.recipe_hash().to_string(),
        };
        Sha256::of(format!("{below}\n{}", self.recipe()).as_bytes())
    }

    /// The image's name in the engine: `localhost/modbtf-boot:0123456789ab`.
    #[must_use]
    pub fn image_name(self) -> String {
        format!("localhost/modbtf-{}:{}", self.name(), self.recipe_hash().short(12))
    }
}

/// An image that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its name in the engine; `host` without a container.
    pub name: String,
    /// What is in it.
    pub manifest: Manifest,
}

/// What is in an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The engine's id of the image: a hash of its content; empty on the host.
    pub id: String,
    /// What QEMU says of itself: `QEMU emulator version 10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)`.
    pub qemu: String,
    /// Every package with its version.
    pub packages: BTreeMap<String, String>,
}

/// Makes sure that an image is there, and gives its manifest.
///
/// # Errors
///
/// [`Error::OfflineImage`] where making it would need the network; [`Error::NoMirror`]; [`Error::MissingPackages`],
/// [`Error::OfflinePackages`] and [`Error::NotDebian`], should the base have to be made; [`Error::Failed`] with the end of
/// what the builder said; [`Error::DiskFull`], [`Error::Cancelled`].
pub fn prepare(context: &Context<'_>, engine: &Engine, kind: Kind) -> Result<Image, Error> {
    if *engine == Engine::Host {
        return Ok(Image { name: "host".into(), manifest: read_manifest(context, engine, "host")? });
    }
    let name = kind.image_name();
    if let Some(image) = existing(context, engine, &name)? {
        return Ok(image);
    }
    let lock = context.cache.lock(context)?;
    if let Some(image) = existing(context, engine, &name)? {
        return Ok(image);
    }
    make(context, engine, kind, &lock)?;
    describe(context, engine, name)
}

/// The image of a kind, if it is there already.
///
/// # Errors
///
/// As [`prepare`], but for what making an image needs.
pub fn find(context: &Context<'_>, engine: &Engine, kind: Kind) -> Result<Option<Image>, Error> {
    match engine {
        Engine::Host => prepare(context, engine, kind).map(Some),
        _ => existing(context, engine, &kind.image_name()),
    }
}

/// The image, if the engine has it; its manifest is made again should it be lost or be another image's.
fn existing(context: &Context<'_>, engine: &Engine, name: &str) -> Result<Option<Image>, Error> {
    let Some(id) = engine.image_id(context, name)? else { return Ok(None) };
    match read_json::<Manifest>(&manifest_path(context, engine, name)) {
        Some(manifest) if manifest.id == id => Ok(Some(Image { name: name.to_owned(), manifest })),
        _ => describe(context, engine, name.to_owned()).map(Some),
    }
}

fn describe(context: &Context<'_>, engine: &Engine, name: String) -> Result<Image, Error> {
    let manifest = read_manifest(context, engine, &name)?;
    write_json(&manifest_path(context, engine, &name), &manifest)?;
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

fn make(context: &Context<'_>, engine: &Engine, kind: Kind, lock: &Lock) -> Result<(), Error> {
    let name = kind.image_name();
    if engine.has_image(context, &name)? {
        return Ok(());
    }
    if context.offline {
        return Err(Error::OfflineImage { image: name });
    }
    let arguments = match kind {
        Kind::Boot => {
            let mut arguments = vec![("BASE", base::prepare(context, engine, lock)?)];
            arguments.push(("DEBIAN_MIRROR", context.apt.archive()?.to_owned()));
            arguments.push(("DEBIAN_SECURITY_MIRROR", context.apt.security().unwrap_or_default().to_owned()));
            arguments.push(("APT_CONF", context.apt.configuration().join(" ")));
            arguments
        }
        Kind::Build => {
            make(context, engine, Kind::Boot, lock)?;
            vec![("BOOT", Kind::Boot.image_name())]
        }
    };
    context.stage(Stage::Image, format!("building the {} image", kind.name()), || {
        build(context, engine, kind, &arguments, lock)
    })
}

fn build(
    context: &Context<'_>,
    engine: &Engine,
    kind: Kind,
    arguments: &[(&str, String)],
    lock: &Lock,
) -> Result<(), Error> {
    let directory = context.cache.temporary(lock)?;
    let recipe = directory.path().join("Containerfile");
    fs::write(&recipe, kind.recipe()).map_err(|source| Error::io("write", &recipe, source))?;
    let name = kind.image_name();
    let Some(mut command) = engine.client() else { return Ok(()) };
    command.args(["build", "--network=host", "--tag", &name]);
    if matches!(engine, Engine::Podman { .. }) {
        // No OCI runtime is asked, so what it may lack (limits, cgroups) cannot fail the build; one layer is enough.
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
    run_stage(context, Stage::Image, command, format!("build the image {name}")).map_err(|error| {
        remove_working_containers(context, engine, &before);
        disk_full_in(error, "build an image in", context.cache.root())
    })
}

/// What podman builds in; a build that is stopped leaves it behind.
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

/// Removes those that are new, as well as it goes: the build's own failure is what matters.
fn remove_working_containers(context: &Context<'_>, engine: &Engine, before: &BTreeSet<String>) {
    let never = AtomicBool::new(false);
    let context = Context { cancel: &never, ..context.clone() };
    for id in working_containers(&context, engine).unwrap_or_default().difference(before) {
        let _ = engine.remove_container(id);
    }
}

/// Runs a tool, its lines as progress.
fn run_stage(context: &Context<'_>, stage: Stage, command: std::process::Command, doing: String) -> Result<(), Error> {
    process::run(
        command,
        Watch {
            doing,
            cancel: context.cancel,
            on_line: &mut |_, text| (context.progress)(Progress::Line { stage, text: text.to_owned() }),
            on_tick: &mut |_| true,
            grace: process::GRACE,
        },
    )
}

#[cfg(test)]
mod tests;

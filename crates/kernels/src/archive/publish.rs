//! Publishing in the cache: keeping verified packages, unpacking them, publishing kernels.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::access::Archive;
use super::entry::file_name;
use crate::cache::Directories as _;
use crate::error::Error;
use crate::pins::Pin;
use crate::stage;
use container::Context;
use container::{Lock, json_file};
use util::Sha256;

/// Written last: a directory without this file is not a complete kernel.
const MANIFEST: &str = "manifest.json";

/// A kernel in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// The kernel's pin.
    pub pin: Pin,
    /// Its directory in the cache; read-only.
    pub directory: PathBuf,
    /// The bootable image, a bzImage: `…/boot/vmlinuz-<release>`.
    pub image: PathBuf,
    /// The modules: `…/lib/modules/<release>`, possibly below `usr`. depmod has not been run there.
    pub modules: PathBuf,
}

fn directory(context: &Context<'_>, pin: &Pin) -> PathBuf {
    context.cache.kernels().join(format!("{}-{}-{}", pin.release, pin.version, pin.sha256.short(8)))
}

/// The kernel, if the cache has it.
pub(super) fn find(context: &Context<'_>, pin: &Pin) -> Option<Kernel> {
    let directory = directory(context, pin);
    let published: Pin = json_file::read(&directory.join(MANIFEST))?;
    (published.sha256 == pin.sha256).then(|| describe(pin, directory).ok()).flatten()
}

/// The pins of all kernels in the cache, sorted by directory.
pub(super) fn list(context: &Context<'_>) -> Result<Vec<Pin>, Error> {
    let parent = context.cache.kernels();
    let failed = |source| Error::io("read", &parent, source);
    let entries = fs::read_dir(&parent).map_err(failed)?.collect::<io::Result<Vec<_>>>().map_err(failed)?;
    let mut directories: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    directories.sort();
    let pins = directories.iter().filter_map(|directory| json_file::read::<Pin>(&directory.join(MANIFEST)));
    Ok(pins.filter(|pin| find(context, pin).is_some()).collect())
}

/// Finds the parts of an unpacked kernel.
fn describe(pin: &Pin, directory: PathBuf) -> Result<Kernel, Error> {
    let lacks = |what: String| Error::NoKernel { package: pin.name(), what };
    let image = directory.join("boot").join(format!("vmlinuz-{}", pin.release));
    if !image.is_file() {
        return Err(lacks(format!("boot/vmlinuz-{}", pin.release)));
    }
    let modules = ["lib/modules", "usr/lib/modules"].map(|parent| directory.join(parent).join(&pin.release));
    let modules = modules.into_iter().find(|modules| modules.join("kernel").is_dir());
    let modules = modules.ok_or_else(|| lacks(format!("lib/modules/{}", pin.release)))?;
    Ok(Kernel { pin: pin.clone(), directory, image, modules })
}

/// A package that an earlier run or the user put among the downloads, verified again.
pub(super) fn kept_package(context: &Context<'_>, pin: &Pin) -> Option<PathBuf> {
    let path = context.cache.debs().join(file_name(&pin.package, &pin.version));
    (Sha256::of_file(&path).ok()?.0 == pin.sha256).then_some(path)
}

/// Verifies a downloaded package and keeps it until it is unpacked.
pub(super) fn keep_package(context: &Context<'_>, pin: &Pin, downloaded: &Path) -> Result<PathBuf, Error> {
    let file = file_name(&pin.package, &pin.version);
    let (got, length) = match Sha256::of_file(downloaded) {
        Ok(measured) => measured,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::CutShort { file, wanted: pin.size, got: 0 });
        }
        Err(source) => return Err(Error::io("read", downloaded, source)),
    };
    if length < pin.size {
        return Err(Error::CutShort { file, wanted: pin.size, got: length });
    }
    if got != pin.sha256 {
        return Err(Error::WrongHash { file, wanted: pin.sha256, got, source_of_hash: "computed from the file" });
    }
    let path = context.cache.debs().join(file);
    fs::rename(downloaded, &path).map_err(|source| Error::io("move a package to", &path, source))?;
    Ok(path)
}

/// Unpacks verified packages and publishes each kernel.
pub(super) fn unpack(
    context: &Context<'_>,
    archive: &dyn Archive,
    packages: &[(Pin, PathBuf)],
    lock: &Lock,
) -> Result<(), Error> {
    let parent = context.cache.temporary(lock)?;
    let jobs: Vec<_> = packages
        .iter()
        .enumerate()
        .map(|(number, (_, package))| (package.clone(), parent.path().join(number.to_string())))
        .collect();
    context.stage(stage::UNPACK, format!("unpacking {} kernel packages", jobs.len()), || archive.unpack(&jobs))?;
    for ((pin, package), (_, unpacked)) in packages.iter().zip(&jobs) {
        publish(context, pin, unpacked)?;
        fs::remove_file(package).map_err(|source| Error::io("remove", package, source))?;
    }
    Ok(())
}

fn publish(context: &Context<'_>, pin: &Pin, unpacked: &Path) -> Result<(), Error> {
    describe(pin, unpacked.to_owned())?;
    json_file::write(&unpacked.join(MANIFEST), pin)?;
    let target = directory(context, pin);
    match fs::remove_dir_all(&target) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(Error::io("replace", &target, source)),
        _ => {}
    }
    fs::rename(unpacked, &target).map_err(|source| Error::io("publish", &target, source))
}

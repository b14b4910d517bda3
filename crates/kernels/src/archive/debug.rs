//! A kernel's debug information: the packages with the DWARF of `vmlinux` and of every module.

use std::path::PathBuf;

use super::access::Archive;
use super::acquire::fetch_package;
use super::unavailable::Availability;
use crate::cache::Directories as _;
use crate::error::Error;
use crate::pins::Pin;
use crate::stage;
use container::Context;
use container::{Lock, json_file, require_space};

/// Written last: a directory without this file is not complete.
const MANIFEST: &str = "manifest.json";

/// Upper bound for unpacked size divided by package size. For 6.1 it is six.
const UNPACKED_RATIO: u64 = 7;

/// A kernel's debug information in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debug {
    /// The package's pin.
    pub pin: Pin,
    /// Its directory in the cache; read-only.
    pub directory: PathBuf,
    /// The kernel with its DWARF.
    pub vmlinux: PathBuf,
    /// The modules with their DWARF, at the same paths as the kernel's own modules below `lib/modules/<release>`.
    pub modules: PathBuf,
}

/// Fetches a kernel's debug information into the cache, several GB when unpacked. If it is cached, nothing is
/// fetched.
///
/// # Errors
///
/// Same as [`super::acquire()`]. A package that the archive lacks, or that cannot be looked up, is reported as
/// [`super::Unavailable`].
pub fn acquire_debug(context: &Context<'_>, archive: &dyn Archive, pin: &Pin) -> Result<Availability<Debug>, Error> {
    if let Some(debug) = find(context, pin) {
        return Ok(Availability::Available(debug));
    }
    let lock = context.cache.lock(&context.monitor())?;
    if let Some(debug) = find(context, pin) {
        return Ok(Availability::Available(debug));
    }
    let unpacked = pin.size.saturating_mul(UNPACKED_RATIO);
    require_space("unpack debug information in", context.cache.root(), pin.size.saturating_add(unpacked))?;
    match fetch_package(context, archive, pin, &lock)? {
        Availability::Available(package) => unpack(context, archive, pin, package, &lock).map(Availability::Available),
        Availability::Unavailable(why) => Ok(Availability::Unavailable(why)),
    }
}

fn directory(context: &Context<'_>, pin: &Pin) -> PathBuf {
    context.cache.debug().join(format!("{}-{}-{}", pin.release, pin.version, pin.sha256.short(8)))
}

fn find(context: &Context<'_>, pin: &Pin) -> Option<Debug> {
    let directory = directory(context, pin);
    let published: Pin = json_file::read(&directory.join(MANIFEST))?;
    (published.sha256 == pin.sha256).then(|| describe(pin, directory).ok()).flatten()
}

fn describe(pin: &Pin, directory: PathBuf) -> Result<Debug, Error> {
    let lacks = |what: String| Error::NoKernel { package: pin.name(), what };
    let root = directory.join("usr/lib/debug");
    let vmlinux = root.join("boot").join(format!("vmlinux-{}", pin.release));
    if !vmlinux.is_file() {
        return Err(lacks(format!("usr/lib/debug/boot/vmlinux-{}", pin.release)));
    }
    let modules = ["lib/modules", "usr/lib/modules"].map(|parent| root.join(parent).join(&pin.release));
    let modules = modules.into_iter().find(|modules| modules.join("kernel").is_dir());
    let modules = modules.ok_or_else(|| lacks(format!("usr/lib/debug/lib/modules/{}", pin.release)))?;
    Ok(Debug { pin: pin.clone(), directory, vmlinux, modules })
}

fn unpack(
    context: &Context<'_>,
    archive: &dyn Archive,
    pin: &Pin,
    package: PathBuf,
    lock: &Lock,
) -> Result<Debug, Error> {
    let temporary = context.cache.temporary(lock)?;
    let made = temporary.path().join("debug");
    let what = format!("unpacking {}", pin.package);
    context.stage(stage::UNPACK, what, || archive.unpack(&[(package.clone(), made.clone())]))?;
    describe(pin, made.clone())?;
    json_file::write(&made.join(MANIFEST), pin)?;
    let target = directory(context, pin);
    context.cache.publish(&context.monitor(), &made, &target, lock)?;
    std::fs::remove_file(&package).map_err(|source| Error::io("remove", &package, source))?;
    describe(pin, target)
}

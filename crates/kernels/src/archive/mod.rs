//! Kernels from Debian's archive, into the cache.
//!
//! What is fetched is verified against its pin, unpacked beside the cache, described by a manifest that is written last, and
//! published by one rename: a kernel is in the cache whole or not at all.

mod apt;
mod debug;
mod index;
mod publish;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub use apt::AptArchive;
pub use debug::{Debug, acquire_debug};
pub use index::{Entry, nearest_pair};

use crate::cache::Directories as _;
use crate::error::Error;
use crate::pins::{KernelSpec, Pin, Pins};
use crate::stage;
use container::Context;
use container::{AloneLock, Lock, require_space};

/// What a package takes when it is unpacked, where the index does not say: kernels of 6.1 take four times their size.
const UNPACKED_RATIO: u64 = 5;

/// A kernel in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// Which it is.
    pub pin: Pin,
    /// Its directory in the cache; everything in it is only to be read.
    pub directory: PathBuf,
    /// The bootable image, a bzImage: `…/boot/vmlinuz-<release>`.
    pub image: PathBuf,
    /// The modules: `…/lib/modules/<release>`, also below `usr`. depmod has not run on it.
    pub modules: PathBuf,
}

/// Why a kernel cannot be had, although nothing failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{wanted} is unavailable: {reason}{}", nearest_text(.nearest))]
pub struct Unavailable {
    /// What was wanted: `package=version` or a release.
    pub wanted: String,
    /// Why.
    pub reason: Reason,
    /// What the archive has of the same line, in version order.
    pub have: Vec<Entry>,
    /// Of these, the one nearest to what was wanted.
    pub nearest: Option<Box<Entry>>,
}

/// Why a kernel is [`Unavailable`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The archive does not have it, or no longer.
    #[error("the archive does not have it (any more)")]
    Gone,
    /// It is not in the cache, and `--offline` was given.
    #[error("it is not in the cache, and --offline forbids to fetch it")]
    Offline,
    /// The archive cannot be asked.
    #[error("it is not in the cache, and the archive cannot be read: {detail}")]
    Unreachable {
        /// What failed.
        detail: String,
    },
}

/// Where kernels come from. [`AptArchive`] is the real one.
pub trait Archive {
    /// Every kernel package of these suites.
    ///
    /// # Errors
    ///
    /// Whatever keeps the archive from being read.
    fn index(&self, suites: &BTreeSet<String>) -> Result<Vec<Entry>, Error>;

    /// Downloads packages into a directory, each as [`Entry::file_name`].
    ///
    /// # Errors
    ///
    /// [`Error::WrongHash`], [`Error::CutShort`], [`container::Error::DiskFull`], and whatever else fails.
    fn download(&self, entries: &[Entry], into: &Path) -> Result<(), Error>;

    /// Unpacks package files, each into its directory.
    ///
    /// # Errors
    ///
    /// [`container::Error::DiskFull`], and whatever else fails.
    fn unpack(&self, packages: &[(PathBuf, PathBuf)]) -> Result<(), Error>;
}

/// Finds the kernels that are named, pinned ones first, the others in the archive. It waits for nobody who builds or fetches kernels,
/// but for who reads the archive's index.
///
/// # Errors
///
/// [`container::Error::Cancelled`], [`container::Error::DiskFull`], [`container::Error::Io`]. What cannot be found, or asked for, is [`Unavailable`] instead.
pub fn resolve(
    context: &Context<'_>,
    archive: &dyn Archive,
    pins: &Pins,
    specs: &[KernelSpec],
) -> Result<Vec<Result<Pin, Unavailable>>, Error> {
    let mut found = Vec::with_capacity(specs.len());
    let mut index = None;
    for spec in specs {
        let result = match pins.find(spec) {
            Some(pin) => Ok(pin.clone()),
            None => {
                let index = match &mut index {
                    Some(index) => index,
                    empty => {
                        let apt = context.cache.hold_alone(&context.monitor(), &context.cache.apt())?;
                        let index = read_index(context, archive, pins.suites.iter().cloned().collect(), &apt)?;
                        empty.insert(index.map(only_kernels))
                    }
                };
                look_up(spec, index)
            }
        };
        found.push(result);
    }
    Ok(found)
}

/// The archive's index, or why there is none.
type Index = Result<Vec<Entry>, Reason>;

fn only_kernels(entries: Vec<Entry>) -> Vec<Entry> {
    entries.into_iter().filter(Entry::is_kernel).collect()
}

/// Only while apt's state is held: two runs with different suites would read each other's.
fn read_index(
    context: &Context<'_>,
    archive: &dyn Archive,
    suites: BTreeSet<String>,
    _apt: &AloneLock,
) -> Result<Index, Error> {
    if context.offline {
        return Ok(Err(Reason::Offline));
    }
    match context.stage(stage::INDEX, "reading the archive's index", || archive.index(&suites)) {
        Ok(entries) => Ok(Ok(entries)),
        Err(
            error @ (Error::Container(container::Error::Cancelled { .. })
            | Error::Container(container::Error::DiskFull { .. })
            | Error::Container(container::Error::Io { .. })),
        ) => Err(error),
        Err(error) => Ok(Err(Reason::Unreachable { detail: in_one_line(&error) })),
    }
}

/// apt's own complaint, if there is one.
fn in_one_line(error: &Error) -> String {
    let complaint = match error {
        Error::Container(container::Error::Failed { output, .. }) => {
            output.lines().find_map(|line| line.strip_prefix("E: ")).map(str::to_owned)
        }
        _ => None,
    };
    complaint.unwrap_or_else(|| error.to_string().lines().collect::<Vec<_>>().join(" ")).trim().to_owned()
}

fn nearest_text(nearest: &Option<Box<Entry>>) -> String {
    nearest.as_ref().map(|entry| format!("; the nearest is {}={}", entry.package, entry.version)).unwrap_or_default()
}

fn look_up(spec: &KernelSpec, index: &Index) -> Result<Pin, Unavailable> {
    let wanted = spec.to_string();
    let entries = match index {
        Ok(entries) => entries,
        Err(reason) => return Err(Unavailable { wanted, reason: reason.clone(), have: Vec::new(), nearest: None }),
    };
    match spec.pick(entries, |entry| (&entry.release, &entry.package, &entry.version)) {
        Some(entry) => Ok(entry.to_pin()),
        None => {
            let (release, version) = match spec {
                KernelSpec::Release(release) => (release, None),
                KernelSpec::Package { package, version } => (package, Some(version.as_str())),
            };
            Err(index::gone(wanted, release, version, entries))
        }
    }
}

/// The kernel of a pin, if the cache has it.
#[must_use]
pub fn cached(context: &Context<'_>, pin: &Pin) -> Option<Kernel> {
    publish::find(context, pin)
}

/// Brings kernels into the cache; those that are there already cost nothing. The results are in the order of `wanted`.
///
/// # Errors
///
/// [`Error::WrongHash`] and [`Error::CutShort`] for a file that is not the pinned one, [`container::Error::DiskFull`],
/// [`Error::NoKernel`], [`container::Error::Cancelled`], [`container::Error::Failed`], [`container::Error::Io`]. Kernels that came before the failure stay.
/// What the archive does not have, or cannot be asked for, is [`Unavailable`] instead, and keeps nothing else from coming.
pub fn acquire(
    context: &Context<'_>,
    archive: &dyn Archive,
    wanted: &[Pin],
) -> Result<Vec<Result<Kernel, Unavailable>>, Error> {
    let lacks = |pins: &[Pin]| -> Vec<Pin> {
        let mut seen = BTreeSet::new();
        pins.iter()
            .filter(|pin| seen.insert(pin.sha256.to_string()) && publish::find(context, pin).is_none())
            .cloned()
            .collect()
    };
    let mut unavailable = Vec::new();
    if !lacks(wanted).is_empty() {
        let lock = context.cache.lock(&context.monitor())?;
        let missing = lacks(wanted);
        if !missing.is_empty() {
            unavailable = fetch(context, archive, &missing, &lock)?;
        }
    }
    Ok(wanted
        .iter()
        .map(|pin| {
            let why = || unavailable.iter().find(|(other, _)| other == pin).map(|(_, why)| why.clone());
            publish::find(context, pin).ok_or_else(|| why().unwrap_or_else(|| vanished(pin)))
        })
        .collect())
}

/// Somebody emptied the cache in the meantime.
fn vanished(pin: &Pin) -> Unavailable {
    let detail = "it vanished from the cache just after it was fetched".to_owned();
    Unavailable { wanted: pin.name(), reason: Reason::Unreachable { detail }, have: Vec::new(), nearest: None }
}

/// Fetches what is missing, as one batch.
fn fetch(
    context: &Context<'_>,
    archive: &dyn Archive,
    missing: &[Pin],
    lock: &Lock,
) -> Result<Vec<(Pin, Unavailable)>, Error> {
    let mut unavailable = Vec::new();
    let (mut packages, absent): (Vec<_>, Vec<_>) = missing
        .iter()
        .map(|pin| (pin.clone(), publish::kept_package(context, pin)))
        .partition(|(_, package)| package.is_some());
    if !absent.is_empty() {
        let suites = absent.iter().map(|(pin, _)| pin.suite.clone()).collect();
        // What is downloaded is looked up in the index that was read, so both are done while nobody else reads one.
        let apt = context.cache.hold_alone(&context.monitor(), &context.cache.apt())?;
        let index = read_index(context, archive, suites, &apt)?;
        let mut entries = Vec::new();
        for (pin, _) in absent {
            match find_pinned(&pin, &index)? {
                Ok(entry) => entries.push((pin, entry)),
                Err(why) => unavailable.push((pin, why)),
            }
        }
        packages.extend(download(context, archive, &entries, lock)?);
    }
    let packages: Vec<_> = packages.into_iter().filter_map(|(pin, package)| Some((pin, package?))).collect();
    if !packages.is_empty() {
        publish::unpack(context, archive, &packages, lock)?;
    }
    Ok(unavailable)
}

/// One package, verified and kept among the downloads, whatever is in it.
pub(crate) fn fetch_package(
    context: &Context<'_>,
    archive: &dyn Archive,
    pin: &Pin,
    lock: &Lock,
) -> Result<Result<PathBuf, Unavailable>, Error> {
    if let Some(package) = publish::kept_package(context, pin) {
        return Ok(Ok(package));
    }
    let apt = context.cache.hold_alone(&context.monitor(), &context.cache.apt())?;
    let index = read_index(context, archive, [pin.suite.clone()].into(), &apt)?;
    let entry = match find_pinned(pin, &index)? {
        Ok(entry) => entry,
        Err(unavailable) => return Ok(Err(unavailable)),
    };
    let package = download(context, archive, &[(pin.clone(), entry)], lock)?.into_iter().next();
    Ok(package.and_then(|(_, package)| package).ok_or_else(|| vanished(pin)))
}

/// The archive's entry for a pin; one whose hash is not the pinned one is an error, and found before the download.
fn find_pinned(pin: &Pin, index: &Index) -> Result<Result<Entry, Unavailable>, Error> {
    let wanted = pin.name();
    let entries = match index {
        Ok(entries) => entries,
        Err(reason) => {
            return Ok(Err(Unavailable { wanted, reason: reason.clone(), have: Vec::new(), nearest: None }));
        }
    };
    let Some(entry) = entries.iter().find(|entry| entry.package == pin.package && entry.version == pin.version) else {
        return Ok(Err(index::gone(wanted, &pin.package, Some(&pin.version), entries)));
    };
    if entry.sha256 != pin.sha256 {
        let source_of_hash = "so says the archive's signed index";
        return Err(Error::WrongHash { file: wanted, wanted: pin.sha256, got: entry.sha256, source_of_hash });
    }
    Ok(Ok(entry.clone()))
}

type Packages = Vec<(Pin, Option<PathBuf>)>;

fn download(
    context: &Context<'_>,
    archive: &dyn Archive,
    entries: &[(Pin, Entry)],
    lock: &Lock,
) -> Result<Packages, Error> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let needed =
        entries.iter().map(|(_, entry)| entry.size.saturating_add(entry.unpacked)).fold(0, u64::saturating_add);
    require_space("fetch kernels into", context.cache.root(), needed)?;
    let directory = context.cache.temporary(lock)?;
    let only_entries: Vec<Entry> = entries.iter().map(|(_, entry)| entry.clone()).collect();
    let bytes: u64 = only_entries.iter().map(|entry| entry.size).fold(0, u64::saturating_add);
    let what = format!("downloading {} kernel packages, {} MB", entries.len(), bytes / 1_000_000);
    context.stage(stage::DOWNLOAD, what, || {
        let downloaded = archive.download(&only_entries, directory.path());
        // What did come is kept and need not come again, whatever became of the rest.
        let kept: Vec<_> = entries
            .iter()
            .map(|(pin, entry)| (pin, publish::keep_package(context, pin, &directory.path().join(entry.file_name()))))
            .collect();
        downloaded?;
        kept.into_iter().map(|(pin, package)| Ok((pin.clone(), Some(package?)))).collect()
    })
}

#[cfg(test)]
mod tests;

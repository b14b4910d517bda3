//! Fetching pinned kernels into the cache.

use std::collections::BTreeSet;
use std::path::PathBuf;

use container::{Context, Lock, require_space};

use super::access::Archive;
use super::entry::Entry;
use super::index::{self, Index};
use super::publish::{self, Kernel};
use super::unavailable::{Availability, Reason, Unavailable};
use crate::cache::Directories as _;
use crate::error::Error;
use crate::pins::Pin;
use crate::stage;

/// The kernel of a pin, if the cache has it.
#[must_use]
pub fn cached(context: &Context<'_>, pin: &Pin) -> Option<Kernel> {
    publish::find(context, pin)
}

/// Fetches kernels into the cache. Kernels that are cached are not fetched again. The results are in the order of
/// `wanted`.
///
/// # Errors
///
/// [`Error::WrongHash`] and [`Error::CutShort`] for a file that differs from its pin, [`container::Error::DiskFull`],
/// [`Error::NoKernel`], [`container::Error::Cancelled`], [`container::Error::Failed`], [`container::Error::Io`].
/// Kernels that were published before the failure stay in the cache. A kernel that the archive lacks, or that cannot
/// be looked up, is reported as [`Unavailable`]; the others are still fetched.
pub fn acquire(
    context: &Context<'_>,
    archive: &dyn Archive,
    wanted: &[Pin],
) -> Result<Vec<Availability<Kernel>>, Error> {
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
            publish::find(context, pin).ok_or_else(|| why().unwrap_or_else(|| vanished(pin))).into()
        })
        .collect())
}

/// The reason for a kernel that another process removed from the cache during the run.
fn vanished(pin: &Pin) -> Unavailable {
    let detail = "it vanished from the cache just after it was fetched".to_owned();
    Unavailable::because(pin.name(), Reason::Unreachable { detail })
}

/// Fetches all missing kernels as one batch.
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
        // The lock covers reading the index and downloading, so that no other run replaces the index in between.
        let apt = context.cache.hold_alone(&context.monitor(), &context.cache.apt())?;
        let index = index::read(context, archive, suites, &apt)?;
        let mut entries = Vec::new();
        for (pin, _) in absent {
            match find_pinned(&pin, &index)? {
                Availability::Available(entry) => entries.push((pin, entry)),
                Availability::Unavailable(why) => unavailable.push((pin, why)),
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

/// Downloads one package, verifies it and keeps it among the downloads, whatever it contains.
pub(crate) fn fetch_package(
    context: &Context<'_>,
    archive: &dyn Archive,
    pin: &Pin,
    lock: &Lock,
) -> Result<Availability<PathBuf>, Error> {
    if let Some(package) = publish::kept_package(context, pin) {
        return Ok(Availability::Available(package));
    }
    let apt = context.cache.hold_alone(&context.monitor(), &context.cache.apt())?;
    let index = index::read(context, archive, [pin.suite.clone()].into(), &apt)?;
    let entry = match find_pinned(pin, &index)? {
        Availability::Available(entry) => entry,
        Availability::Unavailable(why) => return Ok(Availability::Unavailable(why)),
    };
    let package = download(context, archive, &[(pin.clone(), entry)], lock)?.into_iter().next();
    Ok(package.and_then(|(_, package)| package).ok_or_else(|| vanished(pin)).into())
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
        // Complete packages are kept even if others failed, so that they are not downloaded again.
        let kept: Vec<_> = entries
            .iter()
            .map(|(pin, entry)| (pin, publish::keep_package(context, pin, &directory.path().join(entry.file_name()))))
            .collect();
        downloaded?;
        kept.into_iter().map(|(pin, package)| Ok((pin.clone(), Some(package?)))).collect()
    })
}

/// The archive's entry for a pin, or the reason why there is none.
fn find_pinned(pin: &Pin, index: &Availability<Index, Reason>) -> Result<Availability<Entry>, Error> {
    match index {
        Availability::Available(index) => index.find_pinned(pin),
        Availability::Unavailable(reason) => {
            Ok(Availability::Unavailable(Unavailable::because(pin.name(), reason.clone())))
        }
    }
}

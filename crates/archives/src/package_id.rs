//! Which package it is.

use std::ops::ControlFlow;

use crate::archive::{Archive, ArchiveKind};
use crate::entry::Part;
use crate::error::Error;

/// The most bytes of a package's description that are read.
const MAX_DESCRIPTION: u64 = 1 << 20;

/// Name, version and architecture of a package, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageId {
    /// `linux-image-6.12.115+deb13-cloud-amd64-unsigned`, `kernel-core`, `linux`, `linux-lts`.
    pub name: String,
    /// `6.12.115-1`, `6.12.5-200.fc41`.
    pub version: String,
    /// `amd64`, `x86_64`.
    pub architecture: String,
}

impl Archive {
    /// Which package it is; `None` for what is no package, and where the package does not say it.
    ///
    /// # Errors
    ///
    /// As for [`Archive::visit`], of what precedes the files.
    pub fn package_id(&self) -> Result<Option<PackageId>, Error> {
        let (file, [name, version, architecture], separator) = match self.kind() {
            ArchiveKind::Rpm => return self.rpm_header().map(|header| header.id()),
            ArchiveKind::Deb => ("control", ["Package", "Version", "Architecture"], ':'),
            ArchiveKind::Tar => (".PKGINFO", ["pkgname", "pkgver", "arch"], '='),
            ArchiveKind::Initramfs | ArchiveKind::Unified => return Ok(None),
        };
        let mut id = None;
        self.visit(&mut |entry| {
            if entry.part() != Part::Control {
                return Ok(ControlFlow::Break(()));
            }
            if entry.path() != file || entry.size() > MAX_DESCRIPTION {
                return Ok(ControlFlow::Continue(()));
            }
            let bytes = entry.bytes()?;
            let text = String::from_utf8_lossy(&bytes);
            let value = |key: &str| {
                let mut fields = text.lines().filter_map(|line| line.split_once(separator));
                fields.find(|(found, _)| found.trim_end() == key).map(|(_, value)| value.trim().to_owned())
            };
            id = value(name).zip(value(version)).zip(value(architecture));
            Ok(ControlFlow::Break(()))
        })?;
        Ok(id.map(|((name, version), architecture)| PackageId { name, version, architecture }))
    }
}

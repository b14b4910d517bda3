//! Which package it is.

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

/// The file in which a package describes itself, line by line.
pub(crate) struct Description {
    /// Its path in the package.
    pub(crate) file: &'static str,
    fields: [&'static str; 3],
    separator: char,
}

/// `control` of a `.deb`.
pub(crate) const CONTROL: Description =
    Description { file: "control", fields: ["Package", "Version", "Architecture"], separator: ':' };

/// `.PKGINFO` of Arch and Alpine.
pub(crate) const PKGINFO: Description =
    Description { file: ".PKGINFO", fields: ["pkgname", "pkgver", "arch"], separator: '=' };

impl Description {
    /// The most bytes that are read.
    pub(crate) const MAX: u64 = 1 << 20;

    /// What the file's text says; `None` if it lacks a field.
    pub(crate) fn parse(&self, text: &str) -> Option<PackageId> {
        let value = |key: &str| {
            let mut fields = text.lines().filter_map(|line| line.split_once(self.separator));
            fields.find(|(found, _)| found.trim_end() == key).map(|(_, value)| value.trim().to_owned())
        };
        let [name, version, architecture] = self.fields;
        Some(PackageId { name: value(name)?, version: value(version)?, architecture: value(architecture)? })
    }
}

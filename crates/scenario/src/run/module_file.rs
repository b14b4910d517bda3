//! What a run needs to know of one module.

use std::path::PathBuf;

use guest_protocol::SysfsBtf;
use kmod::abi::ModuleVersions;
use sha2::{Digest as _, Sha256};

/// A module, as far as a run needs to know it.
#[derive(Debug)]
pub struct ModuleFile {
    /// Its name as the kernel knows it.
    pub name: String,
    /// Its file, relative to its kernel's module directory.
    pub path: PathBuf,
    /// Its `.BTF` section, if it has one.
    pub btf: Option<Vec<u8>>,
    /// Its `.BTF.base` section, if it has one.
    pub btf_base: Option<Vec<u8>>,
    /// What it imports.
    pub versions: ModuleVersions,
    /// Whether its file is compressed.
    pub compressed: bool,
    /// What is loaded in place of its file, if that is something else: the file with other BTF.
    pub replaced: Option<Vec<u8>>,
}

/// The length and the digest of some BTF, as the guest reports them.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> SysfsBtf {
    let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    SysfsBtf { size: bytes.len() as u64, sha256 }
}

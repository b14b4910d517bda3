//! The data of one module that a run needs.

use std::path::PathBuf;

use guest_protocol::SysfsBtf;
use kmod::abi::ModuleVersions;
use sha2::{Digest as _, Sha256};

/// The data of one module that a run needs.
#[derive(Debug)]
pub struct ModuleFile {
    /// Its name in the kernel.
    pub name: String,
    /// Its file, relative to its kernel's module directory.
    pub path: PathBuf,
    /// Its `.BTF` section, if it has one.
    pub btf: Option<Vec<u8>>,
    /// Its `.BTF.base` section, if it has one.
    pub btf_base: Option<Vec<u8>>,
    /// Its imports.
    pub versions: ModuleVersions,
    /// Its version magic.
    pub vermagic: Option<String>,
    /// The symbols that it imports, in the order of its symbol table, and whether it can do without them.
    pub imports: Vec<(String, bool)>,
    /// The symbols that it exports, with their CRCs.
    pub exports: Vec<(String, Option<u32>)>,
    /// Whether its file is compressed.
    pub compressed: bool,
    /// The content that is loaded instead of its file, if its BTF was replaced.
    pub replaced: Option<Vec<u8>>,
}

/// The length and the digest of some BTF, as the guest reports them.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> SysfsBtf {
    let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    SysfsBtf { size: bytes.len() as u64, sha256 }
}

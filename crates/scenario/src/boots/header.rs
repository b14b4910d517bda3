//! What the transcript of a boot says about itself: where the kernels came from and what the guest was given.

use guest_protocol::SysfsBtf;
use serde::{Deserialize, Serialize};

use crate::definition::BuiltKernel;
use crate::transcript::EncoderId;

/// The version of the schema. A reader refuses another one.
pub const VERSION: u32 = 1;

/// What a transcript says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootHeader {
    /// [`VERSION`] of the writer.
    pub transcript: u32,
    /// The scenario's name.
    pub scenario: String,
    /// Where everything came from.
    pub provenance: BootProvenance,
    /// The running kernel's BTF, as its image holds it.
    pub base: SysfsBtf,
    /// Whether the running kernel was built with `CONFIG_MODULE_ALLOW_BTF_MISMATCH`: it then loads a module whose BTF it
    /// refuses, without the BTF.
    pub allows_btf_mismatch: bool,
    /// The modules that the guest was given, in the order of loading.
    pub given: Vec<GivenModule>,
}

/// Where the parts of a run came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootProvenance {
    /// The kernel that booted.
    pub running: KernelId,
    /// The kernel whose modules were loaded.
    pub modules_of: KernelId,
    /// What QEMU calls itself.
    pub qemu: String,
    /// The accelerator: `tcg-icount`, `tcg` or `kvm`.
    pub accelerator: String,
    /// The container image that QEMU ran in, or `host`.
    pub image: String,
}

/// One kernel: the package that it came in, or that held its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelId {
    /// `uname -r`.
    pub release: String,
    /// The package's name; [`OWN_SOURCE`] for a tree or a tarball of somebody's own.
    pub package: String,
    /// The package's version, or that of somebody's own source.
    pub version: String,
    /// SHA-256 of the package's file, of the tarball, or over the tree.
    pub sha256: String,
    /// What was built of it, if it was source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildId>,
    /// What encoded its BTF, if that is neither the package's nor the build image's pahole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<EncoderId>,
}

/// What stands for a package's name where the source came from elsewhere.
pub const OWN_SOURCE: &str = "own source";

/// What was built from a source, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildId {
    /// The kernel series: `6.1`.
    #[serde(rename = "line")]
    pub series: String,
    /// What was asked for.
    pub kernel: BuiltKernel,
    /// The key over everything that decides its bytes.
    pub key: String,
    /// The compiler's package and its version.
    pub compiler: String,
    /// The package of pahole and its version.
    pub pahole: String,
}

/// A module as the guest was given it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenModule {
    /// Its name as the kernel knows it.
    pub module: String,
    /// Its file, relative to the module directory of its kernel.
    pub path: String,
    /// Its `.BTF` section, if it has one.
    pub btf: Option<SysfsBtf>,
}

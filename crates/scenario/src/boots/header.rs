//! The header of a boot's transcript: the origin of the kernels and the modules that the guest was given.

use guest_protocol::SysfsBtf;
use serde::{Deserialize, Serialize};

use crate::definition::BuiltKernel;
use crate::transcript::EncoderId;

/// The version of the schema. A reader refuses another one.
pub const VERSION: u32 = 1;

/// The header of a boot's transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootHeader {
    /// The writer's [`VERSION`].
    pub transcript: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The origin of all parts.
    pub provenance: BootProvenance,
    /// The BTF of the running kernel's image.
    pub base: SysfsBtf,
    /// Whether the running kernel was built with `CONFIG_MODULE_ALLOW_BTF_MISMATCH`. It then loads a module whose BTF
    /// it refuses, without the BTF.
    pub allows_btf_mismatch: bool,
    /// The modules that the guest was given, in load order.
    pub given: Vec<GivenModule>,
}

/// The origin of the parts of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootProvenance {
    /// The kernel that booted.
    pub running: KernelId,
    /// The kernel whose modules were loaded.
    pub modules_of: KernelId,
    /// QEMU's version line.
    pub qemu: String,
    /// The accelerator: `tcg-icount`, `tcg` or `kvm`.
    pub accelerator: String,
    /// The container image in which QEMU ran, or `host`.
    pub image: String,
}

/// One kernel, identified by the package that contained it or its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelId {
    /// `uname -r`.
    pub release: String,
    /// The package's name, or [`OWN_SOURCE`] for a user's own tree or tarball.
    pub package: String,
    /// The version of the package, or of the user's own source.
    pub version: String,
    /// SHA-256 of the package's file, of the tarball, or of the tree.
    pub sha256: String,
    /// The build, if the package contained source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildId>,
    /// The encoder of its BTF, if that is neither the package's nor the build image's pahole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<EncoderId>,
}

/// The package name of a user's own source.
pub const OWN_SOURCE: &str = "own source";

/// A build: its configuration, tools and key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildId {
    /// The kernel series: `6.1`.
    #[serde(rename = "line")]
    pub series: String,
    /// The requested configuration and upgrade.
    pub kernel: BuiltKernel,
    /// The hash of everything that decides its bytes.
    pub key: String,
    /// The compiler's package and its version.
    pub compiler: String,
    /// The package of pahole and its version.
    pub pahole: String,
}

/// A module that the guest was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenModule {
    /// Its name in the kernel.
    pub module: String,
    /// Its file, relative to the module directory of its kernel.
    pub path: String,
    /// Its `.BTF` section, if it has one.
    pub btf: Option<SysfsBtf>,
}

//! The paths of a kernel's files, for packages and for builds.

use std::path::PathBuf;

use kernels::archive::{Debug, Kernel};
use kernels::kbuild::external::External;
use kernels::kbuild::{Build, Manifest};

use crate::boots::transcript::{BuildId, KernelId, OWN_SOURCE};
use crate::definition::{BuiltKernel, ModuleEncoder};
use crate::transcript::EncoderId;

/// The files of a kernel, before they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelPaths {
    /// Its origin.
    pub id: KernelId,
    /// Its boot image.
    pub image: PathBuf,
    /// The directory of its modules.
    pub modules: PathBuf,
    /// Its configuration.
    pub config: PathBuf,
    /// Its Module.symvers; a distribution's package has none.
    pub symvers: Option<PathBuf>,
    /// The directory of its modules' debug information, at their own paths, if their BTF is encoded from it.
    pub debug: Option<PathBuf>,
}

impl KernelPaths {
    /// The files of a packaged kernel.
    #[must_use]
    pub fn of_package(kernel: &Kernel) -> Self {
        let pin = &kernel.pin;
        let id = KernelId {
            release: pin.release.clone(),
            package: pin.package.clone(),
            version: pin.version.clone(),
            sha256: pin.sha256.to_string(),
            build: None,
            encoder: None,
        };
        Self {
            id,
            image: kernel.image.clone(),
            modules: kernel.modules.clone(),
            config: kernel.image.with_file_name(format!("config-{}", pin.release)),
            symvers: None,
            debug: None,
        }
    }

    /// The files of a packaged kernel whose modules get BTF from their debug information.
    #[must_use]
    pub fn encoded(kernel: &Kernel, debug: &Debug, encoder: ModuleEncoder) -> Self {
        let mut parts = Self::of_package(kernel);
        parts.debug = Some(debug.modules.clone());
        parts.id.encoder = Some(EncoderId {
            name: encoder.to_string(),
            debug: Some(debug.pin.name()),
            sha256: debug.pin.sha256.to_string(),
        });
        parts
    }

    /// The files of a kernel built from the source package `package`, or from a user's own source.
    #[must_use]
    pub fn of_build(build: &Build, kernel: &BuiltKernel, package: Option<&str>) -> Self {
        let manifest = &build.manifest;
        let id = KernelId {
            release: manifest.release.clone(),
            package: package.unwrap_or(OWN_SOURCE).to_owned(),
            version: manifest.source.version.clone(),
            sha256: manifest.source.sha256.to_string(),
            build: Some(build_id(manifest, kernel)),
            encoder: manifest.encoder().map(|(name, sha256)| {
                let (name, sha256) = (name.to_owned(), sha256.to_owned());
                EncoderId { name, debug: None, sha256 }
            }),
        };
        Self {
            id,
            image: build.image.clone(),
            modules: build.modules.clone(),
            config: build.config.clone(),
            symvers: Some(build.symvers.clone()),
            debug: None,
        }
    }

    /// The same kernel with other modules: external ones that were built against it.
    #[must_use]
    pub fn with_external(mut self, external: &External) -> Self {
        self.modules = external.modules.clone();
        if let Some(build) = &mut self.id.build {
            build.key = external.manifest.key.to_string();
        }
        self
    }
}

fn build_id(manifest: &Manifest, kernel: &BuiltKernel) -> BuildId {
    let versioned = |name: &str| manifest.toolchain.get(name).map(|version| format!("{name} {version}"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // The package `gcc` only selects the default version.
    let gcc = manifest.toolchain.keys().find(|name| name.strip_prefix("gcc-").is_some_and(is_number));
    BuildId {
        series: manifest.source.series.clone(),
        kernel: kernel.clone(),
        key: manifest.key.to_string(),
        compiler: gcc.and_then(|name| versioned(name)).or_else(|| versioned("gcc")).unwrap_or_default(),
        pahole: versioned("pahole").or_else(|| versioned("dwarves")).unwrap_or_default(),
    }
}

//! References to kernels in a definition.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A kernel, or the kernel to which modules belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScenarioKernel {
    /// A prebuilt kernel whose release is pinned in `kernel-configs/`: a string.
    Pinned(String),
    /// A kernel built from source: a table with `config`.
    Built(BuiltKernel),
    /// A prebuilt kernel whose modules get BTF that we encode: a table with `release` and `encoder`.
    Reencoded(ReencodedModules),
}

/// The modules of a prebuilt kernel. Their BTF is replaced by BTF encoded from the distribution's debug information.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReencodedModules {
    /// The kernel, pinned in `kernel-configs/` together with its debug information.
    pub release: String,
    /// The encoder.
    pub encoder: ModuleEncoder,
}

/// An encoder for the BTF of prebuilt modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleEncoder {
    /// The crate `encode`.
    Modbtf,
}

impl fmt::Display for ModuleEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Modbtf => f.write_str("modbtf"),
        }
    }
}

/// A kernel built from the source of the scenario's series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuiltKernel {
    /// Its configuration: fragments of `kernel-configs/fragments/`, joined by `+`.
    pub config: String,
    /// The change to its source: a patch of `kernel-configs/upgrades/`, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<String>,
    /// Directories of external modules, which are built against it with `M=` and replace its own modules: directories
    /// of its source tree, or of `kernel-configs/external/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external: Vec<String>,
}

impl BuiltKernel {
    /// The patch that is applied to its source, if any.
    pub(super) fn change(&self) -> Option<&str> {
        self.upgrade.as_deref().filter(|upgrade| *upgrade != "none")
    }
}

impl fmt::Display for ScenarioKernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned(release) => f.write_str(release),
            Self::Built(built) => built.fmt(f),
            Self::Reencoded(encoded) => encoded.fmt(f),
        }
    }
}

impl fmt::Display for ReencodedModules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with BTF by {} from its debug information", self.release, self.encoder)
    }
}

/// A description of the kernel that no point release changes: `strict`, `strict with grow`.
impl fmt::Display for BuiltKernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.config)?;
        self.upgrade.iter().try_for_each(|upgrade| write!(f, " with {upgrade}"))?;
        match self.external.as_slice() {
            [] => Ok(()),
            external => write!(f, ", {} built against it", external.join(" and ")),
        }
    }
}

impl<'de> Deserialize<'de> for ScenarioKernel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KernelVisitor)
    }
}

/// The keys allowed in the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KernelTable {
    config: Option<String>,
    upgrade: Option<String>,
    #[serde(default)]
    external: Vec<String>,
    release: Option<String>,
    encoder: Option<ModuleEncoder>,
}

/// Implemented by hand, because an untagged enum would not report what is wrong in which form.
struct KernelVisitor;

impl<'de> Visitor<'de> for KernelVisitor {
    type Value = ScenarioKernel;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pinned release, a table with `config`, or one with `release` and `encoder`")
    }

    fn visit_str<E>(self, release: &str) -> Result<ScenarioKernel, E> {
        Ok(ScenarioKernel::Pinned(release.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ScenarioKernel, A::Error> {
        let KernelTable { config, upgrade, external, release, encoder } =
            KernelTable::deserialize(MapAccessDeserializer::new(map))?;
        match (config, release, encoder) {
            (Some(config), None, None) => Ok(ScenarioKernel::Built(BuiltKernel { config, upgrade, external })),
            (None, Some(release), Some(encoder)) if upgrade.is_none() && external.is_empty() => {
                Ok(ScenarioKernel::Reencoded(ReencodedModules { release, encoder }))
            }
            (None, None, None) => Err(A::Error::missing_field("config")),
            (None, Some(_), None) => Err(A::Error::missing_field("encoder")),
            (None, None, Some(_)) => Err(A::Error::missing_field("release")),
            _ => Err(A::Error::custom(
                "`config`, `upgrade` and `external` belong to a kernel that is built, `release` and `encoder` to a prebuilt one",
            )),
        }
    }
}

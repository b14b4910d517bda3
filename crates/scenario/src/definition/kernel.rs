//! How a definition names a kernel.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A kernel, or the kernel whose modules are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kernel {
    /// A release pinned in `kernel-configs/`, prebuilt: a text.
    Pinned(String),
    /// One that is built from source: a table.
    Built(Built),
}

/// A kernel built from the source of the scenario's line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Built {
    /// Its configuration: fragments of `kernel-configs/fragments/`, joined by `+`.
    pub config: String,
    /// The change to its source: a patch of `kernel-configs/upgrades/`, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<String>,
    /// In place of the modules that were built with it, those of these directories, built against it with `M=`: of its source
    /// tree, or of `kernel-configs/external/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external: Vec<String>,
}

impl Built {
    /// The patch by which its source is changed, if any.
    pub(super) fn change(&self) -> Option<&str> {
        self.upgrade.as_deref().filter(|upgrade| *upgrade != "none")
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned(release) => f.write_str(release),
            Self::Built(built) => built.fmt(f),
        }
    }
}

/// A kernel in words that no point release changes: `strict`, `strict with grow`.
impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.config)?;
        self.upgrade.iter().try_for_each(|upgrade| write!(f, " with {upgrade}"))?;
        match self.external.as_slice() {
            [] => Ok(()),
            external => write!(f, ", {} built against it", external.join(" and ")),
        }
    }
}

impl<'de> Deserialize<'de> for Kernel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KernelVisitor)
    }
}

/// By hand, since an untagged enum would not say what is wrong in which of the two.
struct KernelVisitor;

impl<'de> Visitor<'de> for KernelVisitor {
    type Value = Kernel;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pinned release, or a table with `config`")
    }

    fn visit_str<E>(self, release: &str) -> Result<Kernel, E> {
        Ok(Kernel::Pinned(release.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Kernel, A::Error> {
        Built::deserialize(MapAccessDeserializer::new(map)).map(Kernel::Built)
    }
}

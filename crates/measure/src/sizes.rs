//! The size of modules' BTF: encoded without a base, and against the kernel's BTF.

use serde::{Deserialize, Serialize};

use crate::Setting;
use util::number::ratio;

/// The sizes reported when Linux 5.11 introduced split BTF for modules.
pub const ORIGINAL: Original = Original { release: "5.11", modules: "about 700", full: 115_710_691, split: 5_194_047 };

/// The original claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Original {
    /// The kernel to which it applies.
    pub release: &'static str,
    /// The number of modules.
    pub modules: &'static str,
    /// The size of their BTF encoded without a base, in bytes.
    pub full: u64,
    /// The size of their BTF encoded against the kernel's, in bytes.
    pub split: u64,
}

/// The BTF of every module of some kernels, full and split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// [`crate::VERSION`].
    pub version: u32,
    /// The circumstances of the measurement.
    pub setting: Setting,
    /// The kernels.
    pub kernels: Vec<KernelSizes>,
}

/// The BTF of every module of one kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelSizes {
    /// The output of `uname -r`.
    pub release: String,
    /// Its origin: a package with its version, or the source from which it was built.
    pub origin: String,
    /// The origin of the debug information that was encoded.
    pub dwarf: String,
    /// The compiler in the kernel's configuration.
    pub compiler: String,
    /// The version of pahole that made the shipped BTF, from the configuration: `1.24`.
    pub shipped_by: String,
    /// pahole's arguments, as this kernel's own build would pass them.
    pub flags: Vec<String>,
    /// The kernel's own BTF, which is the base of split BTF.
    pub base: Base,
    /// Every module of the kernel, sorted by path.
    pub modules: Vec<ModuleSizes>,
}

/// The kernel's own BTF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// The shipped BTF, in bytes.
    pub shipped: Shipped,
    /// The BTF encoded here, in bytes.
    pub encoded: Encoded,
}

/// One module's BTF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleSizes {
    /// The path below the kernel's modules, without `kernel/` and without the suffix of a compression:
    /// `fs/overlayfs/overlay.ko`.
    pub path: String,
    /// The shipped BTF.
    pub shipped: Shipped,
    /// Encoded without a base.
    pub full: Encoded,
    /// Encoded against the kernel's BTF.
    pub split: Encoded,
}

/// The BTF of a shipped file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shipped {
    /// BTF of this size in bytes.
    Bytes(u64),
    /// The module was shipped without BTF.
    WithoutBtf,
    /// The module has debug information but was not shipped.
    NotShipped,
    /// The module's file cannot be read, for this reason.
    Unreadable(String),
}

/// The result of encoding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoded {
    /// BTF of this size in bytes.
    Bytes(u64),
    /// A failure, with the reason.
    Failed(String),
}

/// The reason why a module does not count, or counts only in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble<'a> {
    /// The module's path, or `vmlinux`.
    pub path: &'a str,
    /// The problem.
    pub what: String,
}

/// Sums over the modules of one kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// The number of modules that were encoded both ways. The sums of bytes are over these.
    pub measured: usize,
    /// Bytes encoded without a base.
    pub full: u64,
    /// Bytes encoded against the kernel's BTF.
    pub split: u64,
    /// The number of modules that were shipped with BTF.
    pub with_btf: usize,
    /// Bytes of the shipped BTF.
    pub shipped: u64,
}

impl Totals {
    /// The size of BTF without a base divided by the size of split BTF.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        ratio(self.full, self.split)
    }
}

impl Encoded {
    /// The bytes, if there are any.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(*bytes),
            Self::Failed(_) => None,
        }
    }
}

impl Shipped {
    /// The bytes, if there are any.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(*bytes),
            _ => None,
        }
    }
}

impl ModuleSizes {
    /// The file's name without `.ko`: `overlay`.
    #[must_use]
    pub fn name(&self) -> &str {
        let file = self.path.rsplit('/').next().unwrap_or(&self.path);
        file.strip_suffix(".ko").unwrap_or(file)
    }

    /// The bytes without a base and against the kernel's BTF, if it could be encoded both ways.
    #[must_use]
    pub fn both(&self) -> Option<(u64, u64)> {
        Some((self.full.bytes()?, self.split.bytes()?))
    }

    /// The size of BTF without a base divided by the size of split BTF.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        self.both().and_then(|(full, split)| ratio(full, split))
    }

    fn trouble(&self) -> Option<String> {
        let shipped = match &self.shipped {
            Shipped::Unreadable(why) => Some(format!("as shipped it cannot be read: {why}")),
            _ => None,
        };
        let encoded = match (&self.full, &self.split) {
            (Encoded::Bytes(_), Encoded::Bytes(_)) => None,
            (Encoded::Failed(full), Encoded::Failed(split)) if full == split => Some(full.clone()),
            (full, split) => {
                let why = |how: &str, encoded: &Encoded| match encoded {
                    Encoded::Bytes(_) => None,
                    Encoded::Failed(why) => Some(format!("{how}: {why}")),
                };
                let both = [why("alone", full), why("against the base", split)];
                Some(both.into_iter().flatten().collect::<Vec<_>>().join("; "))
            }
        };
        let all: Vec<String> = shipped.into_iter().chain(encoded).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

impl KernelSizes {
    /// The sums.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.modules.iter().fold(Totals::default(), |mut totals, module| {
            if let Some((full, split)) = module.both() {
                totals.measured += 1;
                totals.full = totals.full.saturating_add(full);
                totals.split = totals.split.saturating_add(split);
            }
            if let Some(shipped) = module.shipped.bytes() {
                totals.with_btf += 1;
                totals.shipped = totals.shipped.saturating_add(shipped);
            }
            totals
        })
    }

    /// The measurements that failed. If there are any, the sizes are incomplete.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble<'_>> {
        let base = [
            match &self.base.encoded {
                Encoded::Failed(why) => {
                    Some(format!("its BTF, which all others refer to, could not be encoded: {why}"))
                }
                Encoded::Bytes(_) => None,
            },
            match &self.base.shipped {
                Shipped::Unreadable(why) => Some(format!("as shipped it cannot be read: {why}")),
                _ => None,
            },
        ];
        let of_base = base.into_iter().flatten().map(|what| Trouble { path: "vmlinux", what });
        let of_modules =
            self.modules.iter().filter_map(|module| module.trouble().map(|what| Trouble { path: &module.path, what }));
        of_base.chain(of_modules).collect()
    }

    /// The modules that were shipped without BTF.
    #[must_use]
    pub fn without_btf(&self) -> Vec<&ModuleSizes> {
        self.modules.iter().filter(|module| module.shipped == Shipped::WithoutBtf).collect()
    }

    /// The modules that have debug information but were not shipped.
    #[must_use]
    pub fn not_shipped(&self) -> Vec<&ModuleSizes> {
        self.modules.iter().filter(|module| module.shipped == Shipped::NotShipped).collect()
    }

    /// The modules that were encoded both ways, largest first; `bytes` picks from (full, split).
    #[must_use]
    pub fn largest(&self, bytes: fn((u64, u64)) -> u64) -> Vec<&ModuleSizes> {
        let mut modules: Vec<_> = self.modules.iter().filter(|module| module.both().is_some()).collect();
        modules.sort_by_key(|module| (std::cmp::Reverse(module.both().map(bytes)), &module.path));
        modules
    }

    /// The smallest, median and largest ratio of a module's full BTF to its split BTF.
    #[must_use]
    pub fn ratios(&self) -> Option<[f64; 3]> {
        let mut ratios: Vec<f64> = self.modules.iter().filter_map(ModuleSizes::ratio).collect();
        ratios.sort_by(f64::total_cmp);
        Some([*ratios.first()?, ratios[ratios.len() / 2], *ratios.last()?])
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn module(path: &str, full: u64, split: u64) -> ModuleSizes {
        let (full, split) = (Encoded::Bytes(full), Encoded::Bytes(split));
        ModuleSizes { path: path.into(), shipped: Shipped::Bytes(split.bytes().unwrap() + 1), full, split }
    }

    pub(crate) fn setting() -> Setting {
        Setting {
            date: "2026-01-31 12:00 UTC".into(),
            pahole: "1.30-1".into(),
            image: "localhost/modbtf-build:0123".into(),
            engine: "podman with runc (podman version 4.3.1)".into(),
            processor: "A Processor".into(),
            cores: 2,
            load: Some(1.5),
        }
    }

    pub(crate) fn kernel(modules: Vec<ModuleSizes>) -> KernelSizes {
        KernelSizes {
            release: "6.1.0-56-cloud-amd64".into(),
            origin: "linux-image-6.1.0-56-cloud-amd64-unsigned 6.1.192-2".into(),
            dwarf: "linux-image-6.1.0-56-cloud-amd64-dbg 6.1.192-2".into(),
            compiler: "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0".into(),
            shipped_by: "1.24".into(),
            flags: vec!["--btf_gen_floats".into()],
            base: Base { shipped: Shipped::Bytes(4_116_614), encoded: Encoded::Bytes(4_139_516) },
            modules,
        }
    }

    pub(crate) fn sizes(modules: Vec<ModuleSizes>) -> Sizes {
        Sizes { version: crate::VERSION, setting: setting(), kernels: vec![kernel(modules)] }
    }

    #[test]
    fn sums_are_over_what_was_encoded_both_ways_and_the_rest_is_named() {
        let failed = |why: &str| Encoded::Failed(why.into());
        let kernel = kernel(vec![
            module("a/one.ko", 100, 10),
            ModuleSizes { split: failed("no memory"), ..module("b/two.ko", 5_000, 1) },
            ModuleSizes { full: failed("it has no DWARF"), split: failed("it has no DWARF"), ..module("c.ko", 1, 1) },
            ModuleSizes { shipped: Shipped::WithoutBtf, ..module("d.ko", 30, 3) },
            ModuleSizes { shipped: Shipped::Unreadable("cut".into()), ..module("e.ko", 20, 2) },
        ]);
        let totals = kernel.totals();
        assert_eq!((totals.measured, totals.full, totals.split), (3, 150, 15));
        assert_eq!((totals.with_btf, totals.shipped), (3, 11 + 2 + 2));
        assert_eq!(totals.ratio(), Some(10.0));
        let troubles: Vec<_> = kernel.troubles().into_iter().map(|it| format!("{}: {}", it.path, it.what)).collect();
        assert_eq!(
            troubles,
            [
                "b/two.ko: against the base: no memory",
                "c.ko: it has no DWARF",
                "e.ko: as shipped it cannot be read: cut"
            ]
        );
        assert_eq!(kernel.without_btf()[0].name(), "d");
    }

    #[test]
    fn the_largest_come_first_and_equals_by_path() {
        let kernel = kernel(vec![module("z.ko", 5, 1), module("b.ko", 9, 1), module("a.ko", 9, 3)]);
        let names = |bytes| kernel.largest(bytes).iter().map(|it| it.name().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(|(full, _)| full), ["a", "b", "z"]);
        assert_eq!(names(|(_, split)| split), ["a", "b", "z"]);
        assert_eq!(kernel.ratios(), Some([3.0, 5.0, 9.0]));
    }

    #[test]
    fn a_base_that_fails_is_trouble_of_its_own() {
        let mut kernel = kernel(Vec::new());
        kernel.base.encoded = Encoded::Failed("bad".into());
        assert_eq!(kernel.troubles()[0].path, "vmlinux");
        assert_eq!((kernel.totals().ratio(), kernel.ratios()), (None, None));
    }
}

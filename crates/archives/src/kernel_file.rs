//! What a path in an archive means to a kernel.

use bstr::{BStr, ByteSlice as _};

/// A file of a kernel, recognised by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KernelFile<'a> {
    /// A module.
    Module {
        /// The release of the kernel: the name of the directory below `lib/modules`.
        release: &'a str,
        /// Its path below that directory: `kernel/fs/overlayfs/overlay.ko.xz`, `updates/dkms/nvidia.ko`.
        path: &'a str,
    },
    /// A kernel image: `boot/vmlinuz-RELEASE`, `lib/modules/RELEASE/vmlinuz`, or with debug information
    /// `usr/lib/debug/…/vmlinux`.
    Image {
        /// What the path says to be the release. Not every distribution puts it there: Alpine has `boot/vmlinuz-lts`.
        release: &'a str,
    },
    /// A kernel's configuration: `boot/config-RELEASE`, `lib/modules/RELEASE/config`.
    Config {
        /// As for an image.
        release: &'a str,
    },
    /// What a kernel exports: `boot/symvers-RELEASE.gz`, `lib/modules/RELEASE/symvers.gz`, `…/Module.symvers`.
    Symvers {
        /// As for an image.
        release: &'a str,
    },
}

/// What the names of modules end with.
const MODULE_SUFFIXES: [&str; 4] = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"];
/// What the names of kernel images begin with.
const IMAGE_NAMES: [&str; 5] = ["vmlinuz", "vmlinux", "bzImage", "Image", "image"];

impl<'a> KernelFile<'a> {
    /// What the file of that path is; `None` if it is nothing of a kernel.
    #[must_use]
    pub fn of(path: &'a BStr) -> Option<Self> {
        let mut path = path.to_str().ok()?;
        for prefix in ["/", "./"] {
            path = path.trim_start_matches(prefix);
        }
        path = path.strip_prefix("usr/lib/debug/").unwrap_or(path);
        path = path.strip_prefix("usr/").unwrap_or(path);
        if let Some(below) = path.strip_prefix("lib/modules/") {
            let (release, path) = below.split_once('/').filter(|(release, _)| !release.is_empty())?;
            if MODULE_SUFFIXES.iter().any(|suffix| path.ends_with(suffix)) {
                return Some(Self::Module { release, path });
            }
            return if path.contains('/') { None } else { Self::of_name(path, Some(release)) };
        }
        let name = path.strip_prefix("boot/").filter(|name| !name.contains('/'))?;
        Self::of_name(name, None)
    }

    /// A file of that name in the directory of a release, or in one in which the name ends with it.
    fn of_name(name: &'a str, release: Option<&'a str>) -> Option<Self> {
        let release_after = |kind: &str| {
            let rest = name.strip_prefix(kind)?;
            match release {
                Some(release) => rest.is_empty().then_some(release),
                None => rest.strip_prefix('-').filter(|rest| !rest.is_empty()),
            }
        };
        if let Some(release) = IMAGE_NAMES.iter().find_map(|kind| release_after(kind)) {
            return Some(Self::Image { release });
        }
        if let Some(release) = release_after("config") {
            return Some(Self::Config { release });
        }
        let symvers = match release {
            Some(release) => name.starts_with("symvers").then_some(release).or_else(|| release_after("Module.symvers")),
            None => release_after("symvers"),
        };
        let release = ["", ".gz", ".xz", ".zst"].iter().rev().find_map(|suffix| symvers?.strip_suffix(suffix))?;
        Some(Self::Symvers { release })
    }

    /// The release that the path gives.
    #[must_use]
    pub fn release(&self) -> &'a str {
        match *self {
            Self::Module { release, .. }
            | Self::Image { release }
            | Self::Config { release }
            | Self::Symvers { release } => release,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_each_distribution_are_recognised() {
        let release = "6.1.0";
        let of = |path: &'static str| KernelFile::of(path.into());
        for path in [
            "./usr/lib/modules/6.1.0/kernel/a.ko.xz",
            "lib/modules/6.1.0/kernel/a.ko.xz",
            "/lib/modules/6.1.0/kernel/a.ko.xz",
        ] {
            assert_eq!(of(path), Some(KernelFile::Module { release, path: "kernel/a.ko.xz" }), "{path}");
        }
        for path in ["boot/vmlinuz-6.1.0", "usr/lib/modules/6.1.0/vmlinuz", "usr/lib/debug/boot/vmlinux-6.1.0"] {
            assert_eq!(of(path), Some(KernelFile::Image { release }), "{path}");
        }
        assert_eq!(of("usr/lib/debug/lib/modules/6.1.0/vmlinux"), Some(KernelFile::Image { release }));
        for path in ["boot/config-6.1.0", "lib/modules/6.1.0/config"] {
            assert_eq!(of(path), Some(KernelFile::Config { release }), "{path}");
        }
        for path in [
            "boot/symvers-6.1.0.gz",
            "boot/symvers-6.1.0",
            "lib/modules/6.1.0/symvers.xz",
            "lib/modules/6.1.0/Module.symvers",
        ] {
            assert_eq!(of(path), Some(KernelFile::Symvers { release }), "{path}");
        }
        for none in [
            "boot/vmlinuz",
            "boot/vmlinuz-",
            "lib/modules/6.1.0",
            "lib/modules//a.ko",
            "lib/modules/6.1.0/build/vmlinux",
            "lib/firmware/a.ko",
            "boot/grub/vmlinuz-6.1.0",
            "lib/modules/6.1.0/modules.dep",
            "",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(KernelFile::of(b"lib/modules/\xff/a.ko".as_bstr()), None);
    }
}

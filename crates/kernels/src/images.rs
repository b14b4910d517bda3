//! The images that kernels are booted and built in.

use container::image::ImageDefinition;

/// QEMU and apt: enough for prebuilt kernels.
pub const BOOT: ImageDefinition =
    ImageDefinition { name: "boot", containerfile: include_str!("../../../ci/boot.Containerfile"), below: None };

/// The boot image and the kernel toolchain.
pub const BUILD: ImageDefinition = ImageDefinition {
    name: "build",
    containerfile: include_str!("../../../ci/build.Containerfile"),
    below: Some(&BOOT),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containerfiles_name_packages_once_and_no_mirror() {
        assert!(BOOT.containerfile.contains("qemu-system-x86") && !BUILD.containerfile.contains("qemu"));
        for image in [BOOT, BUILD] {
            assert!(!image.containerfile.contains("http"), "a mirror is the machine's own affair");
        }
    }
}

//! Booting kernels: initramfs, QEMU, liveness, results.

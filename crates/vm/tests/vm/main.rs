//! Tests of the crate's public interface without a virtual machine: scripts replace QEMU.

mod boot;
mod fake;
mod initramfs;
mod killed;
mod kvm;

//! The crate's behaviour from outside, without a virtual machine: scripts take QEMU's place.

mod boot;
mod fake;
mod initramfs;
mod killed;
mod kvm;

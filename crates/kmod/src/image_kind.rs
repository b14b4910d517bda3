//! The kinds of files from which a kernel's BTF can be read.

use std::fmt;

use crate::compression::Compression;

/// The kind of file from which a kernel's BTF was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageKind {
    /// BTF only, as in `/sys/kernel/btf/vmlinux`.
    RawBtf,
    /// An uncompressed ELF file: `vmlinux`.
    Elf,
    /// An x86 boot image (`vmlinuz`, `bzImage`), with the compression of the kernel inside.
    BzImage(Compression),
    /// An EFI boot image as of 6.1 (`vmlinuz.efi` of arm64, riscv, loongarch), with the compression of the kernel inside.
    EfiZboot(Compression),
    /// A compressed file with one of the other kinds in it: `Image.gz`, `vmlinux.xz`.
    Compressed(Compression),
    /// The kernel as laid out in memory, without section table: `Image` of arm64 and riscv.
    Flat,
    /// An s390 boot image, with the compression of the kernel inside, if it has one.
    S390(Option<Compression>),
    /// A unified kernel image: an EFI program with one of the other kinds in a section.
    Unified,
}

impl fmt::Display for ImageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RawBtf => f.write_str("raw BTF file"),
            Self::Elf => f.write_str("ELF kernel image"),
            Self::BzImage(compression) => write!(f, "bzImage ({compression})"),
            Self::EfiZboot(compression) => write!(f, "EFI boot image ({compression})"),
            Self::Compressed(compression) => write!(f, "kernel image ({compression})"),
            Self::Flat => f.write_str("flat kernel image"),
            Self::S390(Some(compression)) => write!(f, "s390 boot image ({compression})"),
            Self::S390(None) => f.write_str("s390 boot image"),
            Self::Unified => f.write_str("unified kernel image"),
        }
    }
}

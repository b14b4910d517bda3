//! One section of an ELF file.

/// One section of an [`Elf`](crate::Elf).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Section<'a> {
    /// Its index in the section table.
    pub index: usize,
    /// Its name, without the closing NUL; at most the first 4096 bytes of it.
    pub name: &'a [u8],
    /// `sh_type`.
    pub kind: u32,
    /// `sh_flags`.
    pub flags: u64,
    /// `sh_addr`: the address for which it is linked; 0 in modules.
    pub address: u64,
    /// `sh_link`.
    pub link: u32,
    /// `sh_info`.
    pub info: u32,
    /// The offset of its bytes in the file; 0 for `SHT_NOBITS`, which has none there.
    pub offset: u64,
    /// Its bytes; empty for `SHT_NOBITS`.
    pub data: &'a [u8],
}

/// The header of one section of an [`ElfFile`](crate::ElfFile).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SectionHead<'a> {
    /// Its index in the section table.
    pub index: usize,
    /// Its name, without the closing NUL; at most the first 4096 bytes of it.
    pub name: &'a [u8],
    /// `sh_type`.
    pub kind: u32,
    /// `sh_flags`.
    pub flags: u64,
    /// `sh_addr`: the address for which it is linked; 0 in modules.
    pub address: u64,
    /// `sh_size`: its length in memory, in bytes.
    pub size: u64,
    /// `sh_link`.
    pub link: u32,
    /// `sh_info`.
    pub info: u32,
    /// The offset of its bytes in the file; 0 for `SHT_NOBITS`, which has none there.
    pub offset: u64,
    /// The number of its bytes in the file; 0 for `SHT_NOBITS`. They lie inside the file.
    pub file_size: u64,
}

//! The compression of a module or a kernel, recognised by its first bytes.

use std::fmt;

/// The magic of lz4's legacy frame.
pub(crate) const LZ4_LEGACY_MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];

/// A compression, recognised by its magic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// gzip: `1f 8b`.
    Gzip,
    /// xz: `fd 37 7a 58 5a 00`.
    Xz,
    /// Zstandard: `28 b5 2f fd`.
    Zstd,
    /// lzma without container: `5d 00 00`.
    Lzma,
    /// lz4's legacy frame, which the kernel's build uses: `02 21 4c 18`.
    Lz4Legacy,
    /// bzip2: `BZh`.
    Bzip2,
    /// lzop: `89 4c 5a 4f 00`.
    Lzo,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Lzma => "lzma",
            Self::Lz4Legacy => "lz4",
            Self::Bzip2 => "bzip2",
            Self::Lzo => "lzo",
        })
    }
}

impl Compression {
    /// The compression of `bytes`, recognised by their magic.
    #[must_use]
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        const MAGICS: [(&[u8], Compression); 7] = [
            (b"\x1f\x8b", Compression::Gzip),
            (b"\xfd7zXZ\0", Compression::Xz),
            (b"\x28\xb5\x2f\xfd", Compression::Zstd),
            (b"\x5d\0\0", Compression::Lzma),
            (&LZ4_LEGACY_MAGIC, Compression::Lz4Legacy),
            (b"BZh", Compression::Bzip2),
            (b"\x89LZO\0", Compression::Lzo),
        ];
        MAGICS.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|&(_, compression)| compression)
    }
}

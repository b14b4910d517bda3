//! Byte order, and reading and writing integers in it.

/// The byte order of a file or a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// Reading and writing integers of one width in a byte order.
macro_rules! integers {
    ($($width:literal bytes: $read:ident, $write:ident, $get:ident, $int:ty;)*) => {$(
        #[doc = concat!("Reads ", $width, " bytes.")]
        #[must_use]
        #[inline]
        pub const fn $read(self, bytes: [u8; $width]) -> $int {
            match self {
                Self::Little => <$int>::from_le_bytes(bytes),
                Self::Big => <$int>::from_be_bytes(bytes),
            }
        }

        #[doc = concat!("Writes ", $width, " bytes.")]
        #[must_use]
        #[inline]
        pub const fn $write(self, value: $int) -> [u8; $width] {
            match self {
                Self::Little => value.to_le_bytes(),
                Self::Big => value.to_be_bytes(),
            }
        }

        #[doc = concat!("Reads ", $width, " bytes at an offset in bytes; nothing if they are not all there.")]
        #[must_use]
        #[inline]
        pub fn $get(self, bytes: &[u8], offset: usize) -> Option<$int> {
            Some(self.$read(*bytes.get(offset..)?.first_chunk()?))
        }
    )*};
}

impl Endian {
    /// The byte order of this machine.
    pub const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };

    /// The other byte order.
    #[must_use]
    pub const fn swapped(self) -> Self {
        match self {
            Self::Little => Self::Big,
            Self::Big => Self::Little,
        }
    }

    integers! {
        2 bytes: read_u16, write_u16, u16_at, u16;
        4 bytes: read_u32, write_u32, u32_at, u32;
        8 bytes: read_u64, write_u64, u64_at, u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_they_are_written() {
        for endian in [Endian::Little, Endian::Big] {
            assert_eq!(endian.read_u16(endian.write_u16(0x1234)), 0x1234);
            assert_eq!(endian.read_u32(endian.write_u32(0x1234_5678)), 0x1234_5678);
            assert_eq!(endian.read_u64(endian.write_u64(0x0123_4567_89ab_cdef)), 0x0123_4567_89ab_cdef);
        }
        assert_eq!(Endian::Little.write_u32(1), Endian::Big.write_u32(1 << 24));
    }

    #[test]
    fn integers_that_are_cut_short_are_none() {
        let bytes = [1, 0, 0, 0, 0];
        assert_eq!(Endian::Little.u32_at(&bytes, 0), Some(1));
        assert_eq!(Endian::Big.u32_at(&bytes, 1), Some(0));
        assert_eq!(Endian::Little.u32_at(&bytes, 2), None);
        assert_eq!(Endian::Little.u16_at(&bytes, usize::MAX), None);
    }
}

//! A position in the bytes of one CU.

use util::Endian;

use crate::error::Malformed;

/// Reads forward through bytes, in one byte order. Every read is checked.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    endian: Endian,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8], endian: Endian) -> Self {
        Self { bytes, position: 0, endian }
    }

    /// The same bytes from another position; reading there fails if it lies outside.
    pub(crate) const fn at(&self, position: usize) -> Self {
        Self { bytes: self.bytes, position, endian: self.endian }
    }

    pub(crate) const fn position(&self) -> usize {
        self.position
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.position >= self.bytes.len()
    }

    /// What there is from here on.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or(&[])
    }

    /// Goes to a position further on, up to the end.
    pub(crate) fn jump(&mut self, position: usize) -> Result<(), Malformed> {
        if position <= self.position || position > self.bytes.len() {
            return Err(Malformed::Sibling { at: self.position, target: position });
        }
        self.position = position;
        Ok(())
    }

    #[inline]
    pub(crate) fn skip(&mut self, length: usize) -> Result<(), Malformed> {
        match self.position.checked_add(length) {
            Some(end) if end <= self.bytes.len() => {
                self.position = end;
                Ok(())
            }
            _ => Err(self.short()),
        }
    }

    #[inline]
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let start = self.position;
        self.skip(length)?;
        self.bytes.get(start..self.position).ok_or_else(|| self.short())
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let array = *self.rest().first_chunk::<N>().ok_or_else(|| self.short())?;
        self.position = self.position.wrapping_add(N);
        Ok(array)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        let byte = *self.bytes.get(self.position).ok_or_else(|| self.short())?;
        self.position = self.position.wrapping_add(1);
        Ok(byte)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        let array = self.array()?;
        Ok(self.endian.read_u16(array))
    }

    pub(crate) fn u24(&mut self) -> Result<u32, Malformed> {
        let [a, b, c] = self.array()?;
        Ok(match self.endian {
            Endian::Little => u32::from_le_bytes([a, b, c, 0]),
            Endian::Big => u32::from_be_bytes([0, a, b, c]),
        })
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        let array = self.array()?;
        Ok(self.endian.read_u32(array))
    }

    #[inline]
    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        let array = self.array()?;
        Ok(self.endian.read_u64(array))
    }

    /// An offset of 4 or 8 bytes, or an address.
    #[inline]
    pub(crate) fn word(&mut self, bytes: u8) -> Result<u64, Malformed> {
        match bytes {
            8 => self.u64(),
            4 => self.u32().map(u64::from),
            2 => self.u16().map(u64::from),
            1 => self.u8().map(u64::from),
            _ => Err(Malformed::AddressSize { bytes }),
        }
    }

    /// An unsigned LEB128 number of 64 bits at most.
    #[inline]
    pub(crate) fn uleb(&mut self) -> Result<u64, Malformed> {
        let first = self.u8()?;
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        let mut value = u64::from(first & 0x7f);
        let mut shift = 7u32;
        loop {
            let byte = self.u8()?;
            // The tenth byte holds the last bit.
            if shift == 63 && byte > 1 {
                return Err(self.overflow());
            }
            value |= u64::from(byte & 0x7f).wrapping_shl(shift);
            shift = shift.wrapping_add(7);
            if byte < 0x80 {
                return Ok(value);
            }
        }
    }

    /// An unsigned LEB128 number of 16 bits and three bytes at most: a tag, an attribute or a form.
    pub(crate) fn uleb16(&mut self) -> Result<u16, Malformed> {
        let start = self.position;
        let number = self.uleb()?;
        let is_short = self.position.wrapping_sub(start) <= 3;
        u16::try_from(number).ok().filter(|_| is_short).ok_or_else(|| self.overflow())
    }

    /// A signed LEB128 number of 64 bits at most.
    pub(crate) fn sleb(&mut self) -> Result<i64, Malformed> {
        let mut value = 0u64;
        let mut shift = 0u32;
        loop {
            let byte = self.u8()?;
            // The tenth byte holds the last bit, which is the sign.
            if shift == 63 && byte != 0 && byte != 0x7f {
                return Err(self.overflow());
            }
            value |= u64::from(byte & 0x7f).wrapping_shl(shift);
            shift = shift.wrapping_add(7);
            if byte < 0x80 {
                if byte & 0x40 != 0 && shift < u64::BITS {
                    value |= u64::MAX.wrapping_shl(shift);
                }
                return Ok(value.cast_signed());
            }
        }
    }

    /// Passes over a LEB128 number, signed or not, whatever its value.
    #[inline]
    pub(crate) fn skip_leb(&mut self) -> Result<(), Malformed> {
        while self.u8()? >= 0x80 {}
        Ok(())
    }

    /// A string up to its NUL, which is passed over.
    pub(crate) fn string(&mut self) -> Result<&'a [u8], Malformed> {
        let rest = self.rest();
        let length = rest.iter().position(|&byte| byte == 0).ok_or_else(|| self.short())?;
        self.position += length + 1;
        Ok(rest.get(..length).unwrap_or(&[]))
    }

    #[cold]
    fn overflow(&self) -> Malformed {
        Malformed::Leb128 { at: self.position - 1 }
    }

    #[cold]
    fn short(&self) -> Malformed {
        Malformed::Short { at: self.position }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_either_byte_order() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(Reader::new(&bytes, Endian::Little).u32(), Ok(0x0403_0201));
        assert_eq!(Reader::new(&bytes, Endian::Big).u32(), Ok(0x0102_0304));
        assert_eq!(Reader::new(&bytes, Endian::Little).u24(), Ok(0x0003_0201));
        assert_eq!(Reader::new(&bytes, Endian::Big).u24(), Ok(0x0001_0203));
        assert_eq!(Reader::new(&bytes, Endian::Big).word(8), Ok(0x0102_0304_0506_0708));
    }

    #[test]
    fn uleb_refuses_more_than_64_bits() {
        assert_eq!(Reader::new(&[0xe5, 0x8e, 0x26], Endian::Little).uleb(), Ok(624_485));
        let mut ten = [0xff; 10];
        assert_eq!(Reader::new(&ten, Endian::Little).uleb(), Err(Malformed::Leb128 { at: 9 }));
        ten[9] = 1;
        assert_eq!(Reader::new(&ten, Endian::Little).uleb(), Ok(u64::MAX));
        ten[9] = 2;
        assert_eq!(Reader::new(&ten, Endian::Little).uleb(), Err(Malformed::Leb128 { at: 9 }));
        ten[9] = 0x80;
        assert_eq!(
            Reader::new(&ten, Endian::Little).uleb(),
            Err(Malformed::Leb128 { at: 9 }),
            "padding beyond the tenth byte"
        );
        assert_eq!(Reader::new(&[0x81, 0x80, 0], Endian::Little).uleb(), Ok(1), "padding before it");
        assert_eq!(Reader::new(&[0xff; 9], Endian::Little).uleb(), Err(Malformed::Short { at: 9 }));
        assert_eq!(Reader::new(&[0xff, 0xff, 3], Endian::Little).uleb16(), Ok(u16::MAX));
        assert_eq!(Reader::new(&[0x80, 0x80, 4], Endian::Little).uleb16(), Err(Malformed::Leb128 { at: 2 }));
    }

    #[test]
    fn sleb_refuses_more_than_64_bits() {
        assert_eq!(Reader::new(&[0xc0, 0xbb, 0x78], Endian::Little).sleb(), Ok(-123_456));
        assert_eq!(Reader::new(&[0x7f], Endian::Little).sleb(), Ok(-1));
        let mut ten = [0x80; 10];
        for (last, expected) in [(0, Ok(0)), (0x7f, Ok(i64::MIN)), (1, Err(Malformed::Leb128 { at: 9 }))] {
            ten[9] = last;
            assert_eq!(Reader::new(&ten, Endian::Little).sleb(), expected, "{last:#x}");
        }
        assert_eq!(Reader::new(&[0xff; 40], Endian::Little).sleb(), Err(Malformed::Leb128 { at: 9 }));
    }

    /// The same numbers are read and refused as by gimli.
    #[test]
    fn leb128_numbers_are_those_of_gimli() {
        use gimli::Reader as _;
        let bytes = [0x00, 0x01, 0x02, 0x40, 0x7f, 0x80, 0x81, 0xff];
        for length in 1..=12 {
            for last in bytes {
                for before in bytes {
                    let mut number = vec![before; length];
                    number[length - 1] = last;
                    let gimli = || gimli::EndianSlice::new(&number, gimli::LittleEndian);
                    let ours = || Reader::new(&number, Endian::Little);
                    assert_eq!(ours().uleb().ok(), gimli().read_uleb128().ok(), "{number:x?}");
                    assert_eq!(ours().uleb16().ok(), gimli().read_uleb128_u16().ok(), "{number:x?}");
                    assert_eq!(ours().sleb().ok(), gimli().read_sleb128().ok(), "{number:x?}");
                    assert_eq!(ours().skip_leb().is_ok(), gimli().skip_leb128().is_ok(), "{number:x?}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_read_past_the_end() {
        let mut reader = Reader::new(&[1, 2, 3], Endian::Little);
        assert_eq!(reader.u32(), Err(Malformed::Short { at: 0 }));
        assert_eq!(reader.skip(usize::MAX), Err(Malformed::Short { at: 0 }));
        assert_eq!(reader.string(), Err(Malformed::Short { at: 0 }));
        assert_eq!(reader.at(9).u8(), Err(Malformed::Short { at: 9 }));
        assert!(reader.jump(0).is_err() && reader.jump(4).is_err() && reader.jump(3).is_ok());
        assert!(reader.is_at_end());
    }
}

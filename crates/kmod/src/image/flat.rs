//! Kernels without a section table, in which BTF must be searched.

use bstr::ByteSlice as _;
use util::Endian;

/// The offset of the magic in an arm64 or riscv `Image` (`Documentation/arch/arm64/booting.rst`,
/// `…/riscv/boot-image-header.rst`).
const MAGIC_AT: usize = 0x38;

/// The possible lengths of a BTF header, in bytes.
const HEADER_LENGTHS: [u32; 2] = [24, 32];

/// Whether `bytes` is an arm64 or riscv `Image`.
pub(super) fn is_flat_image(bytes: &[u8]) -> bool {
    bytes.get(MAGIC_AT..MAGIC_AT + 4).is_some_and(|magic| magic == b"ARM\x64" || magic == b"RSC\x05")
}

/// The largest part of `bytes` with a valid BTF header and a string section that agrees with it. A kernel's own BTF
/// is larger than any other that the kernel contains.
pub(super) fn find(bytes: &[u8]) -> Option<&[u8]> {
    // The magic, version 1 and no flags, in either byte order.
    let starts = [[0x9f, 0xeb, 1, 0], [0xeb, 0x9f, 1, 0]];
    let found = starts.iter().flat_map(|start| bytes.find_iter(start)).filter_map(|at| btf_at(&bytes[at..]));
    found.max_by_key(|found| found.len())
}

/// The BTF at the beginning of `rest`: header, types and, immediately after them, strings.
fn btf_at(rest: &[u8]) -> Option<&[u8]> {
    let endian = if rest.first() == Some(&0x9f) { Endian::Little } else { Endian::Big };
    let number = |index: usize| endian.u32_at(rest, 4 + index * 4);
    let header_len = number(0).filter(|len| HEADER_LENGTHS.contains(len))?;
    let (type_off, type_len, str_off, str_len) = (number(1)?, number(2)?, number(3)?, number(4)?);
    let after_types = u64::from(type_off) + u64::from(type_len);
    if type_len == 0 || u64::from(str_off) < after_types {
        return None;
    }
    let start = usize::try_from(u64::from(header_len) + u64::from(str_off)).ok()?;
    let end = start.checked_add(usize::try_from(str_len).ok()?)?;
    let strings = rest.get(start..end)?;
    (strings.first() == Some(&0) && strings.last() == Some(&0)).then(|| &rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn btf(types: u32) -> Vec<u8> {
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        for number in [24, 0, types, types, 3] {
            bytes.extend(u32::to_le_bytes(number));
        }
        bytes.extend(vec![7; types as usize]);
        bytes.extend(b"\0a\0");
        bytes
    }

    #[test]
    fn the_largest_sound_one_is_taken() {
        let mut image = vec![0x9f, 0xeb, 1, 0, 1, 2, 3];
        image.extend(btf(12));
        image.extend(btf(40));
        image.extend([0; 9]);
        image.extend(btf(16));
        image.extend(&btf(4000)[..100]);
        assert_eq!(find(&image), Some(&btf(40)[..]));
    }

    #[test]
    fn find_returns_none_without_btf() {
        assert_eq!(find(&[]), None);
        assert_eq!(find(&[0x9f, 0xeb, 1]), None);
        let mut unterminated = btf(12);
        *unterminated.last_mut().unwrap() = b'x';
        assert_eq!(find(&unterminated), None);
    }
}

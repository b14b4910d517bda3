//! The signature at the end of a module.

use util::Endian;

use crate::error::Error;
use crate::source::ByteSource;

/// The marker at the end of a signed module (`include/linux/module_signature.h`).
const MARKER: &[u8] = b"~Module signature appended~\n";

/// The length of `struct module_signature`, which precedes the marker, in bytes.
const RECORD: usize = 12;

/// The signature at the end of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signature {
    /// The kind of identifier: 2 is PKCS#7, the only one that today's kernels accept.
    pub id_type: u8,
    /// The length of the signature itself, in bytes.
    pub signature_len: u32,
    /// The end of the signed content, in bytes: the length of the module without signature.
    pub content_len: usize,
}

impl Signature {
    /// The record before the marker. `None` if there is no marker, or if the record's lengths are invalid.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        Self::in_tail(bytes, bytes.len())
    }

    /// Like [`Signature::of`], given the last bytes of a file of `length` bytes.
    fn in_tail(tail: &[u8], length: usize) -> Option<Self> {
        let before = tail.strip_suffix(MARKER)?;
        let record: &[u8; RECORD] = before.last_chunk()?;
        let signature_len = Endian::Big.u32_at(record, RECORD - 4)?;
        let content_len =
            length.checked_sub(MARKER.len() + RECORD)?.checked_sub(usize::try_from(signature_len).ok()?)?;
        Some(Self { id_type: record[2], signature_len, content_len })
    }
}

/// Whether a file ends with the marker.
pub(crate) fn is_signed(bytes: &[u8]) -> bool {
    bytes.ends_with(MARKER)
}

/// The length of a file's content that is kept: the whole file, or the part before a signature that is dropped.
///
/// # Errors
///
/// [`Error::Signed`] for a signature that must not be dropped, [`Error::BrokenSignature`] for an invalid one.
pub(crate) fn content_length(source: &(impl ByteSource + ?Sized), drop: bool) -> Result<u64, Error> {
    let length = source.len();
    let tail = length.min((MARKER.len() + RECORD) as u64);
    let tail = source.read(length - tail, tail, "the end of the file")?;
    if !is_signed(&tail) {
        return Ok(length);
    }
    if !drop {
        return Err(Error::Signed);
    }
    let signature = usize::try_from(length).ok().and_then(|length| Signature::in_tail(&tail, length));
    signature.map(|signature| signature.content_len as u64).ok_or(Error::BrokenSignature)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(content: &[u8], signature_len: u32, signature: &[u8]) -> Vec<u8> {
        let record = [&[0, 0, 2, 0, 0, 0, 0, 0], signature_len.to_be_bytes().as_slice()].concat();
        [content, signature, &record, MARKER].concat()
    }

    #[test]
    fn the_content_ends_before_the_signature() {
        let bytes = signed(b"content", 4, b"sign");
        assert_eq!(content_length(bytes.as_slice(), true).unwrap(), 7);
        assert_eq!(Signature::of(&bytes), Some(Signature { id_type: 2, signature_len: 4, content_len: 7 }));
        assert!(matches!(content_length(bytes.as_slice(), false), Err(Error::Signed)));
        assert_eq!(content_length(b"content".as_slice(), false).unwrap(), 7);
        assert_eq!(content_length([].as_slice(), true).unwrap(), 0);
    }

    #[test]
    fn a_signature_that_does_not_fit_is_not_cut_off() {
        for bytes in [signed(b"content", 12, b"sign"), MARKER.to_vec(), signed(b"", u32::MAX, b"")] {
            assert!(matches!(content_length(bytes.as_slice(), true), Err(Error::BrokenSignature)));
            assert_eq!(Signature::of(&bytes), None);
        }
    }
}

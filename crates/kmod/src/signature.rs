//! The signature that may be appended to a module.

use util::Endian;

use crate::error::Error;
use crate::source::ByteSource;

/// What a signed module ends with (`include/linux/module_signature.h`).
const MARKER: &[u8] = b"~Module signature appended~\n";

/// The length of `struct module_signature`, which lies before the marker, in bytes.
const RECORD: usize = 12;

/// The signature at the end of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signature {
    /// The kind of identifier: 2 is PKCS#7, the only one that the kernel still accepts.
    pub id_type: u8,
    /// The length of the signature itself, in bytes.
    pub signature_len: u32,
    /// Where the signed content ends, in bytes: the length of the module without signature.
    pub content_len: usize,
}

impl Signature {
    /// What the record before the marker says; `None` where there is no marker or the lengths do not fit.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        Self::in_tail(bytes, bytes.len())
    }

    /// As [`Signature::of`], of a file of `length` bytes of which these are the last.
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

/// Where the content of a file ends that may be signed: its length, or what is before a signature that is to be dropped.
///
/// # Errors
///
/// [`Error::Signed`] for a signature that is not to be dropped, [`Error::BrokenSignature`] for one that does not fit.
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

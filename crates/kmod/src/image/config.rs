//! The configuration in a kernel that was built with CONFIG_IKCONFIG.

use bstr::ByteSlice as _;

use crate::compression::Compression;
use crate::error::Error;

/// What stands before the compressed configuration (`kernel/configs.c`).
const START: &[u8] = b"IKCFG_ST";

/// The largest configuration that is read, in bytes; real ones have some 300 KiB.
const MAX_CONFIG: u64 = 16 << 20;

/// The configuration that is embedded in `bytes`, decompressed.
pub(super) fn find(bytes: &[u8]) -> Option<Result<Vec<u8>, Error>> {
    let after = |at: usize| &bytes[at + START.len()..];
    let compressed = bytes.find_iter(START).map(after).find(|rest| rest.starts_with(b"\x1f\x8b"))?;
    Some(Compression::Gzip.decompress(compressed, MAX_CONFIG))
}

//! The output for an encoded file: sections in it, or files beside it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use encode::Encoded;
use kmod::SectionEdits;

use crate::files::claims::{Overlap, PathClaims};
use crate::files::output::{SideFile, with_suffix};

/// The suffixes of files beside the input: the BTF itself, and a distilled base.
pub(crate) const SUFFIXES: [&str; 2] = ["", ".base"];

/// The changes that put BTF into a file. A stale base is removed.
pub(crate) fn sections(encoded: &Encoded) -> SectionEdits<'_> {
    let edits = SectionEdits::new().set(".BTF", &encoded.btf);
    match &encoded.base {
        Some(base) => edits.set(".BTF.base", base),
        None => edits.remove(".BTF.base"),
    }
}

/// The files for BTF and its distilled base. The base is replaced first, so that BTF is never beside a base that does
/// not belong to it.
pub(crate) fn side_files(encoded: &Encoded) -> [SideFile<'_>; 2] {
    let [btf, base] = SUFFIXES;
    [
        SideFile { suffix: base, bytes: encoded.base.as_deref(), is_stale: is_btf },
        SideFile { suffix: btf, bytes: Some(&encoded.btf), is_stale: |_| false },
    ]
}

/// Checks that writing the side files for a path destroys no input.
///
/// # Errors
///
/// [`Overlap`].
pub(crate) fn check_spared(claims: &PathClaims, path: &Path) -> Result<(), Overlap> {
    SUFFIXES.iter().try_for_each(|suffix| claims.check_spared(&with_suffix(path, suffix)))
}

/// Whether a file contains BTF, in either byte order.
fn is_btf(path: &Path) -> bool {
    let mut magic = [0; 2];
    let read = path.is_file() && File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok();
    read && [u16::from_le_bytes(magic), u16::from_be_bytes(magic)].contains(&btf::MAGIC)
}

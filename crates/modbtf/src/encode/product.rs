//! What is written of an encoded file: its sections, or files beside it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use encode::Encoded;
use kmod::SectionEdits;

use crate::files::claims::{Overlap, PathClaims};
use crate::files::output::{SideFile, with_suffix};

/// What the files beside the BTF are called: the BTF itself, and a distilled base.
pub(crate) const SUFFIXES: [&str; 2] = ["", ".base"];

/// The changes that put BTF into a file. A base that is no longer that of the types is removed.
pub(crate) fn sections(encoded: &Encoded) -> SectionEdits<'_> {
    let edits = SectionEdits::new().set(".BTF", &encoded.btf);
    match &encoded.base {
        Some(base) => edits.set(".BTF.base", base),
        None => edits.remove(".BTF.base"),
    }
}

/// The files that BTF and its distilled base go into. The base is replaced first, so that the BTF never lies beside a base that is
/// not its own.
pub(crate) fn side_files(encoded: &Encoded) -> [SideFile<'_>; 2] {
    let [btf, base] = SUFFIXES;
    [
        SideFile { suffix: base, bytes: encoded.base.as_deref(), is_stale: is_btf },
        SideFile { suffix: btf, bytes: Some(&encoded.btf), is_stale: |_| false },
    ]
}

/// Checks that writing the side files to a path loses no file that is read.
///
/// # Errors
///
/// [`Overlap`].
pub(crate) fn check_spared(claims: &PathClaims, path: &Path) -> Result<(), Overlap> {
    SUFFIXES.iter().try_for_each(|suffix| claims.check_spared(&with_suffix(path, suffix)))
}

/// Whether a file holds BTF, of either byte order.
fn is_btf(path: &Path) -> bool {
    let mut magic = [0; 2];
    let read = path.is_file() && File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok();
    read && [u16::from_le_bytes(magic), u16::from_be_bytes(magic)].contains(&btf::MAGIC)
}

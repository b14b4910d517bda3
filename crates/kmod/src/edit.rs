//! Sections put into an ELF file, or taken out of it; all else stays as it is.
//!
//! What is loaded never moves: the header, the segments, and, in files that are linked, what has an address. Behind it, what
//! lies before the first changed section keeps its place; what follows moves up, as aligned as it was; then come the changed
//! sections, the names of the sections, and the section table. No section changes its number, so symbols and relocations
//! hold: a new one comes last, and of one that was taken out an unused header (`SHT_NULL`) stays, unless it was the last.
//!
//! So the same change made twice gives the same bytes, and nothing of the replaced content stays behind, unless it lies
//! amidst what is loaded.

mod chunks;
mod plan;
mod table;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use tracing::debug_span;
use util::atomic::{AtomicFile, Durability};

use crate::compress::MAX_DECOMPRESSED;
use crate::compression::Compression;
use crate::elf::ElfHeaders;
use crate::error::Error;
use crate::signature;
use crate::source::{ByteSource, FileBytes, read_file};

use chunks::Chunk;

/// Changes to the sections of an ELF file: a module or a kernel, of either class and byte order.
///
/// ```no_run
/// # fn main() -> Result<(), kmod::Error> {
/// kmod::SectionEdits::new().set(".BTF", b"the types").remove(".BTF.base").apply_to_file("overlay.ko")
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct SectionEdits<'a> {
    set: Vec<(&'a str, &'a [u8])>,
    removed: Vec<&'a str>,
    drop_signature: bool,
    durable: bool,
}

impl<'a> SectionEdits<'a> {
    /// No change.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts in a section with this content, in place of the first one of that name if there is one, whose flags it keeps. A new
    /// one is not loaded (`sh_flags` are 0), and aligned to 8 bytes.
    #[must_use]
    pub fn set(mut self, name: &'a str, content: &'a [u8]) -> Self {
        self.set.retain(|&(other, _)| other != name);
        self.set.push((name, content));
        self
    }

    /// Takes out the sections of this name, if there are any.
    #[must_use]
    pub fn remove(mut self, name: &'a str) -> Self {
        self.removed.push(name);
        self
    }

    /// Whether the signature of a signed module is dropped, which any change voids. Otherwise a signed module is refused.
    #[must_use]
    pub fn drop_signature(mut self, drop: bool) -> Self {
        self.drop_signature = drop;
        self
    }

    /// Whether a file's new content has to be on the disk before it takes its place, so that a loss of power leaves one of
    /// the two.
    #[must_use]
    pub fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// The changed content of a file that is not compressed.
    ///
    /// # Errors
    ///
    /// What is wrong with the headers, as for [`crate::Elf::parse`]; [`Error::Elf`] where they contradict each other;
    /// [`Error::LoadedSection`], [`Error::Signed`], [`Error::BrokenSignature`], [`Error::TooLarge`].
    pub fn apply(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let (chunks, length) = self.chunks(bytes)?;
        let mut output = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        for chunk in chunks {
            chunk.append(bytes, &mut output)?;
        }
        Ok(output)
    }

    /// Changes a file in place: it is replaced whole, by one rename, or stays as it was. Its mode and owner are kept; of hard
    /// links the others keep the old content, and extended attributes are those that a new file gets there. A module that
    /// is compressed is compressed again in the same way.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Replace`], or [`Error::Change`] around what [`SectionEdits::apply`] says, and around
    /// [`Error::Decompress`], [`Error::Compress`] and [`Error::NotForModules`].
    pub fn apply_to_file(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let _span = debug_span!("edit sections", path = %path.display()).entered();
        let mut file = File::open(path).map_err(Error::io("open", path))?;
        let compression = Compression::of_file(&file, path)?;
        let mut replacement = AtomicFile::for_existing(path)?;
        match compression {
            None => self.copy_changed(&mut file, path, &mut replacement)?,
            Some(compression) => {
                let bytes = self.apply_compressed(compression, &read_file(path)?).map_err(Error::changing(path))?;
                replacement.write_all(&bytes).map_err(Error::io("write the new content of", path))?;
            }
        }
        let durability = if self.durable { Durability::Synced } else { Durability::Renamed };
        Ok(replacement.commit(durability)?)
    }

    fn apply_compressed(&self, compression: Compression, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let plain = compression.decompress(bytes, MAX_DECOMPRESSED)?;
        compression.compress(&self.apply(&plain)?)
    }

    fn copy_changed(&self, file: &mut File, path: &Path, replacement: &mut AtomicFile) -> Result<(), Error> {
        let (chunks, _) =
            FileBytes::new(file, path).and_then(|source| self.chunks(&source)).map_err(Error::changing(path))?;
        let written = chunks.iter().try_for_each(|chunk| chunk.copy(file, replacement.file()));
        written.map_err(Error::io("write the new content of", path))
    }

    /// What the new content consists of, and its length in bytes.
    fn chunks(&self, source: &(impl ByteSource + ?Sized)) -> Result<(Vec<Chunk<'a>>, u64), Error> {
        let length = signature::content_length(source, self.drop_signature)?;
        plan::plan(source, &ElfHeaders::read(source)?, length, &self.set, &self.removed)
    }
}

//! Adding, replacing and removing sections of an ELF file. Nothing else changes.
//!
//! Loaded content never moves: the header, the segments and, in linked files, every section with an address. After it
//! come, in this order: the sections before the first changed one, in their old places; the other unchanged sections,
//! moved up but aligned as before; the changed sections; the section names; the section table. Section numbers do not
//! change, so symbols and relocations stay valid: a new section is added at the end, and a removed section leaves an
//! unused header (`SHT_NULL`) unless it was the last.
//!
//! Making the same change twice gives the same bytes. Replaced content is not left in the file, unless it lies
//! between loaded parts.

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
    /// No changes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the content of a section. If a section of that name exists, the first one is replaced and keeps its
    /// flags. A new section is not loaded (`sh_flags` are 0) and is aligned to 8 bytes.
    #[must_use]
    pub fn set(mut self, name: &'a str, content: &'a [u8]) -> Self {
        self.set.retain(|&(other, _)| other != name);
        self.set.push((name, content));
        self
    }

    /// Removes all sections of this name.
    #[must_use]
    pub fn remove(mut self, name: &'a str) -> Self {
        self.removed.push(name);
        self
    }

    /// Whether to drop the signature of a signed module, which any change makes invalid. Otherwise a signed module is
    /// refused.
    #[must_use]
    pub fn drop_signature(mut self, drop: bool) -> Self {
        self.drop_signature = drop;
        self
    }

    /// Whether to write a file's new content to disk before it replaces the old one, so that one of the two survives
    /// a loss of power.
    #[must_use]
    pub fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// The changed content of an uncompressed file.
    ///
    /// # Errors
    ///
    /// Errors of [`crate::Elf::parse`] for invalid headers; [`Error::Elf`] if headers contradict each other;
    /// [`Error::LoadedSection`], [`Error::Signed`], [`Error::BrokenSignature`], [`Error::TooLarge`].
    pub fn apply(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let (chunks, length) = self.chunks(bytes)?;
        let mut output = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        for chunk in chunks {
            chunk.append(bytes, &mut output)?;
        }
        Ok(output)
    }

    /// Changes a file in place: one rename replaces it, or it stays unchanged. Mode and owner are kept. Other hard
    /// links keep the old content, and extended attributes are those of a new file in that directory. A compressed
    /// module is compressed again in the same way.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Replace`], or [`Error::Change`] around the errors of [`SectionEdits::apply`] and
    /// around [`Error::Decompress`], [`Error::Compress`] and [`Error::NotForModules`].
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

    /// The parts of the new content, and its length in bytes.
    fn chunks(&self, source: &(impl ByteSource + ?Sized)) -> Result<(Vec<Chunk<'a>>, u64), Error> {
        let length = signature::content_length(source, self.drop_signature)?;
        plan::plan(source, &ElfHeaders::read(source)?, length, &self.set, &self.removed)
    }
}

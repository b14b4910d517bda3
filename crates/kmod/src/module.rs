//! A module in memory.

use std::borrow::Cow;
use std::path::Path;

use tracing::debug_span;

use crate::compress::MAX_DECOMPRESSED;
use crate::compression::Compression;
use crate::elf::Elf;
use crate::error::Error;
use crate::modinfo::{Modinfo, Vermagic, normalise_name};
use crate::signature::{self, Signature};
use crate::source::read_file;
use crate::symbols::{self, Export, Import};
use crate::versions::{self, Version};

/// A decompressed module with its section table. Symbols, versions and information are read on demand.
#[derive(Debug, Clone)]
pub struct Module {
    elf: Elf,
    compression: Option<Compression>,
    file_name: Option<String>,
}

impl Module {
    /// Reads `path`: `.ko`, `.ko.xz`, `.ko.zst` or `.ko.gz`, recognised by content.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::File`] around the errors of [`Module::from_bytes`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let _span = debug_span!("read module", path = %path.display()).entered();
        let mut module = Self::from_bytes(read_file(path)?).map_err(Error::reading(path, "a module"))?;
        module.file_name = module_name_from_path(path);
        Ok(module)
    }

    /// Parses the content of a module's file, compressed or not.
    ///
    /// # Errors
    ///
    /// [`Error::Decompress`] or [`Error::TooLarge`] if it cannot be decompressed, [`Error::Goblin`], [`Error::Elf`]
    /// or [`Error::OutOfBounds`] if it is not a usable ELF file, [`Error::NotAModule`] if it is not a module.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        let compression = Compression::detect(&bytes);
        let bytes = match compression {
            Some(compression) => compression.decompress(&bytes, MAX_DECOMPRESSED)?,
            None => bytes,
        };
        let elf = Elf::parse(bytes)?;
        if !elf.is_relocatable() {
            return Err(Error::NotAModule { elf_type: elf.elf_type() });
        }
        Ok(Self { elf, compression, file_name: None })
    }

    /// The ELF file.
    #[must_use]
    pub fn elf(&self) -> &Elf {
        &self.elf
    }

    /// The module's decompressed bytes, as the kernel receives them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.elf.bytes()
    }

    /// The compression of the file.
    #[must_use]
    pub fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// The bytes of a section; see [`Elf::section`].
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&[u8]> {
        self.elf.section(name)
    }

    /// The bytes of `.BTF`: the module's own types, which refer to a base. `None` if the section is missing or empty;
    /// the kernel treats both cases alike.
    #[must_use]
    pub fn btf(&self) -> Option<&[u8]> {
        self.section(".BTF").filter(|bytes| !bytes.is_empty())
    }

    /// The bytes of `.BTF.base`: a distilled base, in modules built with `M=` for 6.11 and later.
    #[must_use]
    pub fn btf_base(&self) -> Option<&[u8]> {
        self.section(".BTF.base").filter(|bytes| !bytes.is_empty())
    }

    /// The bytes of `.BTF_ids`: sets of type ids that the module's code refers to.
    #[must_use]
    pub fn btf_ids(&self) -> Option<&[u8]> {
        self.section(".BTF_ids").filter(|bytes| !bytes.is_empty())
    }

    /// The module's `.modinfo`; empty if there is none.
    #[must_use]
    pub fn modinfo(&self) -> Modinfo<'_> {
        Modinfo::new(self.section(".modinfo").unwrap_or_default())
    }

    /// The module's name in the kernel: from `.modinfo`, else from its `struct module`, else from the file's name.
    /// `None` if all three are missing.
    #[must_use]
    pub fn name(&self) -> Option<Cow<'_, str>> {
        let own = self.modinfo().get("name").filter(|name| !name.is_empty()).or_else(|| self.name_of_this_module());
        own.or_else(|| self.file_name.as_deref().map(Cow::Borrowed))
    }

    /// The name in `.gnu.linkonce.this_module`. In `struct module` it follows the state and a list head, so it begins
    /// at byte 24 on 64 bits and 12 on 32, and has 56 or 60 bytes (`include/linux/module.h`, `MODULE_NAME_LEN`).
    fn name_of_this_module(&self) -> Option<Cow<'_, str>> {
        let bytes = self.section(".gnu.linkonce.this_module")?;
        let field = if self.elf.is_64() { bytes.get(24..80)? } else { bytes.get(12..72)? };
        let end = field.iter().position(|&byte| byte == 0).filter(|&end| end > 0)?;
        Some(String::from_utf8_lossy(&field[..end]))
    }

    /// The release and the flags of the kernel that the module was built for.
    #[must_use]
    pub fn vermagic(&self) -> Option<Vermagic> {
        self.modinfo().get("vermagic").map(|text| Vermagic::parse(&text))
    }

    /// The CRCs of the module's imports, in the order of the section. Empty if it was built without
    /// CONFIG_MODVERSIONS. Like the kernel, this reads the extended sections if they exist, else `__versions`.
    ///
    /// # Errors
    ///
    /// [`Error::Section`] or [`Error::Record`] if the sections are damaged.
    pub fn versions(&self) -> Result<Vec<Version<'_>>, Error> {
        versions::read(&self.elf)
    }

    /// The module's exports, sorted by name.
    ///
    /// # Errors
    ///
    /// [`Error::Goblin`] or [`Error::OutOfBounds`] if the symbol table is damaged.
    pub fn exports(&self) -> Result<Vec<Export<'_>>, Error> {
        symbols::exports(&self.elf)
    }

    /// The symbols that the module imports, in the order of its symbol table.
    ///
    /// # Errors
    ///
    /// [`Error::Goblin`], [`Error::OutOfBounds`] or [`Error::Record`] if the symbol table is damaged.
    pub fn imports(&self) -> Result<Vec<Import<'_>>, Error> {
        symbols::imports(&self.elf)
    }

    /// Whether a signature is appended: whether the file ends with the marker that the kernel looks for.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        signature::is_signed(self.bytes())
    }

    /// The signature record before the marker. `None` if there is no signature, or if the record's lengths are
    /// invalid (`kernel/module_signature.c`, `mod_check_sig`). Nothing is verified.
    #[must_use]
    pub fn signature(&self) -> Option<Signature> {
        Signature::of(self.bytes())
    }
}

/// The kernel's name for the module in this file: the file's name up to `.ko`, with `-` replaced by `_`. `None` if it
/// is not the name of a module's file.
#[must_use]
pub fn module_name_from_path(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let stem = MODULE_SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix))?;
    (!stem.is_empty()).then(|| normalise_name(stem))
}

/// The suffixes of module files.
pub(crate) const MODULE_SUFFIXES: [&str; 4] = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_file_names_of_modules_only() {
        let name = |path: &str| module_name_from_path(Path::new(path));
        assert_eq!(name("/a/i2c-core.ko").as_deref(), Some("i2c_core"));
        assert_eq!(name("overlay.ko.xz").as_deref(), Some("overlay"));
        assert_eq!(name("overlay.ko.zst").as_deref(), Some("overlay"));
        assert_eq!(name("overlay.ko.gz").as_deref(), Some("overlay"));
        assert_eq!(name(".ko"), None);
        assert_eq!(name("overlay.ko.debug"), None);
        assert_eq!(name("modules.dep"), None);
    }
}

//! ELF files: in memory, or read section by section.

mod content;
mod file;
mod headers;
mod memory;
mod section;
mod symbol;

pub use content::Content;
pub use file::ElfFile;
pub(crate) use headers::{ElfHeaders, MAX_NAME, file_extent};
pub use memory::Elf;
pub use section::{Section, SectionHead};
pub(crate) use symbol::utf8;
pub use symbol::{Symbol, SymbolTable};

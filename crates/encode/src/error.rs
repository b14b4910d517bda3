//! What can go wrong.

/// What can go wrong while BTF is encoded.
///
/// A variant that wraps another error names it as its `source`: print the whole chain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The file is not a usable ELF file, or cannot be read.
    #[error("failed to read the file to encode")]
    Elf(#[from] kmod::Error),
    /// There is no debug information.
    #[error(
        "failed to encode: there is no DWARF (.debug_info); build with CONFIG_DEBUG_INFO, or give the unstripped file"
    )]
    NoDwarf,
    /// The DWARF is damaged.
    #[error("failed to read the DWARF of the CU at {cu:#x} in .debug_info")]
    Dwarf {
        /// Where the CU begins in `.debug_info`, in bytes.
        cu: u64,
        /// What is wrong.
        source: Malformed,
    },
    /// A name lies outside the strings.
    #[error("failed to read a name: there is none at {offset:#x} in {section}")]
    String {
        /// The section.
        section: &'static str,
        /// The offset in it, in bytes.
        offset: u64,
    },
    /// The file is for a machine whose relocations are not known.
    #[error("failed to relocate: the relocations of machine number {machine} are not known")]
    Machine {
        /// `e_machine`.
        machine: u16,
    },
    /// A value in the debug information has a relocation that is not a plain number.
    #[error("failed to relocate the value at {offset:#x}: relocation type {kind} is none of the absolute ones")]
    Relocation {
        /// The relocation's type.
        kind: u32,
        /// Where, in bytes from the start of the section.
        offset: u64,
    },
    /// A relocation names a symbol that is not there.
    #[error("failed to relocate: there is no symbol {index}")]
    Symbol {
        /// Its index.
        index: u32,
    },
    /// The base is not valid BTF.
    #[error("failed to read the base")]
    Base(#[from] btf::ParseError),
    /// The base has a type that cannot be worked with.
    #[error("failed to prepare the base: type {id} {reason}")]
    BaseType {
        /// Its id.
        id: u32,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The base cannot be distilled.
    #[error("failed to make the part of the base that the module needs (.BTF.base)")]
    Distil(#[from] btf::distill::Error),
    /// The base has another byte order than the file.
    #[error("failed to encode: the base and the file have different byte orders")]
    ByteOrder,
    /// A thread that read CUs did not come to its end.
    #[error("failed to encode: a thread ended before its work was done")]
    Thread,
    /// There is more of something than BTF can have.
    #[error("failed to encode: there are too many {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
    },
}

/// How DWARF can be damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// Something ends too early.
    #[error("it ends too early, at byte {at:#x}")]
    Short {
        /// Where, in bytes from the start of the CU or table.
        at: usize,
    },
    /// A DIE's next sibling does not lie behind it.
    #[error("at byte {at:#x} the next sibling is said to be at {target:#x}")]
    Sibling {
        /// Where the DIE's attributes end.
        at: usize,
        /// Where the sibling would be.
        target: usize,
    },
    /// An address or offset has a size that it cannot have.
    #[error("an address of {bytes} bytes")]
    AddressSize {
        /// The size, in bytes.
        bytes: u8,
    },
    /// A form that is none.
    #[error("form {form:#x} is not known")]
    Form {
        /// Its number.
        form: u16,
    },
    /// A LEB128 number has more bits than it may have: 64, or 16 for tags, attributes and forms.
    #[error("the LEB128 number that ends at byte {at:#x} is too large")]
    Leb128 {
        /// Where, in bytes from the start of the CU or table.
        at: usize,
    },
    /// Two abbreviations of one table have the same code.
    #[error("the table has two abbreviations with code {code}")]
    DuplicateAbbreviation {
        /// Their code.
        code: u64,
    },
    /// An abbreviation is not well-formed.
    #[error("the abbreviation with code {code} has {what}")]
    AbbreviationContent {
        /// Its code.
        code: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A CU has a length that DWARF reserves for other purposes.
    #[error("the length {length:#x} is reserved")]
    ReservedLength {
        /// The length.
        length: u32,
    },
    /// A DIE's abbreviation is not in the table.
    #[error("the abbreviation {code} at byte {at:#x} is not in the table")]
    Abbreviation {
        /// Its code.
        code: u64,
        /// Where the DIE begins.
        at: usize,
    },
    /// DIEs are nested deeper than any compiler nests them.
    #[error("DIEs are nested more than {limit} deep")]
    Nesting {
        /// How deep they may be.
        limit: usize,
    },
    /// A version that is not supported.
    #[error("version {version} of DWARF is not supported, only 2 to 5 are")]
    Version {
        /// Which one.
        version: u16,
    },
}

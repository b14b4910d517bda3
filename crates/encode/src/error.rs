//! What can go wrong, with the input and in the encoder itself.

use std::panic::Location;
use std::sync::OnceLock;

/// What can go wrong while BTF is encoded.
///
/// A variant that wraps another error names it as its `source`: print the whole chain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The file is not a usable ELF file, or cannot be read.
    #[error("cannot read the file to encode")]
    Elf(#[from] kmod::Error),
    /// There is no debug information.
    #[error(
        "cannot encode: there is no DWARF (.debug_info); build with CONFIG_DEBUG_INFO, or give the unstripped file"
    )]
    NoDwarf,
    /// The DWARF is damaged.
    #[error("cannot read the DWARF of the CU at {cu:#x} in .debug_info")]
    Dwarf {
        /// Where the CU begins in `.debug_info`, in bytes.
        cu: u64,
        /// What is wrong.
        source: Malformed,
    },
    /// A name lies outside the strings.
    #[error("cannot read a name at {offset:#x} in {section}: it is outside or has no end")]
    String {
        /// The section.
        section: &'static str,
        /// The offset in it, in bytes.
        offset: u64,
    },
    /// The file is for a machine whose relocations are not known.
    #[error("cannot relocate: the relocations of machine number {machine} are unknown")]
    Machine {
        /// `e_machine`.
        machine: u16,
    },
    /// A value in the debug information has a relocation that is not a plain number.
    #[error("cannot relocate the value at {offset:#x}: relocation type {kind} is not absolute")]
    Relocation {
        /// The relocation's type.
        kind: u32,
        /// Where, in bytes from the start of the section.
        offset: u64,
    },
    /// A relocation names a symbol that is not there.
    #[error("cannot relocate: symbol {index} does not exist")]
    Symbol {
        /// Its index.
        index: u32,
    },
    /// The base is not valid BTF.
    #[error("cannot read the base")]
    Base(#[from] btf::ParseError),
    /// The base has a type that cannot be worked with.
    #[error("cannot prepare the base: type {id} {reason}")]
    BaseType {
        /// Its id.
        id: u32,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The base cannot be distilled.
    #[error("cannot distill the base (.BTF.base)")]
    Distill(#[from] btf::distill::Error),
    /// The base has another byte order than the file.
    #[error("cannot encode: the base and the file have different byte orders")]
    ByteOrder,
    /// A thread that read CUs did not come to its end.
    #[error("cannot encode: a thread ended before its work was done")]
    Thread,
    /// The encoder contradicts itself: a bug in it. Nothing that it wrote can be trusted, so nothing is handed out.
    #[error("cannot encode: internal error at {place}: {what}; please report it")]
    Internal {
        /// Where this was noticed.
        place: &'static Location<'static>,
        /// What does not hold.
        what: &'static str,
    },
    /// There is more of something than BTF can have.
    #[error("cannot encode: too many {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
    },
}

/// Something that cannot be unless this crate has a bug: a panic in debug builds, else an error that names the place.
#[cold]
#[track_caller]
pub(crate) fn internal(what: &'static str) -> EncodeError {
    debug_assert!(what.is_empty(), "internal error: {what}");
    EncodeError::Internal { place: Location::caller(), what }
}

/// The first internal error that was noticed where no error can be returned. Its owner asks for it before anything that
/// depends on it is handed out.
#[derive(Debug, Default)]
pub(crate) struct Breach(OnceLock<(&'static Location<'static>, &'static str)>);

impl Breach {
    /// Notes an internal error: a panic in debug builds.
    #[cold]
    #[track_caller]
    pub(crate) fn note(&self, what: &'static str) {
        debug_assert!(what.is_empty(), "internal error: {what}");
        let place = Location::caller();
        self.0.get_or_init(|| (place, what));
    }

    /// Fails if anything was noted.
    pub(crate) fn check(&self) -> Result<(), EncodeError> {
        self.0.get().map_or(Ok(()), |&(place, what)| Err(EncodeError::Internal { place, what }))
    }
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
    #[error("the DIE that ends at byte {at:#x} has its next sibling at {target:#x}, which is not behind it")]
    Sibling {
        /// Where the DIE's attributes end.
        at: usize,
        /// Where the sibling would be.
        target: usize,
    },
    /// An address or offset has a size that it cannot have.
    #[error("addresses have {bytes} bytes, not 4 or 8")]
    AddressSize {
        /// The size, in bytes.
        bytes: u8,
    },
    /// Unknown DWARF form.
    #[error("unknown DWARF form {form:#x}")]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_errors_name_their_place_and_panic_in_debug_builds() {
        let noted = std::panic::catch_unwind(|| {
            let breach = Breach::default();
            breach.note("two and two are five");
            breach.note("a second one");
            [breach.check().expect_err("it was noted"), internal("no type")].map(|error| error.to_string())
        });
        assert_eq!(noted.is_err(), cfg!(debug_assertions));
        if let Ok([first, second]) = noted {
            assert!(first.contains("error.rs") && first.contains("two and two are five"), "{first}");
            assert!(second.contains("error.rs") && second.contains("no type"), "{second}");
        }
        assert!(Breach::default().check().is_ok());
    }
}

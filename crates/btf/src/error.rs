//! What can be wrong with bytes that should be BTF, and with BTF that should be written.

use crate::{Kind, Section};

/// Why bytes could not be walked as BTF. Offsets are in bytes from the start of what was parsed.
///
/// Only what makes the structure impossible to follow is an error here. Names that are no identifiers, ids and string
/// offsets that point nowhere, gaps between sections: all that is for a checker to judge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The bytes end before the header does.
    #[error("cannot read the BTF header: {available} bytes are there, {needed} are needed")]
    ShortHeader {
        /// How many bytes there are.
        available: usize,
        /// How many the header needs.
        needed: u64,
    },
    /// The first two bytes are not BTF's magic in either byte order.
    #[error("cannot read the BTF header: the magic at offset 0 is {found:#06x} (little-endian), not 0xeb9f")]
    Magic {
        /// What they are, read as little-endian.
        found: u16,
    },
    /// The header says that it is too short to hold its own length.
    #[error("cannot read the BTF header: its length at offset 4 is {length} bytes, at least 8 are needed")]
    HeaderLength {
        /// What it says.
        length: u32,
    },
    /// The version is not 1, so nothing is known of what follows the header.
    #[error("cannot read BTF: its version at offset 2 is {found}, only version 1 is known")]
    Version {
        /// The version.
        found: u8,
    },
    /// A section does not lie within the bytes.
    #[error("cannot find the {section} section: it is {length} bytes at offset {offset}, of {available} bytes in all")]
    SectionBounds {
        /// Which section.
        section: Section,
        /// Where it begins.
        offset: u64,
        /// How long it is.
        length: u32,
        /// How many bytes there are.
        available: usize,
    },
    /// The type section ends in the middle of a type.
    #[error("cannot read type {ordinal} at offset {offset}: it is {needed} bytes long, {available} are left")]
    ShortType {
        /// Which type, counted from 1 within its own section.
        ordinal: u32,
        /// Where it begins.
        offset: u64,
        /// How many bytes it needs.
        needed: u64,
        /// How many bytes are left in the type section.
        available: usize,
    },
    /// A type is of a kind that this crate does not know and the layout section does not describe.
    #[error(
        "cannot step over type {ordinal} at offset {offset}: its kind is {kind}, and no layout section describes it"
    )]
    UnknownKind {
        /// Which type, counted from 1 within its own section.
        ordinal: u32,
        /// Where it begins.
        offset: u64,
        /// The number of its kind.
        kind: u8,
    },
}

/// Why BTF could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A string has a NUL in it, which would end it.
    #[error("cannot add a string: it has a NUL at byte {position}")]
    NulInString {
        /// Where.
        position: usize,
    },
    /// A section, or all of it, outgrew what 32 bits can count.
    #[error("cannot write the {section} section: it would be longer than 4 GiB")]
    TooLong {
        /// Which section.
        section: Section,
    },
    /// A record's words do not make up its kind and vlen.
    #[error("cannot add a type of kind {kind} with vlen {vlen}: it is {found} bytes long, not {needed}")]
    Shape {
        /// Its kind.
        kind: Kind,
        /// Its vlen.
        vlen: u32,
        /// How many bytes it should have.
        needed: u64,
        /// How many it has.
        found: u64,
    },
    /// A type's vlen or the number of its kind does not fit the info word.
    #[error("cannot add a type of kind {kind}: vlen {vlen} does not fit its info word")]
    Info {
        /// Its kind.
        kind: Kind,
        /// Its vlen.
        vlen: u32,
    },
    /// A type's byte order should be changed, but nothing is known of its fields.
    #[error("cannot change the byte order of a type of kind {kind}: its fields are not known")]
    OpaqueKind {
        /// The number of its kind.
        kind: u8,
    },
    /// The header has bytes that this crate does not know, and the byte order should be changed.
    #[error("cannot change the byte order of a header of {length} bytes: only 24 and 32 are known")]
    OpaqueHeader {
        /// The header's length in bytes.
        length: u32,
    },
}

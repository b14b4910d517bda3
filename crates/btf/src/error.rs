//! Errors of parsing and of writing BTF.

use crate::{Kind, Section};

/// An error that prevents walking bytes as BTF. Offsets are in bytes from the start of the input.
///
/// Only structural errors are reported here. Invalid names, dangling ids and string offsets, and gaps between
/// sections are left to a checker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The bytes end inside the header.
    #[error("cannot read the BTF header: {available} bytes are there, {needed} are needed")]
    ShortHeader {
        /// The number of bytes.
        available: usize,
        /// The number of bytes that the header needs.
        needed: u64,
    },
    /// The first two bytes are not BTF's magic in either byte order.
    #[error("cannot read the BTF header: the magic at offset 0 is {found:#06x} (little-endian), not 0xeb9f")]
    Magic {
        /// The bytes, read as little-endian.
        found: u16,
    },
    /// The header's length field is smaller than the fields up to it.
    #[error("cannot read the BTF header: its length at offset 4 is {length} bytes, at least 8 are needed")]
    HeaderLength {
        /// The length field.
        length: u32,
    },
    /// The version is not 1, so the rest has an unknown form.
    #[error("cannot read BTF: its version at offset 2 is {found}, only version 1 is known")]
    Version {
        /// The version.
        found: u8,
    },
    /// A section extends beyond the bytes.
    #[error("cannot find the {section} section: it is {length} bytes at offset {offset}, of {available} bytes in all")]
    SectionBounds {
        /// The section.
        section: Section,
        /// Its offset.
        offset: u64,
        /// Its length.
        length: u32,
        /// The number of bytes.
        available: usize,
    },
    /// The type section ends in the middle of a type.
    #[error("cannot read type {ordinal} at offset {offset}: it is {needed} bytes long, {available} are left")]
    ShortType {
        /// The type's number, counted from 1 within its own section.
        ordinal: u32,
        /// Its offset.
        offset: u64,
        /// The number of bytes that it needs.
        needed: u64,
        /// The number of bytes left in the type section.
        available: usize,
    },
    /// A type is of an unknown kind, and the layout section does not describe it.
    #[error(
        "cannot step over type {ordinal} at offset {offset}: its kind is {kind}, and no layout section describes it"
    )]
    UnknownKind {
        /// The type's number, counted from 1 within its own section.
        ordinal: u32,
        /// Its offset.
        offset: u64,
        /// The number of its kind.
        kind: u8,
    },
}

/// An error that prevents writing BTF.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A string contains a NUL, which would end it.
    #[error("cannot add a string: it has a NUL at byte {position}")]
    NulInString {
        /// The position of the NUL.
        position: usize,
    },
    /// A section, or the whole BTF, is longer than 32 bits can express.
    #[error("cannot write the {section} section: it would be longer than 4 GiB")]
    TooLong {
        /// The section.
        section: Section,
    },
    /// The words of a record do not match its kind and vlen.
    #[error("cannot add a type of kind {kind} with vlen {vlen}: it is {found} bytes long, not {needed}")]
    Shape {
        /// Its kind.
        kind: Kind,
        /// Its vlen.
        vlen: u32,
        /// The number of bytes that it should have.
        needed: u64,
        /// The number of bytes that it has.
        found: u64,
    },
    /// A type's vlen or kind number does not fit the info word.
    #[error("cannot add a type of kind {kind}: vlen {vlen} does not fit its info word")]
    Info {
        /// Its kind.
        kind: Kind,
        /// Its vlen.
        vlen: u32,
    },
    /// The byte order of a type should change, but its fields are unknown.
    #[error("cannot change the byte order of a type of kind {kind}: its fields are not known")]
    OpaqueKind {
        /// The number of its kind.
        kind: u8,
    },
    /// The byte order should change, but the header has unknown bytes.
    #[error("cannot change the byte order of a header of {length} bytes: only 24 and 32 are known")]
    OpaqueHeader {
        /// The header's length in bytes.
        length: u32,
    },
}

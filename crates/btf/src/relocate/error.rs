//! Why BTF could not be relocated.

use bstr::{BString, ByteSlice};

use crate::{Kind, StrOff, TypeId};

/// Why a module's BTF could not be relocated. Ids below are those of the distilled base, or of the module on top of it,
/// unless they are said to be the base's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A type of the distilled base has no name to be found by.
    #[error(
        "cannot relocate: type {id} of the distilled base ({kind}) has no name; only what has one can be distilled, \
         so build the module with another pahole"
    )]
    Anonymous {
        /// The type.
        id: TypeId,
        /// Its kind.
        kind: Kind,
    },
    /// A type of the distilled base is of a kind that is never distilled.
    #[error(
        "cannot relocate: type {id} of the distilled base is of kind {kind}; only integers, floats, enums, structs, \
         unions and forward declarations are distilled, so build the module with another pahole"
    )]
    UnexpectedKind {
        /// The type.
        id: TypeId,
        /// Its kind.
        kind: Kind,
    },
    /// A type of the base, by an empty name, stands for `void`.
    #[error(
        "cannot relocate: type {base} of the base has a name that is empty, and so stands for type {distilled} of \
         the distilled base, which is not there; encode the base anew"
    )]
    InvalidDistilled {
        /// The base's type.
        base: TypeId,
        /// The type of the distilled base: 0.
        distilled: TypeId,
    },
    /// Several types of the base stand for one of the distilled base.
    #[error(
        "cannot relocate: types {} and {} of the base may both be `{name}`, type {distilled} of the distilled base, \
         of {size} bytes; rename one of them in the kernel, or build the module in the kernel's tree",
        .candidates[0],
        .candidates[1]
    )]
    Ambiguous {
        /// The name.
        name: BString,
        /// The type of the distilled base.
        distilled: TypeId,
        /// The size of the second candidate in bytes; 0 for a forward declaration.
        size: u32,
        /// The base's types, in the order of their ids.
        candidates: [TypeId; 2],
    },
    /// Nothing in the base stands for a type of the distilled base.
    #[error(
        "cannot relocate: nothing in the base stands for `{name}`, type {distilled} of the distilled base: it is \
         gone, or has another size or encoding; build the module anew for this kernel"
    )]
    NotMapped {
        /// The name.
        name: BString,
        /// The type of the distilled base.
        distilled: TypeId,
    },
    /// A name lies in the distilled base's strings, but is not that of one of its types.
    #[error(
        "cannot relocate: the string `{string}` at offset {offset} of the distilled base, which type {holder} uses, \
         names none of its types; build the module with another pahole"
    )]
    StringNotMapped {
        /// The type that uses it.
        holder: TypeId,
        /// Its offset.
        offset: StrOff,
        /// What is there.
        string: BString,
    },
    /// A type of the module is of a kind that is not known.
    #[error("cannot relocate: type {id} is of kind {kind}, which is not known; use a newer version of this program")]
    UnknownKind {
        /// The type.
        id: TypeId,
        /// The number of its kind.
        kind: u8,
    },
    /// A type refers to one that is not there. The kernel reads past the end of its map, or dereferences NULL.
    #[error(
        "cannot relocate: type {holder} refers to type {id}, which does not exist; a kernel does not check this, so \
         do not load the module"
    )]
    NoSuchType {
        /// The type that refers to it.
        holder: TypeId,
        /// What it refers to.
        id: TypeId,
    },
    /// A member of a struct or union has a type that contains itself through arrays. The kernel follows it forever.
    #[error(
        "cannot relocate: type {id} contains itself without a struct in between; a kernel follows it forever, so do \
         not load the module"
    )]
    Endless {
        /// A type on the cycle.
        id: TypeId,
    },
}

/// `EINVAL`.
const EINVAL: i32 = 22;
/// `ENOENT`.
const ENOENT: i32 = 2;

impl Error {
    /// What loading such a module fails with, as a positive number; `None` where the kernel does something that it did
    /// not mean to, and may not survive.
    #[must_use]
    pub const fn errno(&self) -> Option<i32> {
        match self {
            Self::StringNotMapped { .. } => Some(ENOENT),
            Self::NoSuchType { .. } | Self::Endless { .. } => None,
            _ => Some(EINVAL),
        }
    }

    /// What the kernel says about it, without `BPF:` and without the end of the line; `None` if it says nothing.
    ///
    /// The messages are those of `btf_relocate.c`. Of a string that is not mapped 6.12 and 7.2 print the empty string
    /// instead of what is there, and 6.12 does not end the line.
    #[must_use]
    pub fn kernel_line(&self) -> Option<BString> {
        let named = |before: &str, name: &BString, after: String| {
            Some([before.as_bytes(), name.as_bytes(), after.as_bytes()].concat().into())
        };
        match self {
            Self::Anonymous { id, kind } => {
                let kind = kind.number();
                Some(format!("type [{id}], kind [{kind}] is invalid for distilled base BTF; it is anonymous").into())
            }
            Self::UnexpectedKind { id, kind } => {
                let kind = kind.number();
                Some(format!("type [{id}] in distilled based BTF has unexpected kind [{kind}]").into())
            }
            Self::InvalidDistilled { base, distilled } => {
                Some(format!("base BTF id [{base}] maps to invalid distilled base BTF id [{distilled}]").into())
            }
            Self::Ambiguous { name, distilled, size, candidates: [first, second] } => {
                let several = "has multiple candidates of the same size";
                let after = format!("' [{distilled}], size {size} {several} (ids [{second}, {first}]) in base BTF");
                named("distilled base BTF type '", name, after)
            }
            Self::NotMapped { name, distilled } => {
                named("distilled base BTF type '", name, format!("' [{distilled}] is not mapped to base BTF id"))
            }
            Self::StringNotMapped { offset, .. } => {
                Some(format!("string '' [offset {offset}] is not mapped to base BTF").into())
            }
            Self::UnknownKind { .. } | Self::NoSuchType { .. } | Self::Endless { .. } => None,
        }
    }
}

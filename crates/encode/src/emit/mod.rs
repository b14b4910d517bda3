//! Emission: the canonical types in the order of pahole, as the bytes of a BTF section.

pub(crate) mod strings;
mod verify;
pub(crate) mod write;

//! What is requested of the DIEs of a file.

use crate::dwarf::file::DwarfFile;
use crate::ids::NameId;
use crate::strings::interner::StringInterner;

/// What is to be collected.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requested {
    /// Floating-point numbers as such, not as integers.
    pub(crate) floats: bool,
    /// Enums of more than 32 bits as such.
    pub(crate) enum64: bool,
    /// Tags on types.
    pub(crate) type_tags: bool,
    /// Tags on declarations.
    pub(crate) decl_tags: bool,
    /// No CUs written in Rust.
    pub(crate) exclude_rust: bool,
    /// Variables.
    pub(crate) variables: bool,
    /// Variables in functions, too.
    pub(crate) local_variables: bool,
    /// The numbers of the names of functions that may be wanted; `None` for all.
    pub(crate) functions: Option<NameSet>,
    /// The registers that the first parameters of functions should be in, if it is wanted whether they are.
    pub(crate) registers: &'static [u8],
}

/// A set of names by number.
#[derive(Debug, Clone, Default)]
pub(crate) struct NameSet(Vec<u64>);

impl NameSet {
    pub(crate) fn insert(&mut self, name: NameId) {
        let place = (name.raw() >> 6) as usize;
        if place >= self.0.len() {
            self.0.resize(place + 1, 0);
        }
        if let Some(word) = self.0.get_mut(place) {
            *word |= 1 << (name.raw() & 63);
        }
    }

    #[inline]
    pub(crate) fn contains(&self, name: NameId) -> bool {
        self.0.get((name.raw() >> 6) as usize).is_some_and(|word| word >> (name.raw() & 63) & 1 == 1)
    }
}

/// What all CUs of a file are collected with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileContext<'r> {
    pub(crate) file: &'r DwarfFile<'r>,
    pub(crate) names: &'r StringInterner<'r>,
    pub(crate) wanted: &'r Requested,
}

/// Why a CU is left out whose contents are in another file.
pub(crate) const SKELETON: &str = "a skeleton unit, whose contents are in another file";

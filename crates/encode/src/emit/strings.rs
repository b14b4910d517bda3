//! Collects the strings of the section.

use std::collections::hash_map::Entry;

use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::declarations::SavedFunction;
use crate::dedup::emit_order::{EmitOrder, EmitPhase};
use crate::encoded::{self, FieldRole, FieldRoles};
use crate::error::EncodeError;
use crate::hash::IdMap;
use crate::ids::{NameId, StrOffset};
use crate::strings::interner::StringInterner;

/// The strings that the base does not have, in the order in which pahole adds them. That includes the strings of types that became
/// other types. Where functions are selected at the end, it includes the names of the parameters of all saved functions
/// (`btf_encoder__save_func` in `btf_encoder.c`), written or not.
pub(crate) struct Strings {
    pub(super) bytes: Vec<u8>,
    first: StrOffset,
    offsets: IdMap<NameId, StrOffset>,
}

impl Strings {
    pub(super) fn of(
        types: &CanonicalTypes<'_>,
        names: &StringInterner<'_>,
        order: &[usize],
    ) -> Result<Self, EncodeError> {
        let mut strings = Self::new(types);
        let mut functions = types.functions.iter().peekable();
        for &place in order {
            let here = types.orders.get(place).map_or(0, EmitOrder::key);
            let is_before =
                |function: &&SavedFunction| here > EmitOrder::new(function.cu, EmitPhase::Functions, 0).key();
            while let Some(function) = functions.next_if(is_before) {
                for &(name, _) in function.params(&types.params)? {
                    strings.add(names, name)?;
                }
            }
            let words = types.complete_words(place)?;
            let mut result = Ok(());
            FieldRoles::with_info(encoded::info(words)).all(words, |role, word| {
                if role == FieldRole::Name {
                    result = strings.add(names, NameId::from_raw(word));
                }
                result.is_ok()
            });
            result?;
        }
        Ok(strings)
    }

    pub(super) fn new(types: &CanonicalTypes<'_>) -> Self {
        let (first, bytes) = match types.base {
            Some(base) => (base.strings_end(), Vec::new()),
            None => (StrOffset::EMPTY, vec![0]),
        };
        Self { bytes, first, offsets: IdMap::default() }
    }

    /// Where a name is; `None` if it was not added.
    #[inline]
    pub(super) fn offset(&self, names: &StringInterner<'_>, name: NameId) -> Option<StrOffset> {
        if name.is_empty() || names.is_base(name) {
            return Some(name.in_base());
        }
        self.offsets.get(&name).copied()
    }

    pub(super) fn add(&mut self, names: &StringInterner<'_>, name: NameId) -> Result<(), EncodeError> {
        if name.is_empty() || names.is_base(name) {
            return Ok(());
        }
        let Entry::Vacant(entry) = self.offsets.entry(name) else { return Ok(()) };
        let offset = self.first.plus(self.bytes.len()).ok_or(EncodeError::TooLarge { what: "strings" })?;
        names.with(name, |string| self.bytes.extend_from_slice(string));
        self.bytes.push(0);
        entry.insert(offset);
        Ok(())
    }
}

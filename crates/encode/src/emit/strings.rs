//! The strings of the section.

use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::declarations::SavedFunction;
use crate::dedup::emit_order::{EmitOrder, EmitPhase};
use crate::encoded::{self, FieldRole, FieldRoles};
use crate::error::{EncodeError, internal};
use crate::hash::IdMap;
use crate::ids::NameId;
use crate::strings::interner::StringInterner;

/// The strings that the base does not have, in the order in which pahole comes upon them: those of types that turned out to be
/// others, too, and where functions are decided about last, the names of the parameters of all that were considered
/// (`btf_encoder__save_func` in `btf_encoder.c`), used or not.
pub(crate) struct Strings {
    pub(super) bytes: Vec<u8>,
    pub(super) first: u32,
    pub(super) offsets: IdMap<NameId, u32>,
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
            Some(base) => (base.strings_length(), Vec::new()),
            None => (0, vec![0]),
        };
        Self { bytes, first, offsets: IdMap::default() }
    }

    pub(super) fn offset(&self, names: &StringInterner<'_>, name: NameId) -> Result<u32, EncodeError> {
        if name.is_empty() || names.is_base(name) {
            return Ok(name.raw());
        }
        self.offsets.get(&name).copied().ok_or_else(|| internal("a name is not among the strings"))
    }

    pub(super) fn add(&mut self, names: &StringInterner<'_>, name: NameId) -> Result<(), EncodeError> {
        if name.is_empty() || names.is_base(name) || self.offsets.contains_key(&name) {
            return Ok(());
        }
        let offset = u32::try_from(self.bytes.len()).ok().and_then(|length| self.first.checked_add(length));
        let offset = offset.ok_or(EncodeError::TooLarge { what: "strings" })?;
        names.with(name, |string| self.bytes.extend_from_slice(string));
        self.bytes.push(0);
        self.offsets.insert(name, offset);
        Ok(())
    }
}

//! Writes the bytes of the section.

use btf::Endian;

use crate::base::PreparedBase;
use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::emit_order::EmitOrder;
use crate::emit::strings::Strings;
use crate::emit::verify::{Expected, verify};
use crate::encoded::{self, FieldRole, FieldRoles};
use crate::error::{EncodeError, internal};
use crate::ids::{CanonicalId, NameId, StrOffset, id32};
use crate::section::{assemble, write_u32};
use crate::strings::interner::StringInterner;

/// Writes the canonical types that are not the base's. How many there are comes with the bytes.
pub(crate) fn write(
    types: &CanonicalTypes<'_>,
    names: &StringInterner<'_>,
    endian: Endian,
) -> Result<(Vec<u8>, u32), EncodeError> {
    let all = order(types);
    let strings = Strings::of(types, names, &all)?;
    let written: Vec<usize> = all.into_iter().filter(|&place| is_written(types, place)).collect();
    let mut ids = vec![None; types.map.len()];
    for (place, &own) in written.iter().enumerate() {
        if let Some(id) = ids.get_mut(own) {
            *id = Some(types.id_at(place));
        }
    }
    let mut bytes = Vec::with_capacity(types.words_len() * 4);
    for &own in &written {
        let words = types.complete_words(own)?;
        if !encoded::is_whole(words) {
            return Err(EncodeError::TooLarge { what: "members, values, parameters or variables of one type" });
        }
        let is_complete = FieldRoles::with_info(encoded::info(words)).all(words, |role, word| {
            let written = match role {
                FieldRole::Number => Some(word),
                FieldRole::Name => strings.offset(names, NameId::from_raw(word)).map(StrOffset::raw),
                FieldRole::Reference | FieldRole::Index => written_id(types, &ids, word),
            };
            bytes.extend_from_slice(&write_u32(endian, written.unwrap_or(0)));
            written.is_some()
        });
        if !is_complete {
            return Err(internal(
                "a name is not among the strings, or a reference leads to a type that is not written",
            ));
        }
    }
    let count = id32(written.len());
    let section = assemble(&bytes, &strings.bytes, endian)?;
    let base_strings = types.base.map_or(StrOffset::EMPTY, PreparedBase::strings_end);
    verify(&section, Expected { first: types.first, types: count, base_strings }).map_err(internal)?;
    Ok((section, count))
}

/// What a reference is written as; `None` if what it leads to is not written. `ids` are the ids of the types that are not the base's, by their place.
#[inline]
fn written_id(types: &CanonicalTypes<'_>, ids: &[Option<CanonicalId>], word: u32) -> Option<u32> {
    let Some(id) = CanonicalId::from_word(word) else { return Some(word) };
    let id = types.resolved(id);
    match types.place(id) {
        None => Some(id.raw()),
        Some(place) => (*ids.get(place)?).map(CanonicalId::raw),
    }
}

/// The types in the order in which they are emitted.
fn order(types: &CanonicalTypes<'_>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..types.map.len()).collect();
    // Types of one order stay as they were added.
    order.sort_by_key(|&place| types.orders.get(place).map(EmitOrder::key));
    order
}

/// Whether a type is written: it did not become another type.
fn is_written(types: &CanonicalTypes<'_>, place: usize) -> bool {
    types.map.get(place) == Some(&types.id_at(place).into())
}

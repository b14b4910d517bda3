//! The bytes.

use btf::Endian;

use crate::base::PreparedBase;
use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::emit_order::EmitOrder;
use crate::emit::strings::Strings;
use crate::emit::verify::{Expected, verify};
use crate::encoded::{self, FieldRole, FieldRoles};
use crate::error::{EncodeError, internal};
use crate::ids::{NameId, id32};
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
    let mut ids = vec![0u32; types.map.len()];
    for (place, &own) in written.iter().enumerate() {
        if let Some(id) = ids.get_mut(own) {
            *id = types.id_at(place);
        }
    }
    let mut bytes = Vec::with_capacity(types.words_len() * 4);
    for &own in &written {
        let words = types.complete_words(own)?;
        if !encoded::is_whole(words) {
            return Err(EncodeError::TooLarge { what: "members, values, parameters or variables of one type" });
        }
        let mut result = Ok(());
        FieldRoles::with_info(encoded::info(words)).all(words, |role, word| {
            let written = match role {
                FieldRole::Number => Ok(word),
                FieldRole::Name => strings.offset(names, NameId::from_raw(word)),
                FieldRole::Reference | FieldRole::Index => written_id(types, &ids, word),
            };
            match written {
                Ok(word) => bytes.extend_from_slice(&write_u32(endian, word)),
                Err(error) => result = Err(error),
            }
            result.is_ok()
        });
        result?;
    }
    let count = id32(written.len());
    let section = assemble(&bytes, &strings.bytes, endian)?;
    let base_strings = types.base.map_or(0, PreparedBase::strings_length);
    verify(&section, Expected { first_id: types.first, types: count, base_strings }).map_err(internal)?;
    Ok((section, count))
}

/// The id under which a type is written; `ids` are those of the types that are not the base's, by their place.
#[inline]
fn written_id(types: &CanonicalTypes<'_>, ids: &[u32], id: u32) -> Result<u32, EncodeError> {
    if id == 0 {
        return Ok(0);
    }
    let id = types.resolved(id);
    match types.place(id).map(|place| ids.get(place)) {
        None => Ok(id),
        Some(Some(&id)) if id != 0 => Ok(id),
        Some(_) => Err(internal("a reference leads to a type that is not written")),
    }
}

/// The types in the order in which they were first met.
fn order(types: &CanonicalTypes<'_>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..types.map.len()).collect();
    // Types of one order stay as they were added.
    order.sort_by_key(|&place| types.orders.get(place).map(EmitOrder::key));
    order
}

/// Whether a type did not turn out to be another one.
fn is_written(types: &CanonicalTypes<'_>, place: usize) -> bool {
    let id = types.id_at(place);
    types.map.get(place) == Some(&id)
}

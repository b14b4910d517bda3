//! The bytes.

use btf::Endian;

use crate::base::PreparedBase;
use crate::dedup::canonical::CanonicalTypes;
use crate::emit::strings::Strings;
use crate::emit::verify::{Expected, verify};
use crate::encoded::{self, FieldRole};
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
    let mut bytes = Vec::new();
    for &own in &written {
        let words = types.complete_words(own)?;
        if !encoded::is_whole(words) {
            return Err(EncodeError::TooLarge { what: "members, values, parameters or variables of one type" });
        }
        for (role, word) in encoded::fields(words) {
            let word = match role {
                FieldRole::Number => word,
                FieldRole::Name => strings.offset(names, NameId::from_raw(word))?,
                FieldRole::Reference | FieldRole::Index if word == 0 => 0,
                FieldRole::Reference | FieldRole::Index => {
                    let id = types.resolved(word);
                    match types.place(id) {
                        None => id,
                        Some(place) => match ids.get(place) {
                            Some(&id) if id != 0 => id,
                            _ => return Err(internal("a reference leads to a type that is not written")),
                        },
                    }
                }
            };
            bytes.extend(write_u32(endian, word));
        }
    }
    let count = id32(written.len());
    let section = assemble(&bytes, &strings.bytes, endian)?;
    let base_strings = types.base.map_or(0, PreparedBase::strings_length);
    verify(&section, Expected { first_id: types.first, types: count, base_strings }).map_err(internal)?;
    Ok((section, count))
}

/// The types in the order in which they were first met.
fn order(types: &CanonicalTypes<'_>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..types.map.len()).collect();
    order.sort_by_key(|&place| (types.orders.get(place), place));
    order
}

/// Whether a type did not turn out to be another one.
fn is_written(types: &CanonicalTypes<'_>, place: usize) -> bool {
    let id = types.id_at(place);
    types.map.get(place) == Some(&id)
}

//! The bytes.

use btf::Endian;

use crate::dedup::canonical::CanonicalTypes;
use crate::emit::strings::Strings;
use crate::encoded::{self, FieldRole};
use crate::error::EncodeError;
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
            *id = types.first.saturating_add(u32::try_from(place).unwrap_or(u32::MAX));
        }
    }
    let mut bytes = Vec::new();
    for &own in &written {
        let words = types.own(own).unwrap_or_default();
        if !encoded::is_whole(words) {
            return Err(EncodeError::TooLarge { what: "members, values, parameters or variables of one type" });
        }
        for (role, word) in encoded::fields(words) {
            let word = match role {
                FieldRole::Number => word,
                FieldRole::Name => strings.offset(names, word),
                FieldRole::Reference | FieldRole::Index if word == 0 => 0,
                FieldRole::Reference | FieldRole::Index => {
                    let id = types.resolved(word);
                    types.place(id).and_then(|place| ids.get(place)).copied().unwrap_or(id)
                }
            };
            bytes.extend(write_u32(endian, word));
        }
    }
    let count = u32::try_from(written.len()).unwrap_or(u32::MAX);
    Ok((assemble(&bytes, &strings.bytes, endian)?, count))
}

/// The types in the order in which they were first met.
fn order(types: &CanonicalTypes<'_>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..types.map.len()).collect();
    order.sort_by_key(|&place| (types.orders.get(place), place));
    order
}

/// Whether a type did not turn out to be another one.
fn is_written(types: &CanonicalTypes<'_>, place: usize) -> bool {
    let id = types.first.saturating_add(u32::try_from(place).unwrap_or(u32::MAX));
    types.map.get(place) == Some(&id)
}

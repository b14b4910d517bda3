//! The bytes.

use btf::{Endian, HEADER_LEN, MAGIC, VERSION};

use crate::EncodeError;
use crate::dedup::{Origin, Part, Pool, SavedFunction};
use crate::names::{Names, NumberMap};
use crate::record::{self, Slot};

/// Writes the canonical types that are not the base's. How many there are comes with the bytes.
pub(crate) fn write(pool: &Pool<'_>, names: &Names<'_>, endian: Endian) -> Result<(Vec<u8>, u32), EncodeError> {
    let met = met(pool);
    let strings = Strings::of(pool, names, &met)?;
    let order: Vec<usize> = met.into_iter().filter(|&place| is_written(pool, place)).collect();
    let mut ids = vec![0u32; pool.map.len()];
    for (place, &own) in order.iter().enumerate() {
        if let Some(id) = ids.get_mut(own) {
            *id = pool.first.saturating_add(u32::try_from(place).unwrap_or(u32::MAX));
        }
    }
    let mut types = Vec::new();
    for &own in &order {
        let words = pool.own(own).unwrap_or_default();
        if !record::is_whole(words) {
            return Err(EncodeError::TooLarge { what: "members, values, parameters or variables of one type" });
        }
        for (slot, word) in record::fields(words) {
            let word = match slot {
                Slot::Number => word,
                Slot::Name => strings.offset(names, word),
                Slot::Reference | Slot::Index if word == 0 => 0,
                Slot::Reference | Slot::Index => {
                    let id = pool.resolved(word);
                    pool.place(id).and_then(|place| ids.get(place)).copied().unwrap_or(id)
                }
            };
            types.extend(write_u32(endian, word));
        }
    }
    let count = u32::try_from(order.len()).unwrap_or(u32::MAX);
    Ok((assemble(&types, &strings.bytes, endian)?, count))
}

/// The types in the order in which they were first met.
fn met(pool: &Pool<'_>) -> Vec<usize> {
    let mut met: Vec<usize> = (0..pool.map.len()).collect();
    met.sort_by_key(|&place| (pool.origins.get(place), place));
    met
}

/// Whether a type did not turn out to be another one.
fn is_written(pool: &Pool<'_>, place: usize) -> bool {
    let id = pool.first.saturating_add(u32::try_from(place).unwrap_or(u32::MAX));
    pool.map.get(place) == Some(&id)
}

/// The strings that the base does not have, in the order in which pahole comes upon them: those of types that turned out to be
/// others, too, and where functions are decided about last, the names of the parameters of all that were considered
/// (`btf_encoder__save_func` in `btf_encoder.c`), used or not.
struct Strings {
    bytes: Vec<u8>,
    first: u32,
    offsets: NumberMap<u32>,
}

impl Strings {
    fn of(pool: &Pool<'_>, names: &Names<'_>, met: &[usize]) -> Result<Self, EncodeError> {
        let mut strings = Self::new(pool);
        let mut functions = pool.functions.iter().peekable();
        for &place in met {
            let here = pool.origins.get(place);
            let is_before = |function: &&SavedFunction| here > Some(&Origin::new(function.unit, Part::Functions, 0));
            while let Some(function) = functions.next_if(is_before) {
                for &(name, _) in function.params(&pool.params) {
                    strings.add(names, name)?;
                }
            }
            for (slot, word) in record::fields(pool.own(place).unwrap_or_default()) {
                if slot == Slot::Name {
                    strings.add(names, word)?;
                }
            }
        }
        Ok(strings)
    }

    fn new(pool: &Pool<'_>) -> Self {
        let (first, bytes) = match pool.base {
            Some(base) => (base.strings_length(), Vec::new()),
            None => (0, vec![0]),
        };
        Self { bytes, first, offsets: NumberMap::default() }
    }

    fn offset(&self, names: &Names<'_>, number: u32) -> u32 {
        if number == 0 || names.is_base(number) {
            return number;
        }
        self.offsets.get(&number).copied().unwrap_or(0)
    }

    fn add(&mut self, names: &Names<'_>, number: u32) -> Result<(), EncodeError> {
        if number == 0 || names.is_base(number) || self.offsets.contains_key(&number) {
            return Ok(());
        }
        let offset = u32::try_from(self.bytes.len()).ok().and_then(|length| self.first.checked_add(length));
        let offset = offset.ok_or(EncodeError::TooLarge { what: "strings" })?;
        names.with(number, |string| self.bytes.extend_from_slice(string));
        self.bytes.push(0);
        self.offsets.insert(number, offset);
        Ok(())
    }
}

pub(crate) fn write_u32(endian: Endian, word: u32) -> [u8; 4] {
    match endian {
        Endian::Little => word.to_le_bytes(),
        Endian::Big => word.to_be_bytes(),
    }
}

/// A header, types and strings.
pub(crate) fn assemble(types: &[u8], strings: &[u8], endian: Endian) -> Result<Vec<u8>, EncodeError> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| EncodeError::TooLarge { what: "bytes" });
    let (types_length, strings_length) = (length(types)?, length(strings)?);
    let mut bytes = Vec::with_capacity(HEADER_LEN as usize + types.len() + strings.len());
    let magic = match endian {
        Endian::Little => MAGIC.to_le_bytes(),
        Endian::Big => MAGIC.to_be_bytes(),
    };
    bytes.extend(magic);
    bytes.extend([VERSION, 0]);
    for word in [HEADER_LEN, 0, types_length, types_length, strings_length] {
        bytes.extend(write_u32(endian, word));
    }
    bytes.extend_from_slice(types);
    bytes.extend_from_slice(strings);
    Ok(bytes)
}

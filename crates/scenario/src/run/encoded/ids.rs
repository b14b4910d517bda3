//! The ids that a module's code has of its BTF: `.BTF_ids`, after the types got other ids.
//!
//! `resolve_btfids` writes an id where a symbol `__BTF_ID__<kind>__<name>__<number>` is, and sorts the sets, which symbols
//! `__BTF_ID__set__…` and `__BTF_ID__set8__…` begin, by id. Afterwards the words of a set are no longer where their symbols say,
//! so here each id is looked up in the BTF that it is an id of, and found again in the other by kind and name
//! (`tools/bpf/resolve_btfids/main.c`, `symbols_patch` and `sets_patch`).

use std::collections::HashMap;

use btf::{BStr, Btf, Kind, TypeId, View};
use kmod::Module;

/// What the names of the symbols begin with.
const PREFIX: &[u8] = b"__BTF_ID__";

/// The content of `.BTF_ids` for a module that has this BTF over its base in place of its own; nothing if it has no ids.
///
/// # Errors
///
/// A section, a symbol or BTF that cannot be understood, and an id of a type that the other BTF does not have.
pub(super) fn moved(module: &Module, base: &Btf<'_>, other: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let (Some(ids), Some(own)) = (module.elf().find_section(".BTF_ids"), module.btf()) else { return Ok(None) };
    let parse = |what, bytes| Btf::parse(bytes).map_err(|error| format!("the {what} BTF cannot be read: {error}"));
    let (own, other) = (parse("module's own", own)?, parse("encoded", other)?);
    let translation = Translation::new(View::over(&own, base), View::over(&other, base));
    let mut words = Words { bytes: ids.data.to_vec(), little_endian: module.elf().is_little_endian() };
    let mut sets = Vec::new();
    for symbol in module.elf().symbols().map_err(|error| error.to_string())? {
        let symbol = symbol.map_err(|error| error.to_string())?;
        let Some(rest) = symbol.name.strip_prefix(PREFIX).filter(|_| symbol.section == ids.index) else { continue };
        let at = usize::try_from(symbol.value).map_err(|_| "a symbol of .BTF_ids lies outside of it")?;
        match rest {
            _ if rest.starts_with(b"set8__") => sets.push((at, 8)),
            _ if rest.starts_with(b"set__") => sets.push((at, 4)),
            _ => words.put(at, translation.id(words.get(at)?)?)?,
        }
    }
    sets.into_iter().try_for_each(|(at, width)| words.sort(at, width))?;
    Ok(Some(words.bytes))
}

/// From the ids of one BTF to those of another over the same base.
struct Translation<'a> {
    from: View<'a>,
    to: HashMap<(Kind, &'a BStr), TypeId>,
}

impl<'a> Translation<'a> {
    fn new(from: View<'a>, to: View<'a>) -> Self {
        let named = to.own_types().filter_map(|(id, ty)| Some(((ty.kind(), to.name(&ty)?), id)));
        // The first of a name, as resolve_btfids takes it.
        let mut ids = HashMap::new();
        named.for_each(|(name, id)| {
            ids.entry(name).or_insert(id);
        });
        Self { from, to: ids }
    }

    /// An id of the base stays what it is, as does the 0 of what was not found when the module was built.
    fn id(&self, id: u32) -> Result<u32, String> {
        if !self.from.is_own(TypeId(id)) {
            return Ok(id);
        }
        let ty = self.from.get(TypeId(id)).ok_or_else(|| format!("the BTF has no type {id}"))?;
        let name = self.from.name(&ty).unwrap_or_default();
        match self.to.get(&(ty.kind(), name)) {
            Some(TypeId(id)) => Ok(*id),
            None => Err(format!(".BTF_ids refers to {} {}, which was not encoded", ty.kind(), name.escape_ascii())),
        }
    }
}

/// The words of `.BTF_ids`.
struct Words {
    bytes: Vec<u8>,
    little_endian: bool,
}

impl Words {
    fn get(&self, at: usize) -> Result<u32, String> {
        let word = self.bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or_else(|| outside(at))?;
        Ok(if self.little_endian { u32::from_le_bytes(*word) } else { u32::from_be_bytes(*word) })
    }

    fn put(&mut self, at: usize, value: u32) -> Result<(), String> {
        let bytes = if self.little_endian { value.to_le_bytes() } else { value.to_be_bytes() };
        let word = self.bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<4>()).ok_or_else(|| outside(at))?;
        *word = bytes;
        Ok(())
    }

    /// Sorts a set by id: a count, with flags behind it in a set of words of 8 bytes, and then so many of those words.
    fn sort(&mut self, at: usize, width: usize) -> Result<(), String> {
        let count = self.get(at)? as usize;
        let first = at.saturating_add(width);
        let length = count.saturating_mul(width);
        let set = self.bytes.get(first..).and_then(|rest| rest.get(..length)).ok_or_else(|| outside(at))?;
        let id = |entry: &&[u8]| {
            let word = entry.first_chunk::<4>().copied().unwrap_or_default();
            if self.little_endian { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) }
        };
        let mut entries: Vec<&[u8]> = set.chunks(width).collect();
        entries.sort_by_key(id);
        let sorted = entries.concat();
        self.bytes.splice(first..first.saturating_add(length), sorted);
        Ok(())
    }
}

fn outside(at: usize) -> String {
    format!("a symbol of .BTF_ids lies outside of it, at {at:#x}")
}

#[cfg(test)]
mod tests {
    use btf::{Builder, Endian, Record, StrOff};

    use super::*;

    fn functions(base: &Btf<'_>, names: &[&str]) -> Vec<u8> {
        let mut builder = Builder::over(base);
        let prototype = builder.add(&Record::reference(Kind::FuncProto, StrOff::NONE, TypeId::VOID)).unwrap();
        for name in names {
            let name = builder.add_string(*name).unwrap();
            builder.add(&Record::reference(Kind::Func, name, prototype)).unwrap();
        }
        builder.to_bytes().unwrap()
    }

    #[test]
    fn an_id_becomes_that_of_the_same_function_and_one_of_the_base_stays() {
        let mut builder = Builder::new(Endian::Little);
        let int = builder.add_string("int").unwrap();
        builder.add(&Record::int(int, 4, btf::IntData::new(0, 0, 32))).unwrap();
        let base = builder.to_bytes().unwrap();
        let base = Btf::parse(&base).unwrap();
        let (own, other) = (functions(&base, &["a", "b"]), functions(&base, &["b", "x", "a"]));
        let (own, other) = (Btf::parse(&own).unwrap(), Btf::parse(&other).unwrap());
        let translation = Translation::new(own.over(&base), other.over(&base));
        assert_eq!([0, 1, 3, 4].map(|id| translation.id(id)), [Ok(0), Ok(1), Ok(5), Ok(3)]);
        let lacking = functions(&base, &["a"]);
        let lacking = Btf::parse(&lacking).unwrap();
        let error = Translation::new(own.over(&base), lacking.over(&base)).id(4).unwrap_err();
        assert_eq!(error, ".BTF_ids refers to FUNC b, which was not encoded");
    }

    #[test]
    fn a_set_is_sorted_by_id_and_flags_go_with_their_ids() {
        let flat = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let mut words = Words { bytes: flat(&[9, 2, 1, 7, 70, 5, 50, 3, 6, 4, 2]), little_endian: true };
        words.sort(4, 8).unwrap();
        words.sort(28, 4).unwrap();
        assert_eq!(words.bytes, flat(&[9, 2, 1, 5, 50, 7, 70, 3, 2, 4, 6]));
        for at in [24, 44, usize::MAX] {
            assert!(words.sort(at, 8).is_err(), "{at}");
        }
    }
}

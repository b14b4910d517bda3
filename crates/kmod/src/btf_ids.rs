//! The ids of BTF types that a kernel object's code refers to: the section `.BTF_ids`.
//!
//! The kernel's sources list types and functions by name (`BTF_ID`, `BTF_SET_START`, `BTF_KFUNCS_START` in
//! `include/linux/btf_ids.h`). The compiler reserves a word of 4 bytes for each, with a symbol that contains the
//! name:
//!
//! | symbol | content at the symbol |
//! |---|---|
//! | `__BTF_ID__KIND__NAME__NUMBER` | the id of the type of that kind (`func`, `struct`, `union`, `typedef`) and name |
//! | `__BTF_ID__set__NAME` | a count, then as many ids |
//! | `__BTF_ID__set8__NAME` | a count and the set's flags, then as many pairs of an id and its flags |
//!
//! After the types are encoded, `resolve_btfids` writes ids and counts, and sorts each set by id, because the kernel
//! uses binary search (`tools/bpf/resolve_btfids/main.c`). Sorting moves the ids of a set away from their symbols, so
//! afterwards a position no longer shows a name. [`BtfIds::resolve`] therefore resolves by kind and name, and only
//! sections that are unresolved; [`BtfIds::remap`] replaces ids in a resolved section.
//!
//! This module treats ids as numbers. Their meaning is known only to the caller.

use std::collections::BTreeMap;
use std::fmt;

use util::Endian;

use crate::elf::{Elf, ElfFile, Symbol};
use crate::error::Error;

/// The section's name.
const SECTION: &str = ".BTF_ids";

/// The prefix of its symbols' names.
const PREFIX: &[u8] = b"__BTF_ID__";

/// The length of an id, of a count and of flags, in bytes.
const WORD: usize = 4;

/// The section `.BTF_ids` of a kernel object, checked: every id and every set lies inside the section, and none
/// overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BtfIds {
    bytes: Vec<u8>,
    endian: Endian,
    /// Single ids and ids in sets, by offset.
    ids: BTreeMap<usize, BtfIdSymbol>,
    /// Sets, sorted by offset.
    sets: Vec<Set>,
}

/// The kind and name in a symbol of `.BTF_ids`. They describe the id at the symbol until sets are sorted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct BtfIdSymbol {
    /// The kind of type, as `resolve_btfids` writes it: `func`, `struct`, `union`, `typedef`.
    pub kind: Vec<u8>,
    /// The name of the type or function.
    pub name: Vec<u8>,
}

/// Formats as `func vfs_read`.
impl fmt::Display for BtfIdSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.escape_ascii(), self.name.escape_ascii())
    }
}

/// A set of ids, which must be sorted by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set {
    /// The offset of its count.
    offset: usize,
    /// How many ids it has.
    count: usize,
    /// The length of the count and of each entry, in bytes: 4, or 8 if entries have flags.
    width: usize,
}

impl Set {
    const fn first(&self) -> usize {
        self.offset.saturating_add(self.width)
    }

    const fn end(&self) -> usize {
        self.first().saturating_add(self.count.saturating_mul(self.width))
    }
}

/// The meaning of a symbol.
enum Named {
    Id(BtfIdSymbol),
    /// A set, with the length of an entry in bytes.
    Set(usize),
}

impl BtfIds {
    /// Reads the section of a module or a kernel in memory. `None` if it is missing or empty.
    ///
    /// # Errors
    ///
    /// [`Error::Section`] for a symbol of unknown form or outside of the section, for overlaps, for a set whose count
    /// differs from its symbol's size, and for a nonzero word without a symbol, as in a file whose symbols were
    /// stripped. Also the errors of [`Elf::symbols`].
    pub fn read(elf: &Elf) -> Result<Option<Self>, Error> {
        let section = elf.find_section(SECTION).filter(|section| !section.data.is_empty());
        let Some(section) = section else { return Ok(None) };
        let ids = Self::unchecked(section.data.to_vec(), elf.endian());
        ids.named_by(elf.symbols()?, section.index, section.address).map(Some)
    }

    /// Like [`BtfIds::read`], but reads only the section and the symbols of a file.
    ///
    /// # Errors
    ///
    /// Same as [`BtfIds::read`] and [`ElfFile::read`].
    pub fn read_file(elf: &ElfFile) -> Result<Option<Self>, Error> {
        let Some(section) = elf.find(SECTION).filter(|section| section.file_size > 0) else { return Ok(None) };
        let ids = Self::unchecked(elf.read_all(&section)?, elf.endian());
        ids.named_by(elf.symbols()?.iter()?, section.index, section.address).map(Some)
    }

    const fn unchecked(bytes: Vec<u8>, endian: Endian) -> Self {
        Self { bytes, endian, ids: BTreeMap::new(), sets: Vec::new() }
    }

    /// Adds the symbols in the section with that index and address, and checks them together.
    fn named_by<'a>(
        mut self,
        symbols: impl Iterator<Item = Result<Symbol<'a>, Error>>,
        section: usize,
        address: u64,
    ) -> Result<Self, Error> {
        for symbol in symbols {
            let symbol = symbol?;
            if symbol.section == section
                && let Some(rest) = symbol.name.strip_prefix(PREFIX)
            {
                self.add(&symbol, rest, address)?;
            }
        }
        self.check_sets()?;
        self.check_words()?;
        Ok(self)
    }

    /// The length of the section in bytes. It never changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the section is empty. [`BtfIds::read`] never returns an empty one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The symbols of ids, sorted by position. A kind and name may occur several times.
    pub fn symbols(&self) -> impl Iterator<Item = &BtfIdSymbol> {
        self.ids.values()
    }

    /// Whether ids have been written: whether any id or any set's count is not 0.
    #[must_use]
    pub fn is_resolved(&self) -> bool {
        let places = self.ids.keys().copied().chain(self.sets.iter().map(|set| set.offset));
        places.into_iter().any(|offset| self.word(offset) != 0)
    }

    /// Writes the id of each symbol and the counts of the sets, and sorts each set by id together with the flags, as
    /// `resolve_btfids` does. An id of 0 means that the type does not exist, which the kernel accepts.
    ///
    /// ```no_run
    /// # use std::collections::HashMap;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let known: HashMap<(Vec<u8>, Vec<u8>), u32> = HashMap::new();
    /// let module = kmod::Module::open("bridge.ko")?;
    /// if let Some(mut ids) = kmod::BtfIds::read(module.elf())? {
    ///     ids.resolve(|symbol| known.get(&(symbol.kind.clone(), symbol.name.clone())).copied().unwrap_or(0))?;
    ///     kmod::SectionEdits::new().set(".BTF_ids", ids.bytes()).apply_to_file("bridge.ko")?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Section`] if [`BtfIds::is_resolved`]: the ids and flags of a sorted set are no longer at their
    /// symbols.
    pub fn resolve(&mut self, mut id_of: impl FnMut(&BtfIdSymbol) -> u32) -> Result<(), Error> {
        if self.is_resolved() {
            return Err(wrong(
                "its ids are resolved already, so they no longer lie where their symbols are".to_owned(),
            ));
        }
        let ids = std::mem::take(&mut self.ids);
        ids.iter().for_each(|(&offset, symbol)| self.put(offset, id_of(symbol)));
        self.ids = ids;
        for set in self.sets.clone() {
            // The section is shorter than 2^32 bytes, so the count fits.
            self.put(set.offset, u32::try_from(set.count).unwrap_or(u32::MAX));
            self.sort(set);
        }
        Ok(())
    }

    /// Replaces each id by the result of `map`, and sorts the sets again, each id with its flags. An id of 0 (a type
    /// that `resolve` did not find) stays 0 and is not passed to `map`. Ids are passed in the order of their
    /// positions, and repeatedly if they occur repeatedly.
    ///
    /// # Errors
    ///
    /// The first error of `map`. Nothing is changed then.
    pub fn remap<E>(&mut self, mut map: impl FnMut(u32) -> Result<u32, E>) -> Result<(), E> {
        let map = |offset: usize| match self.word(offset) {
            0 => Ok((offset, 0)),
            id => map(id).map(|id| (offset, id)),
        };
        let mapped: Vec<(usize, u32)> = self.ids.keys().copied().map(map).collect::<Result<_, E>>()?;
        mapped.into_iter().for_each(|(offset, id)| self.put(offset, id));
        let resolved: Vec<Set> = self.sets.iter().copied().filter(|set| self.word(set.offset) != 0).collect();
        resolved.into_iter().for_each(|set| self.sort(set));
        Ok(())
    }

    /// The section's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The section's bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Adds one symbol of the section. `rest` is its name without the prefix.
    fn add(&mut self, symbol: &Symbol<'_>, rest: &[u8], address: u64) -> Result<(), Error> {
        let of = |reason: &str| wrong(format!("the symbol {} {reason}", symbol.name.escape_ascii()));
        let offset = symbol.value.checked_sub(address).and_then(|offset| usize::try_from(offset).ok());
        let offset = offset.filter(|offset| offset.checked_add(WORD).is_some_and(|end| end <= self.bytes.len()));
        let offset = offset.ok_or_else(|| of("lies outside of it"))?;
        if !offset.is_multiple_of(WORD) {
            return Err(of("is not aligned to 4 bytes"));
        }
        match parse(rest).ok_or_else(|| of("is none of an id or a set"))? {
            Named::Id(named) => match self.ids.insert(offset, named.clone()) {
                Some(other) if other != named => {
                    Err(of(&format!("is at {offset:#x}, as is that of another type, {other}")))
                }
                _ => Ok(()),
            },
            Named::Set(width) => {
                let said = self.word(offset) as usize;
                let room = usize::try_from(symbol.size).unwrap_or(usize::MAX) / width;
                let count = if room == 0 { said } else { room.saturating_sub(1) };
                if said != 0 && said != count {
                    return Err(of(&format!("is a set for {count} ids, but says that it has {said}")));
                }
                let set = Set { offset, count, width };
                if set.end() > self.bytes.len() {
                    return Err(of(&format!("is a set of {count} ids, which reaches past the end")));
                }
                self.sets.push(set);
                Ok(())
            }
        }
    }

    /// Checks that no two sets overlap, and that ids in sets lie at entry boundaries.
    fn check_sets(&mut self) -> Result<(), Error> {
        self.sets.sort_by_key(|set| (set.offset, set.width));
        self.sets.dedup();
        if let Some([one, other]) = self.sets.array_windows().find(|[one, other]| one.end() > other.offset) {
            let reason = format!("the set at {:#x} overlaps the one at {:#x}", one.offset, other.offset);
            return Err(wrong(reason));
        }
        for set in &self.sets {
            let is_between =
                |&&offset: &&usize| offset < set.first() || !(offset - set.offset).is_multiple_of(set.width);
            if let Some(offset) = self.ids.range(set.offset..set.end()).map(|(offset, _)| offset).find(is_between) {
                let reason = format!("the id at {offset:#x} is no entry of the set at {:#x}", set.offset);
                return Err(wrong(reason));
            }
        }
        Ok(())
    }

    /// Checks that every nonzero word is an id, a count or flags. An unexplained word may be an id that would become
    /// stale.
    fn check_words(&self) -> Result<(), Error> {
        let mut sets = self.sets.iter().peekable();
        for (index, word) in self.bytes.chunks(WORD).enumerate() {
            let offset = index * WORD;
            while sets.next_if(|set| set.end() <= offset).is_some() {}
            let in_set = sets.peek().filter(|set| set.offset <= offset);
            let is_known = match in_set {
                Some(set) => offset < set.first() || !(offset - set.offset).is_multiple_of(set.width),
                None => false,
            };
            if !is_known && !self.ids.contains_key(&offset) && word.iter().any(|&byte| byte != 0) {
                return Err(wrong(format!("the word at {offset:#x} is not 0, but no symbol describes it")));
            }
        }
        Ok(())
    }

    /// A word at an offset that was checked to be inside the section.
    fn word(&self, offset: usize) -> u32 {
        self.endian.u32_at(&self.bytes, offset).unwrap_or_default()
    }

    fn put(&mut self, offset: usize, value: u32) {
        let word = self.endian.write_u32(value);
        if let Some(place) = self.bytes.get_mut(offset..).and_then(|rest| rest.first_chunk_mut()) {
            *place = word;
        }
    }

    fn sort(&mut self, set: Set) {
        let endian = self.endian;
        let Some(bytes) = self.bytes.get_mut(set.first()..set.end()) else { return };
        let mut entries: Vec<&[u8]> = bytes.chunks(set.width).collect();
        entries.sort_by_key(|entry| endian.u32_at(entry, 0));
        let sorted = entries.concat();
        bytes.copy_from_slice(&sorted);
    }
}

/// Parses the name of a symbol without its prefix (`resolve_btfids`, `get_id`): after the last `__` comes a number
/// that distinguishes symbols of the same name.
fn parse(rest: &[u8]) -> Option<Named> {
    let named = |prefix: &[u8]| rest.strip_prefix(prefix).is_some_and(|name| !name.is_empty());
    if named(b"set8__") {
        return Some(Named::Set(2 * WORD));
    }
    if named(b"set__") {
        return Some(Named::Set(WORD));
    }
    let kind = rest.windows(2).position(|two| two == b"__")?;
    let (kind, name) = (rest.get(..kind)?, rest.get(kind + 2..)?);
    let end = name.iter().rposition(|&byte| byte == b'_')?;
    let name = name.get(..end)?.strip_suffix(b"_")?;
    let named = BtfIdSymbol { kind: kind.to_vec(), name: name.to_vec() };
    (!kind.is_empty() && !name.is_empty()).then_some(Named::Id(named))
}

fn wrong(reason: String) -> Error {
    Error::Section { section: SECTION, reason }
}

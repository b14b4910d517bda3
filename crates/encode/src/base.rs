//! A base, prepared once for all modules that are encoded over it.

use btf::{Btf, Endian, Kind};
use tracing::info_span;

use crate::cu::signature::{TypeGraph, composite_signature};
use crate::encoded::{self, FieldRole, key};
use crate::enum_index::{EnumIndex, is_forward};
use crate::error::{Breach, EncodeError, internal};
use crate::hash::IdMap;
use crate::ids::{CanonicalId, NameId, StrOffset, id32};
use crate::section::{assemble, write_u32};
use crate::strings::base::BaseStrings;
use crate::type_index::TypeIndex;

/// The first type of a base.
const FIRST: CanonicalId = CanonicalId::new(std::num::NonZeroU32::MIN);

/// The BTF that modules are split from, with its strings and types hashed: made once, and shared by all threads.
#[derive(Debug)]
pub struct PreparedBase {
    /// The types as in the type section, with each name replaced by its number.
    words: Vec<u32>,
    /// Where each type begins in `words`, by id; `void` too.
    starts: Vec<u32>,
    pub(crate) names: BaseStrings,
    pub(crate) index: TypeIndex,
    pub(crate) enums: EnumIndex,
    /// The structs and unions by name, where there is only one of the name.
    pub(crate) composites: IdMap<NameId, Option<CanonicalId>>,
    endian: Endian,
    /// Where the strings end.
    strings_end: StrOffset,
    /// Internal errors of what cannot return any.
    pub(crate) breach: Breach,
}

impl PreparedBase {
    /// Prepares a base: the content of vmlinux' `.BTF`.
    ///
    /// # Errors
    /// [`EncodeError::Base`] where it is no BTF, [`EncodeError::BaseType`] where a type refers to what is not there or is
    /// of a kind that is not known.
    pub fn new(bytes: &[u8]) -> Result<Self, EncodeError> {
        let _span = info_span!("prepare base").entered();
        let btf = Btf::parse(bytes)?;
        let count = btf.len();
        let mut words = Vec::with_capacity(btf.types_bytes().len() / 4);
        let mut starts = Vec::with_capacity(count as usize + 2);
        starts.push(0);
        for (place, ty) in btf.iter().enumerate() {
            let id = id32(place) + 1;
            let start = words.len();
            starts.push(id32(start));
            if matches!(ty.kind(), Kind::Other(_) | Kind::Void) {
                return Err(EncodeError::BaseType { id, reason: "is of an unknown kind" });
            }
            words.extend(ty.fields().map(|field| field.raw));
            let words = words.get(start..).unwrap_or(&[]);
            if encoded::fields(words).any(|(role, word)| role.is_reference() && word > count) {
                return Err(EncodeError::BaseType { id, reason: "refers to a type that does not exist" });
            }
        }
        starts.push(id32(words.len()));
        let names = number_names(&mut words, &starts, btf.strings())?;
        let index = TypeIndex::new(FIRST, count as usize + 1);
        let strings_end = StrOffset::from_raw(btf.header().strings.length);
        let composites = IdMap::default();
        let breach = Breach::default();
        let enums = EnumIndex::default();
        let mut base =
            Self { words, starts, names, index, enums, composites, endian: btf.endian(), strings_end, breach };
        base.fill_index();
        base.breach.check()?;
        Ok(base)
    }

    fn fill_index(&mut self) {
        let mut memo = vec![0; self.starts.len()];
        let mut index = std::mem::replace(&mut self.index, TypeIndex::new(FIRST, 0));
        let mut composites = std::mem::take(&mut self.composites);
        for id in (1..=self.len()).filter_map(CanonicalId::from_word) {
            let words = self.get(id);
            let kind = encoded::kind(words);
            if matches!(kind, Kind::Var | Kind::Datasec) {
                continue;
            }
            let name = encoded::name(words);
            if kind.is_composite() && !name.is_empty() {
                composites.entry(name).and_modify(|only| *only = None).or_insert(Some(id));
            }
            let hash = if kind.is_composite() { composite_signature(self, &mut memo, words) } else { key(words) };
            index.add(hash, id);
        }
        // Of equal types the last one counts, as in `TypeIndex`.
        let mut enums = EnumIndex::default();
        for id in (1..=self.len()).rev().filter_map(CanonicalId::from_word) {
            let words = self.get(id);
            let is_named = encoded::kind(words).is_enum() && !encoded::name(words).is_empty();
            if is_named && (is_forward(words) || enums.find(words, |id| self.get(id)).is_none()) {
                enums.add(words, id);
            }
        }
        self.enums = enums;
        self.index = index;
        self.composites = composites;
    }

    /// The base as BTF again. Where it has a string twice, all names are at the first.
    pub(crate) fn to_btf(&self) -> Result<Vec<u8>, EncodeError> {
        let types: Vec<u8> = self.words.iter().flat_map(|&word| write_u32(self.endian, word)).collect();
        assemble(&types, self.names.strings(), self.endian)
    }

    /// How many types there are, without `void`.
    #[must_use]
    pub fn len(&self) -> u32 {
        id32(self.starts.len()) - 2
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The byte order.
    #[must_use]
    pub const fn endian(&self) -> Endian {
        self.endian
    }

    /// Where the strings end, and those of what is split from the base begin.
    pub(crate) const fn strings_end(&self) -> StrOffset {
        self.strings_end
    }

    /// The words of a type.
    #[inline]
    pub(crate) fn get(&self, id: CanonicalId) -> &[u32] {
        let place = id.raw() as usize;
        let (Some(&start), Some(&end)) = (self.starts.get(place), self.starts.get(place.wrapping_add(1))) else {
            return self.no_words();
        };
        self.words.get(start as usize..end as usize).unwrap_or_else(|| self.no_words())
    }

    #[cold]
    fn no_words(&self) -> &[u32] {
        self.breach.note("a type of the base has no words");
        &[]
    }
}

impl TypeGraph for PreparedBase {
    #[inline]
    fn place(&self, reference: u32) -> Option<u32> {
        Some(reference).filter(|&id| id != 0)
    }

    #[inline]
    fn words(&self, place: u32) -> &[u32] {
        CanonicalId::from_word(place).map_or(&[], |id| self.get(id))
    }
}

/// Replaces the string offsets in types by the numbers of the names.
fn number_names(words: &mut [u32], starts: &[u32], strings: &[u8]) -> Result<BaseStrings, EncodeError> {
    let spans = || {
        starts
            .windows(2)
            .map(|span| span.first().map_or(0, |&start| start as usize)..span.last().map_or(0, |&end| end as usize))
    };
    let types = spans().filter_map(|span| words.get(span));
    let is_name = |&(role, _): &(FieldRole, u32)| role == FieldRole::Name;
    let offsets = types.flat_map(encoded::fields).filter(is_name).map(|(_, word)| StrOffset::from_raw(word));
    let (names, places) = BaseStrings::new(strings, offsets);
    for (id, span) in (0..).zip(spans()) {
        let mut is_whole = true;
        let words = words.get_mut(span).ok_or_else(|| internal("a type of the base has no words"))?;
        encoded::map_names(words, |word| {
            let number = match StrOffset::from_raw(word) {
                StrOffset::EMPTY => Some(NameId::EMPTY),
                offset => places.get(offset.place()).and_then(|&place| names.number_at(place?)),
            };
            is_whole &= number.is_some();
            number.map_or(0, NameId::raw)
        });
        if !is_whole {
            return Err(EncodeError::BaseType { id, reason: "has a name that lies outside the strings" });
        }
    }
    Ok(names)
}

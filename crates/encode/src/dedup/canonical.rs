//! The canonical types.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use btf::Kind;

use super::Index;
use super::replaced::Replaced;
use crate::EncodeError;
use crate::base::PreparedBase;
use crate::names::{NumberHasher, NumberMap};
use crate::record::{self, mix};

/// The canonical types: those of the base, and the ones found so far, whose ids follow.
#[derive(Debug)]
pub(crate) struct Pool<'b> {
    pub(crate) base: Option<&'b PreparedBase>,
    /// The first id that is not the base's.
    pub(crate) first: u32,
    words: Vec<u32>,
    /// Where each type begins and ends in `words`; for one that is not complete yet `(PENDING, index in its unit)`.
    spans: Vec<(u32, u32)>,
    /// What each type turned out to be: itself, or for a forward declaration what it declares.
    pub(crate) map: Vec<u32>,
    /// The same for forward declarations of the base.
    pub(crate) base_map: NumberMap<u32>,
    /// What types of the base were replaced by, at the end.
    pub(super) settled: NumberMap<u32>,
    /// What of the base may be replaced at the end.
    pub(super) replaced: Replaced,
    /// Structs of the base of which a unit has a copy: by unit and the base's struct, the copy. It is what the unit's struct
    /// became before the forward declaration behind the base's was known to stand for something, which made the two equal.
    pub(super) copies: HashMap<(u32, u32), u32, BuildHasherDefault<NumberHasher>>,
    /// Where each type comes from.
    pub(crate) origins: Vec<Origin>,
    pub(crate) index: Index,
    /// What arrays are indexed by.
    pub(crate) index_type: Option<u32>,
    /// How many units there were.
    pub(crate) units: u32,
    /// How many references closed a circle of types without a struct or union.
    pub(crate) circles: u32,
    /// Whether there are symbols of functions; where there are none, only functions are taken that other files can name.
    pub(crate) has_function_symbols: bool,
    /// The size of a pointer, in bytes.
    pub(crate) address_size: u8,
    pub(crate) functions: Vec<SavedFunction>,
    /// The parameters of functions: name and type.
    pub(crate) params: Vec<(u32, u32)>,
    pub(crate) variables: Vec<SavedVariable>,
    pub(crate) tags: Vec<SavedTag>,
}

/// Where a type stands among all: types in the order in which pahole adds them.
///
/// That is unit by unit the types, the tags on them, functions and variables; and when all units are there what is decided
/// about last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    /// The unit, from 0 in the order in which they were met; [`Origin::END`] behind all.
    pub(crate) unit: u32,
    pub(crate) part: Part,
    /// The place in that part.
    pub(crate) place: u32,
}

/// The parts of a unit, in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Types,
    TypeTags,
    Functions,
    Variables,
    DataSections,
}

impl Origin {
    /// The unit behind all units.
    pub(crate) const END: u32 = u32::MAX;

    pub(crate) fn new(unit: u32, part: Part, place: usize) -> Self {
        Self { unit, part, place: u32::try_from(place).unwrap_or(u32::MAX) }
    }
}

/// A function that may be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SavedFunction {
    pub(crate) name: u32,
    /// The number of its unit, from 0 in the order in which they were met.
    pub(crate) unit: u32,
    pub(crate) returns: u32,
    pub(crate) first_param: u32,
    pub(crate) param_count: u32,
    /// Whether it takes a parameter elsewhere than in the register that it should be in.
    pub(crate) is_irregular: bool,
}

impl SavedFunction {
    /// Its parameters, name and type, of all that there are.
    pub(crate) fn params<'p>(&self, params: &'p [(u32, u32)]) -> &'p [(u32, u32)] {
        let start = self.first_param as usize;
        params.get(start..start.saturating_add(self.param_count as usize)).unwrap_or_default()
    }
}

/// A variable that may be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SavedVariable {
    pub(crate) name: u32,
    /// The number of its unit, from 0 in the order in which they were met.
    pub(crate) unit: u32,
    pub(crate) ty: u32,
    pub(crate) is_external: bool,
    pub(crate) is_top_level: bool,
    pub(crate) is_artificial: bool,
    /// Whether its own DIE says its name, not only that of the declaration that it completes.
    pub(crate) has_own_name: bool,
    pub(crate) section: Option<u32>,
    pub(crate) address: u64,
}

/// A declaration tag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SavedTag {
    /// The number of its unit, from 0 in the order in which they were met.
    pub(crate) unit: u32,
    pub(crate) on: SavedTagged,
    pub(crate) component: i32,
    pub(crate) value: u32,
}

/// What a tag belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SavedTagged {
    /// A type, by its id.
    Type(u32),
    /// A function, by its place in [`Pool::functions`].
    Function(u32),
    /// A variable, by its place in [`Pool::variables`].
    Variable(u32),
}

/// The start of a type that is not complete yet.
pub(crate) const PENDING: u32 = u32::MAX;

/// The hash by which a type that is neither struct nor union is found. Enums have only their name in it, as a forward
/// declaration of one has nothing else.
pub(crate) fn key(words: &[u32]) -> u64 {
    let name = record::name(words);
    match record::kind(words) {
        Kind::Enum | Kind::Enum64 if name != 0 => mix(u64::from(Kind::Enum.number()), u64::from(name)),
        _ => record::hash(words, |_, id| u64::from(id)),
    }
}

impl<'b> Pool<'b> {
    pub(crate) fn new(base: Option<&'b PreparedBase>) -> Self {
        let first = base.map_or(0, PreparedBase::len).saturating_add(1);
        Self {
            base,
            first,
            words: Vec::new(),
            spans: Vec::new(),
            map: Vec::new(),
            base_map: NumberMap::default(),
            settled: NumberMap::default(),
            replaced: Replaced::default(),
            copies: HashMap::default(),
            origins: Vec::new(),
            index: Index::new(first, 0),
            index_type: None,
            units: 0,
            circles: 0,
            has_function_symbols: false,
            address_size: 8,
            functions: Vec::new(),
            params: Vec::new(),
            variables: Vec::new(),
            tags: Vec::new(),
        }
    }

    /// How many types there are besides the base's.
    pub(crate) fn own_len(&self) -> u32 {
        u32::try_from(self.spans.len()).unwrap_or(u32::MAX)
    }

    /// The place of a type among those that are not the base's.
    #[inline]
    pub(crate) fn place(&self, id: u32) -> Option<usize> {
        id.checked_sub(self.first).map(|place| place as usize)
    }

    /// The unit that brought a canonical type; nothing for one of the base.
    pub(super) fn unit_of(&self, id: u32) -> Option<u32> {
        self.place(id).and_then(|place| self.origins.get(place)).map(|origin| origin.unit)
    }

    /// The words of a type that is not the base's: `Err` with its index in the unit if it is not complete yet.
    #[inline]
    pub(crate) fn own(&self, place: usize) -> Result<&[u32], u32> {
        let (start, end) = self.spans.get(place).copied().unwrap_or_default();
        if start == PENDING {
            return Err(end);
        }
        Ok(self.words.get(start as usize..end as usize).unwrap_or_default())
    }

    pub(crate) fn own_mut(&mut self, place: usize) -> &mut [u32] {
        let (start, end) = self.spans.get(place).copied().unwrap_or_default();
        self.words.get_mut(start as usize..end as usize).unwrap_or_default()
    }

    /// The words of a complete type.
    #[inline]
    pub(crate) fn get(&self, id: u32) -> &[u32] {
        match self.place(id) {
            Some(place) => self.own(place).unwrap_or_default(),
            None => self.base.map_or(&[], |base| base.get(id)),
        }
    }

    fn reserve(&mut self, span: (u32, u32), origin: Origin) -> Result<u32, EncodeError> {
        let id = self.first.checked_add(self.own_len()).filter(|&id| id < MAX_ID);
        let id = id.ok_or(EncodeError::TooLarge { what: "types" })?;
        self.spans.push(span);
        self.map.push(id);
        self.origins.push(origin);
        Ok(id)
    }

    /// Makes a type of the unit canonical whose references are not.
    pub(crate) fn add_pending(&mut self, hash: u64, local: u32, origin: Origin) -> Result<u32, EncodeError> {
        let id = self.reserve((PENDING, local), origin)?;
        self.index.add(hash, id);
        Ok(id)
    }

    /// Says what a canonical type consists of.
    pub(crate) fn complete(&mut self, place: usize, words: impl Iterator<Item = u32>) {
        let start = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        self.words.extend(words);
        let end = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        if let Some(span) = self.spans.get_mut(place) {
            *span = (start, end);
        }
    }

    /// Adds a type that is not to be found by its hash.
    pub(crate) fn add_unindexed(&mut self, words: &[u32], origin: Origin) -> Result<u32, EncodeError> {
        let id = self.reserve((0, 0), origin)?;
        if let Some(place) = self.place(id) {
            self.complete(place, words.iter().copied());
        }
        Ok(id)
    }

    /// Adds a canonical type.
    pub(crate) fn add(&mut self, hash: u64, words: &[u32], origin: Origin) -> Result<u32, EncodeError> {
        let id = self.add_unindexed(words, origin)?;
        self.index.add(hash, id);
        Ok(id)
    }

    /// The canonical type with this hash, of the base or of the others, that something holds for.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut holds: impl FnMut(u32) -> bool) -> Option<u32> {
        let base = self.base.and_then(|base| base.index.find(hash, &mut holds));
        base.or_else(|| self.index.find(hash, holds))
    }

    /// The canonical type with exactly these words, which is added if there is none.
    pub(crate) fn intern(&mut self, words: &[u32], origin: Origin) -> Result<u32, EncodeError> {
        let hash = key(words);
        match self.find(hash, |id| self.get(id) == words) {
            Some(id) => {
                if let Some(known) = self.place(id).and_then(|place| self.origins.get_mut(place)) {
                    *known = origin.min(*known);
                }
                Ok(id)
            }
            None => self.add(hash, words, origin),
        }
    }

    /// What a canonical type turned out to be.
    #[inline]
    pub(crate) fn resolved(&self, mut id: u32) -> u32 {
        loop {
            let next = match self.place(id) {
                Some(place) => self.map.get(place).copied().unwrap_or(id),
                None if self.base_map.is_empty() => id,
                None => self.base_map.get(&id).copied().unwrap_or(id),
            };
            if next == id {
                return id;
            }
            id = next;
        }
    }
}

/// Ids stay below the bit that marks a unit's own types.
const MAX_ID: u32 = 1 << 30;

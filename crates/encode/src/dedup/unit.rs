//! A unit meets the canonical types.

use btf::{IntData, Kind};

use super::equal::{Meeting, Scratch};
use super::pool::{Origin, Part, Pool, SavedFunction, SavedTag, SavedTagged, SavedVariable, key};
use crate::EncodeError;
use crate::record;
use crate::unit::{Function, INDEX, LOCAL, Tagged, Unit, head};

/// What a type of the unit is while what it refers to is being made canonical.
const IN_PROGRESS: u32 = LOCAL | 0x7fff_fff0;

impl Pool<'_> {
    /// Takes in a unit: its types, functions, variables and tags. `int` is the number of that name.
    pub(crate) fn take(&mut self, unit: &Unit, int: u32, scratch: &mut Scratch) -> Result<(), EncodeError> {
        scratch.reset(unit.len() as usize);
        self.units = self.units.saturating_add(1);
        let mut meeting = Meeting { pool: self, unit, scratch };
        meeting.plain_types()?;
        meeting.find_index_type(int)?;
        let fresh = meeting.composites()?;
        meeting.references()?;
        meeting.complete(fresh);
        meeting.note_replaceable();
        meeting.save();
        Ok(())
    }
}

impl Meeting<'_, '_> {
    fn unit_number(&self) -> u32 {
        self.pool.units.saturating_sub(1)
    }

    fn origin(&self, local: u32) -> Origin {
        Origin { unit: self.unit_number(), part: Part::Types, place: local }
    }

    fn set(&mut self, local: u32, id: u32) {
        if let Some(slot) = self.scratch.map.get_mut(local as usize) {
            *slot = id;
        }
    }

    /// Types that refer to nothing.
    fn plain_types(&mut self) -> Result<(), EncodeError> {
        for local in 0..self.unit.len() {
            let words = self.unit.get(local);
            let id = match record::kind(words) {
                Kind::Int | Kind::Float | Kind::Fwd => self.pool.intern(words, self.origin(local))?,
                Kind::Enum | Kind::Enum64 => self.enumeration(local, words)?,
                _ => continue,
            };
            self.set(local, id);
        }
        Ok(())
    }

    /// An enum without values is a forward declaration of any other enum of its name.
    fn enumeration(&mut self, local: u32, words: &[u32]) -> Result<u32, EncodeError> {
        let is_forward = |words: &[u32]| record::info(words) & btf::Info::MAX_VLEN == 0;
        let hash = key(words);
        let mut forwards = Vec::new();
        let found = self.pool.find(hash, |id| {
            let canonical = self.words(id);
            if canonical == words {
                return true;
            }
            let is_same_name = record::kind(canonical).is_enum() && record::name(canonical) == record::name(words);
            if is_same_name && is_forward(canonical) && !is_forward(words) {
                forwards.push(id);
            }
            is_same_name && is_forward(words) && record::name(words) != 0
        });
        if let Some(id) = found {
            return Ok(id);
        }
        let id = self.pool.add(hash, words, self.origin(local))?;
        for forward in forwards {
            if let Some(slot) = self.pool.place(forward).and_then(|place| self.pool.map.get_mut(place)) {
                *slot = id;
            } else {
                self.pool.base_map.insert(forward, id);
            }
        }
        Ok(id)
    }

    /// All arrays are indexed by the first type called `int`, or by one that is made for them.
    fn find_index_type(&mut self, int: u32) -> Result<(), EncodeError> {
        if self.pool.index_type.is_some() {
            return Ok(());
        }
        let named = self.unit.int.and_then(|local| self.scratch.map.get(local as usize)).copied();
        self.pool.index_type = match named {
            Some(id) => Some(id),
            None if self.unit.has_arrays => {
                let [name, info, size] = head(Kind::Int, int, 0, false, 4);
                let words = [name, info, size, IntData::new(IntData::SIGNED, 0, 32).0];
                Some(self.pool.intern(&words, self.origin(self.unit.len()))?)
            }
            None => None,
        };
        Ok(())
    }

    /// Structs and unions. Those that are new become canonical, still with references into the unit: their places.
    fn composites(&mut self) -> Result<Vec<usize>, EncodeError> {
        let mut fresh = Vec::new();
        for local in 0..self.unit.len() {
            let words = self.unit.get(local);
            if !record::kind(words).is_composite() || self.scratch.map.get(local as usize).is_none_or(|&id| id != 0) {
                continue;
            }
            let hash = self.unit.signatures.get(local as usize).copied().unwrap_or(0);
            if let Some(id) = self.equal_composite(local, words, hash) {
                self.set(local, id);
                continue;
            }
            let id = self.pool.add_pending(hash, local, self.origin(local))?;
            fresh.extend(self.pool.place(id));
            self.set(local, id);
        }
        Ok(fresh)
    }

    /// The canonical struct or union that equals one of the unit. Where there are several, because forward declarations make
    /// them equal to this one but not to each other, the latest is taken, as by libbpf.
    fn equal_composite(&mut self, local: u32, words: &[u32], hash: u64) -> Option<u32> {
        let mut candidate = self.pool.index.first(hash);
        while candidate != 0 {
            if self.is_equal_composite(local, words, candidate) {
                return Some(candidate);
            }
            candidate = self.pool.index.after(candidate);
        }
        candidate = self.pool.base.map_or(0, |base| base.index.first(hash));
        while candidate != 0 {
            if self.is_equal_composite(local, words, candidate) {
                return Some(candidate);
            }
            candidate = self.pool.base.map_or(0, |base| base.index.after(candidate));
        }
        None
    }

    fn is_equal_composite(&mut self, local: u32, words: &[u32], candidate: u32) -> bool {
        record::compare(words, self.words(candidate), |_, _| true) && self.equals(LOCAL | local, candidate)
    }

    /// Types that are equal if their words are, once their references are canonical.
    ///
    /// Types that refer to each other in a circle without a struct or union are none of any language: the reference that closes
    /// the circle is taken for `void`, and counted. libbpf gives up there (`btf_dedup_ref_type` in `tools/lib/bpf/btf.c` returns
    /// `-ELOOP`), so that pahole encodes nothing of the file.
    fn references(&mut self) -> Result<(), EncodeError> {
        let mut stack = Vec::new();
        let mut words = Vec::new();
        for local in 0..self.unit.len() {
            stack.push(local);
            while let Some(&top) = stack.last() {
                if self.scratch.map.get(top as usize).is_some_and(|&id| id != 0 && id != IN_PROGRESS) {
                    stack.pop();
                    continue;
                }
                self.set(top, IN_PROGRESS);
                words.clear();
                words.extend_from_slice(self.unit.get(top));
                let (waiting, mut circles) = (stack.len(), 0u32);
                record::map_references(&mut words, |id| {
                    let known = self.known_reference(id);
                    if known == IN_PROGRESS {
                        circles = circles.saturating_add(1);
                        return 0;
                    }
                    if known & LOCAL != 0 {
                        stack.push(known & !LOCAL);
                    }
                    known
                });
                if stack.len() == waiting {
                    self.pool.circles = self.pool.circles.saturating_add(circles);
                    let id = self.pool.intern(&words, self.origin(top))?;
                    self.set(top, id);
                    stack.pop();
                }
            }
        }
        Ok(())
    }

    /// What a reference leads to; a type of the unit if that is not known yet, [`IN_PROGRESS`] if it is being made.
    fn known_reference(&self, id: u32) -> u32 {
        if id == 0 {
            return 0;
        }
        if id & LOCAL != 0 && id != INDEX && self.scratch.map.get((id & !LOCAL) as usize) == Some(&IN_PROGRESS) {
            return IN_PROGRESS;
        }
        self.known(id)
    }

    /// Gives new structs and unions their canonical references.
    fn complete(&mut self, fresh: Vec<usize>) {
        for place in fresh {
            let Err(local) = self.pool.own(place) else { continue };
            let mut words = self.unit.get(local).to_vec();
            record::map_references(&mut words, |id| if id == 0 { 0 } else { self.known(id) });
            self.pool.complete(place, words.into_iter());
        }
        for forward in std::mem::take(&mut self.scratch.resolved) {
            let known = self.known(forward);
            if let Some(slot) = self.pool.place(forward).and_then(|place| self.pool.map.get_mut(place)) {
                *slot = known;
            } else {
                self.pool.base_map.insert(forward, known);
            }
        }
    }

    /// Notes which types of the base the unit has.
    fn note_replaceable(&mut self) {
        let Some(base) = self.pool.base else { return };
        for local in 0..self.unit.len() {
            let id = self.scratch.map.get(local as usize).copied().unwrap_or(0);
            if id != 0 && self.pool.place(id).is_none() {
                let origin = self.origin(local);
                self.pool.replaced.meet(base, id, origin);
            }
        }
    }

    fn canonical(&self, id: u32) -> u32 {
        if id == 0 { 0 } else { self.known(id) }
    }

    /// Keeps what is decided about when all units are there.
    fn save(&mut self) {
        let unit = self.unit;
        let mut places = Vec::new();
        for (index, function) in unit.functions.iter().enumerate() {
            if let Some(place) = self.save_function(function) {
                places.push((u32::try_from(index).unwrap_or(u32::MAX), place));
            }
        }
        let first_variable = u32::try_from(self.pool.variables.len()).unwrap_or(u32::MAX);
        for variable in &unit.variables {
            let declared = (variable.specification != 0).then(|| {
                let place =
                    unit.variables.binary_search_by_key(&variable.specification, |declaration| declaration.offset);
                place.ok().and_then(|place| unit.variables.get(place))
            });
            let source = declared.flatten().unwrap_or(variable);
            self.pool.variables.push(SavedVariable {
                unit: self.pool.units.saturating_sub(1),
                name: source.name,
                ty: if variable.is_declaration { 0 } else { self.canonical(source.ty) },
                is_external: source.is_external,
                is_top_level: variable.is_top_level,
                is_artificial: variable.is_artificial,
                has_own_name: variable.name != 0,
                section: variable.section,
                address: variable.address,
            });
        }
        let number = self.unit_number();
        for tag in &unit.tags {
            let on = match tag.on {
                Tagged::Type(local) => Some(SavedTagged::Type(self.canonical(LOCAL | local))),
                Tagged::Variable(index) => Some(SavedTagged::Variable(first_variable.saturating_add(index))),
                Tagged::Function(index) => {
                    let place = places.binary_search_by_key(&index, |&(index, _)| index).ok();
                    place.and_then(|place| places.get(place)).map(|&(_, place)| SavedTagged::Function(place))
                }
            };
            self.pool.tags.extend(on.map(|on| SavedTag {
                unit: number,
                on,
                component: tag.component,
                value: tag.value,
            }));
        }
    }

    /// Keeps a function that is defined and whose parameters all have names.
    fn save_function(&mut self, function: &Function) -> Option<u32> {
        let unit = self.unit;
        let of = |offset: u32| {
            let place = unit.functions.binary_search_by_key(&offset, |function| function.offset).ok()?;
            unit.functions.get(place)
        };
        let is_visible = self.pool.has_function_symbols || function.is_external;
        if function.is_declaration || !is_visible {
            return None;
        }
        let origin = if function.origin == 0 { None } else { of(function.origin) };
        let name = if function.name != 0 { function.name } else { origin?.name };
        let returns = match (function.returns, origin) {
            (0, Some(origin)) if function.is_instance => origin.returns,
            (returns, _) => returns,
        };
        let first_param = self.pool.params.len();
        let start = function.first_param as usize;
        let params = unit.params.get(start..start.checked_add(function.param_count as usize)?)?;
        for param in params {
            let origin = (param.ty == 0 && param.origin != 0).then(|| {
                let place = unit.params.binary_search_by_key(&param.origin, |param| param.offset).ok()?;
                unit.params.get(place)
            });
            let source = origin.flatten().unwrap_or(param);
            if source.name == 0 {
                self.pool.params.truncate(first_param);
                return None;
            }
            let ty = self.canonical(source.ty);
            self.pool.params.push((source.name, ty));
        }
        if function.is_variadic {
            self.pool.params.push((0, 0));
        }
        let place = u32::try_from(self.pool.functions.len()).ok()?;
        self.pool.functions.push(SavedFunction {
            name,
            unit: self.pool.units.saturating_sub(1),
            returns: self.canonical(returns),
            first_param: u32::try_from(first_param).ok()?,
            param_count: u32::try_from(self.pool.params.len().saturating_sub(first_param)).ok()?,
            is_irregular: function.is_irregular,
        });
        Some(place)
    }
}

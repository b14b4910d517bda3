//! Which variables are written, and the sections that they are in.

use std::collections::HashSet;

use btf::Kind;
use kmod::ElfFile;

use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::declarations::SavedVariable;
use crate::dedup::emit_order::{EmitCu, EmitOrder, EmitPhase};
use crate::encoded::{self, head};
use crate::error::EncodeError;
use crate::hash::IdMap;
use crate::ids::{CanonicalId, NameId, id32};
use crate::options::Options;
use crate::report::Report;
use crate::strings::interner::StringInterner;
use crate::symbols::{OBJECT, Symbols};

/// The sections whose variables are wanted, and what is known of their symbols.
#[derive(Debug, Default)]
pub(crate) struct VariableSections<'s> {
    /// In the order of the file.
    sections: Vec<Section<'s>>,
    /// Whether addresses are offsets in their sections.
    is_relocatable: bool,
}

/// A section that may hold variables.
#[derive(Debug)]
struct Section<'s> {
    index: u32,
    name: Vec<u8>,
    /// 0 in relocatable files.
    address: u64,
    /// In bytes.
    size: u64,
    is_wanted: bool,
    /// The objects of a wanted section, by offset.
    objects: Vec<(u64, &'s [u8], u64)>,
    names: HashSet<&'s [u8]>,
}

const PER_CPU: &[u8] = b".data..percpu";
const SHT_PROGBITS: u32 = 1;
const SHT_NOBITS: u32 = 8;

/// The linkage of variables that other files can name.
const GLOBAL: u32 = 1;

/// Prefixes of the names of generated variables, which are not written (`filter_variable_name` in `btf_encoder.c`).
const MEANINGLESS: [&[u8]; 5] =
    [b"__UNIQUE_ID", b"__tpstrtab_", b"__exitcall_", b"__gendwarfksyms_ptr_", b"__func_stack_frame_non_standard_"];

impl<'s> VariableSections<'s> {
    /// The sections of a file whose variables are wanted: the per-CPU section, or all.
    pub(crate) fn of(elf: &ElfFile, symbols: &'s Symbols, options: &Options) -> Self {
        let is_wanted = |name: &[u8]| options.global_variables || (options.variables && name == PER_CPU);
        let mut sections: Vec<Section<'_>> = elf
            .sections()
            .filter(|head| matches!(head.kind, SHT_PROGBITS | SHT_NOBITS))
            .map(|head| Section {
                index: id32(head.index),
                name: head.name.to_vec(),
                address: head.address,
                size: head.size,
                is_wanted: is_wanted(head.name),
                objects: Vec::new(),
                names: HashSet::new(),
            })
            .collect();
        if !sections.iter().any(|section| section.is_wanted) {
            return Self::default();
        }
        for symbol in symbols.iter().filter(|symbol| symbol.kind == OBJECT) {
            let place = sections.binary_search_by_key(&symbol.section, |section| section.index);
            let Some(section) = place.ok().and_then(|place| sections.get_mut(place)) else { continue };
            if section.is_wanted {
                section.names.insert(symbol.name());
                let base = if elf.is_relocatable() { 0 } else { section.address };
                if symbol.size > 0 && is_valid_name(symbol.name()) {
                    section.objects.push((symbol.value.wrapping_sub(base), symbol.name(), symbol.size));
                }
            }
        }
        sections.iter_mut().for_each(|section| section.objects.sort_by_key(|&(offset, ..)| offset));
        Self { sections, is_relocatable: elf.is_relocatable() }
    }

    /// Whether no section is wanted.
    pub(crate) fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// The wanted section that a variable is in, by its place here, and its offset there. Where sections overlap, as those that
    /// are not loaded do with others, the first one counts (`get_elf_section` in `btf_encoder.c`).
    fn place(&self, variable: &SavedVariable) -> Option<(usize, u64)> {
        let place = match variable.section {
            Some(index) => self.sections.binary_search_by_key(&index, |section| section.index).ok()?,
            None if self.is_relocatable => return None,
            None => self.sections.iter().position(|section| section.offset(variable.address).is_some())?,
        };
        let section = self.sections.get(place).filter(|section| section.is_wanted)?;
        let offset = match variable.section {
            Some(_) => Some(variable.address).filter(|&offset| offset < section.size),
            None => section.offset(variable.address),
        };
        Some((place, offset?))
    }
}

impl Section<'_> {
    /// Where in the section an address is.
    fn offset(&self, address: u64) -> Option<u64> {
        address.checked_sub(self.address).filter(|&offset| offset < self.size)
    }

    /// The object at an offset. Of several it is the one that a binary search finds, as in pahole.
    fn object(&self, offset: u64) -> Option<(&[u8], u64)> {
        let (mut low, mut high) = (0usize, self.objects.len());
        while low < high {
            let middle = low.wrapping_add(high) / 2;
            let &(found, name, size) = self.objects.get(middle)?;
            match offset.cmp(&found) {
                std::cmp::Ordering::Less => high = middle,
                std::cmp::Ordering::Greater => low = middle.wrapping_add(1),
                std::cmp::Ordering::Equal => return Some((name, size)),
            }
        }
        None
    }
}

/// A variable that is to be written.
struct Chosen {
    name: NameId,
    size: u64,
}

/// What the choice of variables depends on.
struct Choice<'c, 'b> {
    types: &'c CanonicalTypes<'b>,
    options: &'c Options,
    names: &'c StringInterner<'b>,
    sections: &'c VariableSections<'c>,
}

impl Choice<'_, '_> {
    fn choose(
        &self,
        variable: &SavedVariable,
        section: &Section<'_>,
        offset: u64,
    ) -> Result<Option<Chosen>, EncodeError> {
        let is_wanted = self.options.local_variables || (variable.is_top_level && !variable.is_artificial);
        let type_size = variable.ty.map_or(0, |ty| size_of(self.types, ty));
        if !is_wanted || type_size == 0 {
            return Ok(None);
        }
        if self.options.size_from_symbol {
            self.as_symbol(variable, section, offset)
        } else {
            Ok(self.as_declared(variable, section, offset, type_size))
        }
    }

    /// As pahole up to 1.28 does it (`btf_encoder__encode_cu_variables`): name and size are the symbol's. A variable at address 0 may
    /// have been discarded, so its own DIE must have the symbol's name.
    fn as_symbol(
        &self,
        variable: &SavedVariable,
        section: &Section<'_>,
        offset: u64,
    ) -> Result<Option<Chosen>, EncodeError> {
        let Some((symbol, size)) = section.object(offset) else { return Ok(None) };
        let is_zero = !self.sections.is_relocatable && variable.address == 0;
        let is_named = variable.has_own_name && self.names.with(variable.name, |name| name == symbol);
        if is_zero && !is_named {
            return Ok(None);
        }
        Ok(Some(Chosen { name: self.names.intern(symbol)?, size }))
    }

    /// As later versions do it: a variable at the start of a section may have been discarded, so the section must have a symbol of its
    /// name.
    fn as_declared(&self, variable: &SavedVariable, section: &Section<'_>, offset: u64, size: u64) -> Option<Chosen> {
        let is_chosen = self.names.with(variable.name, |name| {
            let is_meaningless = MEANINGLESS.iter().any(|prefix| name.starts_with(prefix));
            is_valid_name(name) && !is_meaningless && (offset != 0 || section.names.contains(name))
        });
        is_chosen.then_some(Chosen { name: variable.name, size })
    }
}

/// Adds the variables that are to be written, and the data sections that they are in.
pub(crate) fn variables(
    types: &mut CanonicalTypes<'_>,
    options: &Options,
    sections: &VariableSections<'_>,
    names: &StringInterner<'_>,
    report: &mut Report,
) -> Result<IdMap<u32, CanonicalId>, EncodeError> {
    let mut ids = IdMap::default();
    let mut members: Vec<Vec<[u32; 3]>> = vec![Vec::new(); sections.sections.len()];
    let variables = std::mem::take(&mut types.variables);
    for (place, variable) in variables.iter().enumerate() {
        let place = id32(place);
        let Some((number, offset)) = sections.place(variable) else { continue };
        let Some(section) = sections.sections.get(number) else { continue };
        let choice = Choice { types, options, names, sections };
        let Some(chosen) = choice.choose(variable, section, offset)? else { continue };
        let (Ok(offset), Ok(size)) = (u32::try_from(offset), u32::try_from(chosen.size)) else { continue };
        let linkage = if variable.is_external { GLOBAL } else { 0 };
        let [name, info, word] =
            head(Kind::Var, chosen.name, 0, false, CanonicalId::word(types.remapped(variable.ty)?));
        let id = types.add_unindexed(
            &[name, info, word, linkage],
            EmitOrder { cu: variable.cu.into(), phase: EmitPhase::Variables, place },
        )?;
        if let Some(members) = members.get_mut(number) {
            members.push([id.raw(), offset, size]);
        }
        ids.insert(place, id);
        report.variables += 1;
    }
    for (section, members) in sections.sections.iter().zip(members) {
        data_section(types, names.intern(&section.name)?, members)?;
    }
    Ok(ids)
}

/// Adds a data section, unless it would be empty. It reaches as far as its last variable.
fn data_section(types: &mut CanonicalTypes<'_>, name: NameId, mut members: Vec<[u32; 3]>) -> Result<(), EncodeError> {
    members.sort_by_key(|&[_, offset, _]| offset);
    let Some(&[_, offset, size]) = members.last() else { return Ok(()) };
    let vlen = id32(members.len());
    // A symbol may claim to reach beyond 32 bits; a section of BTF cannot.
    let mut words = head(Kind::Datasec, name, vlen, false, offset.saturating_add(size)).to_vec();
    words.extend(members.iter().flatten());
    let place = types.own_len() as usize;
    types.add_unindexed(&words, EmitOrder::new(EmitCu::END, EmitPhase::DataSections, place))?;
    Ok(())
}

/// The longest name that the kernel takes for a symbol, with its end (`KSYM_NAME_LEN` in `include/linux/kallsyms.h`).
const MAX_NAME: usize = 512;

/// Whether the kernel takes this for the name of a variable (`__btf_name_valid` in `kernel/bpf/btf.c`).
fn is_valid_name(name: &[u8]) -> bool {
    let is_start = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.');
    let rest = name.get(1..).unwrap_or(&[]);
    name.len() < MAX_NAME
        && name.first().copied().is_some_and(is_start)
        && rest.iter().all(|&byte| is_start(byte) || byte.is_ascii_digit())
}

/// How deep types are followed for their size.
const MAX_DEPTH: u32 = 100;

/// The size of a type, in bytes; 0 for one without a size. One that has no place in 64 bits has none in BTF either, so that the
/// largest number stands for all of them.
fn size_of(types: &CanonicalTypes<'_>, mut id: CanonicalId) -> u64 {
    let mut count = 1u64;
    for _ in 0..MAX_DEPTH {
        let words = types.get(types.resolved(id));
        let next = match encoded::kind(words) {
            Kind::Int | Kind::Float | Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 => {
                return count.saturating_mul(u64::from(encoded::word(words)));
            }
            Kind::Ptr => return count.saturating_mul(u64::from(types.address_size)),
            Kind::Array => {
                let &[_, _, _, element, _, length] = words else { return 0 };
                count = count.saturating_mul(u64::from(length));
                element
            }
            Kind::Typedef | Kind::Const | Kind::Volatile | Kind::Restrict | Kind::TypeTag => encoded::word(words),
            _ => return 0,
        };
        let Some(next) = CanonicalId::from_word(next) else { return 0 };
        id = next;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_objects_in_one_place_the_middle_one_is_found() {
        let objects =
            vec![(0, &b"a"[..], 1), (8, &b"b"[..], 2), (8, &b"c"[..], 3), (8, &b"d"[..], 4), (16, &b"e"[..], 5)];
        let section = Section {
            index: 1,
            name: Vec::new(),
            address: 0,
            size: 24,
            is_wanted: true,
            objects,
            names: HashSet::new(),
        };
        assert_eq!(section.object(8), Some((&b"c"[..], 3)));
        assert_eq!(section.object(16), Some((&b"e"[..], 5)));
        assert_eq!(section.object(4), None);
        assert_eq!((section.offset(23), section.offset(24)), (Some(23), None));
    }

    #[test]
    fn names_are_those_that_the_kernel_takes() {
        for name in ["a", "_x.1", ".b", &"n".repeat(511)] {
            assert!(is_valid_name(name.as_bytes()), "{name}");
        }
        for name in ["", "1a", "a-b", "a b", &"n".repeat(512)] {
            assert!(!is_valid_name(name.as_bytes()), "{name}");
        }
    }
}

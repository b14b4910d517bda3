//! Which functions and variables are written.

use btf::Kind;

use crate::agree;
use crate::dedup::{Pool, SavedFunction, SavedTagged, SavedVariable};
use crate::kfuncs::{self, Kfuncs};
use crate::names::{Names, NumberMap};
use crate::record::{self, make_info};
use crate::report::Report;
use crate::symbols::{OBJECT, Symbols};
use crate::unit::head;
use crate::{EncodeError, Functions, Options};

/// Where per-CPU variables are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PerCpu {
    /// The index of `.data..percpu`.
    pub(crate) section: u32,
    /// Its address; 0 in relocatable files.
    pub(crate) address: u64,
    /// Its size, in bytes.
    pub(crate) size: u64,
    /// Whether addresses are offsets in their sections.
    pub(crate) is_relocatable: bool,
}

/// The first linkage: static. All functions have it.
const STATIC: u32 = 0;
/// The linkage of variables that other files can name.
const GLOBAL: u32 = 1;

/// The component of a tag on the whole of a declaration: -1.
const WHOLE: u32 = u32::MAX;

/// Adds the functions that are to be written.
pub(crate) fn functions(
    pool: &mut Pool<'_>,
    options: &Options,
    kfuncs: &Kfuncs<'_>,
    names: &Names<'_>,
    report: &mut Report,
) -> Result<NumberMap<u32>, EncodeError> {
    let mut ids = NumberMap::default();
    let functions = std::mem::take(&mut pool.functions);
    let params = std::mem::take(&mut pool.params);
    let every = options.functions == Functions::Every;
    let chosen = choose_functions(pool, options, &functions, &params);
    let mut words = Vec::new();
    for (place, function) in functions.iter().enumerate() {
        if !every && chosen.get(&function.name) != Some(&Some(place)) {
            continue;
        }
        let start = function.first_param as usize;
        let params = params.get(start..start.saturating_add(function.param_count as usize)).unwrap_or_default();
        words.clear();
        words.extend([0, make_info(Kind::FuncProto, function.param_count, false), pool.settled(function.returns)?]);
        for &(name, ty) in params {
            words.extend([name, pool.settled(ty)?]);
        }
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        let origin = (u32::MAX, place);
        let prototype = pool.intern(&words, origin)?;
        let id = pool.intern(&head(Kind::Func, function.name, STATIC, false, prototype), origin)?;
        ids.insert(place, id);
        if let Some(flags) = names.with(function.name, |name| kfuncs.flags(name)) {
            for tag in kfuncs::tags_of(flags) {
                let [name, info, word] = head(Kind::DeclTag, names.number(tag)?, 0, false, id);
                pool.intern(&[name, info, word, WHOLE], origin)?;
            }
        }
        report.functions = report.functions.saturating_add(u32::from(pool.place(id).is_some()));
    }
    Ok(ids)
}

/// The place of the function that is written, for each name; `None` where none is.
fn choose_functions(
    pool: &Pool<'_>,
    options: &Options,
    functions: &[SavedFunction],
    params: &[(u32, u32)],
) -> NumberMap<Option<usize>> {
    let mut chosen: NumberMap<Option<usize>> = NumberMap::default();
    for (place, function) in functions.iter().enumerate() {
        let first = chosen.entry(function.name).or_insert(Some(place));
        let other = first.and_then(|first| functions.get(first));
        let is_consistent = other.is_none_or(|other| agree::functions(pool, params, other, function));
        if options.functions == Functions::Consistent && (function.is_irregular || !is_consistent) {
            *first = None;
        }
    }
    chosen
}

/// Adds the variables that are to be written, and the data section that they are in.
pub(crate) fn variables(
    pool: &mut Pool<'_>,
    options: &Options,
    per_cpu: Option<PerCpu>,
    symbols: &Symbols,
    names: &Names<'_>,
    report: &mut Report,
) -> Result<NumberMap<u32>, EncodeError> {
    let mut ids = NumberMap::default();
    let Some(per_cpu) = per_cpu.filter(|_| options.variables) else { return Ok(ids) };
    let by_offset = per_cpu_symbols(per_cpu, symbols);
    let variables = std::mem::take(&mut pool.variables);
    let mut members: Vec<[u32; 3]> = Vec::new();
    for (place, variable) in variables.iter().enumerate() {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        let Some(offset) = per_cpu.offset(variable) else { continue };
        let Some(chosen) = choose(pool, options, variable, offset, by_offset.get(&offset), names)? else { continue };
        let linkage = if variable.is_external { GLOBAL } else { 0 };
        let [name, info, word] = head(Kind::Var, chosen.name, 0, false, pool.settled(variable.ty)?);
        let id = pool.add_unindexed(&[name, info, word, linkage], (u32::MAX, place))?;
        members.push([id, offset, chosen.size]);
        ids.insert(place, id);
    }
    members.sort_by_key(|&[_, offset, _]| offset);
    report.variables = u32::try_from(members.len()).unwrap_or(u32::MAX);
    if let Some(&[_, offset, size]) = members.last() {
        let name = names.number(b".data..percpu")?;
        let vlen = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let mut words = head(Kind::Datasec, name, vlen, false, offset.saturating_add(size)).to_vec();
        words.extend(members.iter().flatten());
        pool.add_unindexed(&words, (u32::MAX, u32::MAX))?;
    }
    Ok(ids)
}

/// How a variable is written.
struct Chosen {
    name: u32,
    size: u32,
}

fn choose(
    pool: &Pool<'_>,
    options: &Options,
    variable: &SavedVariable,
    offset: u32,
    symbol: Option<&(&[u8], u64)>,
    names: &Names<'_>,
) -> Result<Option<Chosen>, EncodeError> {
    let is_chosen = options.local_variables || (variable.is_top_level && !variable.is_artificial);
    let type_size = size_of(pool, variable.ty);
    if !is_chosen || variable.ty == 0 || type_size == 0 {
        return Ok(None);
    }
    let is_symbol = |symbol: &[u8]| names.with(variable.name, |name| name == symbol);
    let (name, size) = match symbol {
        Some(&(symbol, size)) if options.size_from_symbol => {
            // What has the address 0 may be a variable that was discarded.
            if offset == 0 && !is_symbol(symbol) {
                return Ok(None);
            }
            (names.number(symbol)?, size)
        }
        None if options.size_from_symbol => return Ok(None),
        symbol => {
            if variable.name == 0 || (offset == 0 && !symbol.is_some_and(|(symbol, _)| is_symbol(symbol))) {
                return Ok(None);
            }
            (variable.name, type_size)
        }
    };
    Ok(u32::try_from(size).ok().filter(|_| names.with(name, is_valid_name)).map(|size| Chosen { name, size }))
}

impl PerCpu {
    /// Where in the section a variable is.
    fn offset(&self, variable: &SavedVariable) -> Option<u32> {
        let offset = match variable.section {
            Some(section) => (section == self.section).then_some(variable.address)?,
            None if self.is_relocatable => return None,
            None => variable.address.checked_sub(self.address)?,
        };
        u32::try_from(offset).ok().filter(|_| offset < self.size)
    }
}

/// The name and size of the symbol at each offset.
fn per_cpu_symbols(per_cpu: PerCpu, symbols: &Symbols) -> NumberMap<(&[u8], u64)> {
    let base = if per_cpu.is_relocatable { 0 } else { per_cpu.address };
    let mut found = NumberMap::default();
    for symbol in symbols.iter().filter(|symbol| symbol.section == per_cpu.section) {
        if symbol.kind == OBJECT && symbol.size > 0 && is_valid_name(symbol.name) {
            let offset = symbol.value.checked_sub(base).and_then(|offset| u32::try_from(offset).ok());
            if let Some(offset) = offset {
                found.entry(offset).or_insert((symbol.name, symbol.size));
            }
        }
    }
    found
}

/// The longest name that the kernel takes for a symbol, with its end (`KSYM_NAME_LEN` in `include/linux/kallsyms.h`).
const MAX_NAME: usize = 512;

/// Whether the kernel takes this for the name of a variable (`__btf_name_valid` in `kernel/bpf/btf.c`).
fn is_valid_name(name: &[u8]) -> bool {
    let is_start = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.');
    let rest = name.get(1..).unwrap_or_default();
    name.len() < MAX_NAME
        && name.first().copied().is_some_and(is_start)
        && rest.iter().all(|&byte| is_start(byte) || byte.is_ascii_digit())
}

/// How deep types are followed for their size.
const MAX_DEPTH: u32 = 100;

/// The size of a type, in bytes; 0 for one without a size.
fn size_of(pool: &Pool<'_>, mut id: u32) -> u64 {
    let mut count = 1u64;
    for _ in 0..MAX_DEPTH {
        let words = pool.get(pool.resolved(id));
        match record::kind(words) {
            Kind::Int | Kind::Float | Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 => {
                return count.saturating_mul(u64::from(record::word(words)));
            }
            Kind::Ptr => return count.saturating_mul(8),
            Kind::Array => {
                count = count.saturating_mul(u64::from(words.get(5).copied().unwrap_or(0)));
                id = words.get(3).copied().unwrap_or(0);
            }
            Kind::Typedef | Kind::Const | Kind::Volatile | Kind::Restrict | Kind::TypeTag => id = record::word(words),
            _ => return 0,
        }
    }
    0
}

/// Adds the declaration tags of what is written.
pub(crate) fn tags(
    pool: &mut Pool<'_>,
    functions: &NumberMap<u32>,
    variables: &NumberMap<u32>,
) -> Result<(), EncodeError> {
    let tags = std::mem::take(&mut pool.tags);
    for (place, tag) in tags.iter().enumerate() {
        let on = match tag.on {
            SavedTagged::Type(id) => Some(pool.resolved(id)),
            SavedTagged::Function(place) => functions.get(&place).copied(),
            SavedTagged::Variable(place) => variables.get(&place).copied(),
        };
        let Some(on) = on.filter(|&on| on != 0) else { continue };
        let [name, info, word] = head(Kind::DeclTag, tag.value, 0, false, on);
        let origin = (u32::MAX, u32::try_from(place).unwrap_or(u32::MAX));
        pool.intern(&[name, info, word, tag.component.cast_unsigned()], origin)?;
    }
    Ok(())
}

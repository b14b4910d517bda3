//! One file from beginning to end.

use std::path::Path;

use gimli::constants as dw;
use kmod::ElfFile;

use crate::cu_order::CuOrder;
use crate::dedup::{Pool, Scratch};
use crate::dwarf::{Collector, DwarfFile, SKELETON, Sources, UnitHead, Wanted, parameter_registers};
use crate::irregular;
use crate::kfuncs::Kfuncs;
use crate::names::Names;
use crate::report::Report;
use crate::select::{self, Selection};
use crate::symbols::{FUNCTION, Symbols};
use crate::unit::Unit;
use crate::variables::{self, VariableSections};
use crate::{EncodeError, Functions, Options, PreparedBase, pipeline, write};

/// Encodes files, over one base or none.
#[derive(Debug)]
pub struct Encoder<'b> {
    base: Option<&'b PreparedBase>,
    options: Options,
    threads: usize,
    cu_order: Option<CuOrder>,
}

/// What was read of a file.
struct Read<'b> {
    pool: Pool<'b>,
    names: Names<'b>,
    /// The thread that each unit belongs to, in the order in which they were met; empty if there is one thread.
    threads: Vec<u32>,
    report: Report,
}

/// What was encoded.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Encoded {
    /// The content of `.BTF`.
    pub btf: Vec<u8>,
    /// The content of `.BTF.base`, where [`Options::distilled_base`] asked for it and there is a base.
    pub base: Option<Vec<u8>>,
    /// What was and was not encoded.
    pub report: Report,
}

impl<'b> Encoder<'b> {
    /// Encodes whole BTF, as vmlinux has it.
    #[must_use]
    pub const fn new(options: Options) -> Self {
        Self { base: None, options, threads: 1, cu_order: None }
    }

    /// Encodes split BTF over a base, as modules have it.
    #[must_use]
    pub const fn over(base: &'b PreparedBase, options: Options) -> Self {
        Self { base: Some(base), options, threads: 1, cu_order: None }
    }

    /// Reads the units of one file with this many threads; the bytes are the same with any number. Only files with many
    /// units gain by it: modules are better encoded side by side.
    #[must_use]
    pub const fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Takes the CUs in this order in place of the order of the file.
    #[must_use]
    pub fn with_cu_order(mut self, order: CuOrder) -> Self {
        self.cu_order = Some(order);
        self
    }

    /// The names of the functions that each CU defines and that may be written, in the order of the file: what a [`CuOrder`]
    /// can be inferred from.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn function_definitions(&self, elf: &ElfFile) -> Result<Vec<Vec<Vec<u8>>>, EncodeError> {
        let symbols = Symbols::of(elf)?;
        let Read { pool, names, .. } = self.read(elf, &symbols, false, None)?;
        let mut definitions = vec![Vec::new(); pool.units as usize];
        for function in &pool.functions {
            if let Some(unit) = definitions.get_mut(function.unit as usize) {
                unit.push(names.with(function.name, <[u8]>::to_vec));
            }
        }
        Ok(definitions)
    }

    /// Encodes the file at `path`.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn encode(&self, path: impl AsRef<Path>) -> Result<Encoded, EncodeError> {
        self.encode_elf(&ElfFile::open(path)?)
    }

    /// Encodes a file that is open.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn encode_elf(&self, elf: &ElfFile) -> Result<Encoded, EncodeError> {
        let endian = if elf.is_little_endian() { btf::Endian::Little } else { btf::Endian::Big };
        if self.base.is_some_and(|base| base.endian() != endian) {
            return Err(EncodeError::ByteOrder);
        }
        let symbols = Symbols::of(elf)?;
        let sections = VariableSections::of(elf, &symbols, &self.options);
        let read = self.read(elf, &symbols, !sections.is_empty(), self.cu_order.as_ref())?;
        let Read { mut pool, names, threads, mut report } = read;
        if self.options.resolve_forwards {
            pool.resolve_forwards();
        }
        pool.settle()?;
        let has_tags = self.options.kfunc_tags && self.options.decl_tags;
        let kfuncs = if has_tags { Kfuncs::of(elf, &symbols)? } else { Kfuncs::default() };
        let selection = Selection { options: &self.options, kfuncs: &kfuncs, threads: &threads };
        let functions = select::functions(&mut pool, &selection, &names, &mut report)?;
        let variables = variables::variables(&mut pool, &self.options, &sections, &names, &mut report)?;
        select::tags(&mut pool, &functions, &variables)?;
        let (btf, types) = write::write(&pool, &names, endian)?;
        report.types = types;
        let (btf, base) = self.distilled(btf)?;
        Ok(Encoded { btf, base, report })
    }

    /// What was encoded with a base of its own, where one is asked for.
    fn distilled(&self, btf: Vec<u8>) -> Result<(Vec<u8>, Option<Vec<u8>>), EncodeError> {
        let Some(base) = self.base.filter(|_| self.options.distilled_base) else { return Ok((btf, None)) };
        let base = base.to_btf()?;
        let base = btf::Btf::parse(&base)?;
        let distilled = btf::distill::distill(btf::Btf::parse(&btf)?.over(&base))?;
        Ok((distilled.split, Some(distilled.base)))
    }

    /// Reads all units and lets them meet the canonical types.
    fn read(
        &self,
        elf: &ElfFile,
        symbols: &Symbols,
        variables: bool,
        cu_order: Option<&CuOrder>,
    ) -> Result<Read<'b>, EncodeError> {
        let locations = self.options.functions == Functions::Consistent;
        let file = DwarfFile::open(elf, symbols, locations)?.ok_or(EncodeError::NoDwarf)?;
        let names = Names::over(self.base.map(|base| &base.names));
        let mut wanted = self.wanted(&names, symbols)?;
        wanted.variables = variables;
        if locations {
            wanted.registers = parameter_registers(elf.machine());
        }
        let mut pool = Pool::new(self.base);
        pool.has_function_symbols = wanted.functions.is_some();
        let mut report = Report::default();
        let threads = self.units(&file, &names, &wanted, cu_order, &mut pool, &mut report)?;
        report.circles = pool.circles;
        Ok(Read { pool, names, threads, report })
    }

    /// What is wanted of a file's units but variables and locations.
    fn wanted(&self, names: &Names<'_>, symbols: &Symbols) -> Result<Wanted, EncodeError> {
        let options = &self.options;
        let mut functions = crate::dwarf::NameSet::default();
        let mut any = false;
        for symbol in symbols.iter().filter(|symbol| symbol.kind == FUNCTION) {
            any = true;
            let symbol = symbol.name();
            functions.insert(names.number(symbol)?);
            let suffix = symbol.iter().position(|&byte| byte == b'.').filter(|_| options.optimized_functions);
            if let Some(name) = suffix.and_then(|suffix| symbol.get(..suffix)) {
                functions.insert(names.number(name)?);
            }
        }
        Ok(Wanted {
            floats: options.floats,
            enum64: options.enum64,
            type_tags: options.type_tags,
            decl_tags: options.decl_tags,
            exclude_rust: options.exclude_rust,
            variables: false,
            local_variables: options.local_variables,
            functions: (any || !options.functions_without_symbols).then_some(functions),
            registers: &[],
        })
    }

    /// Reads all units and lets them meet the canonical types, in the order of the file or in an explicit one. The thread
    /// of each unit in that.
    fn units(
        &self,
        file: &DwarfFile<'_>,
        names: &Names<'_>,
        wanted: &Wanted,
        cu_order: Option<&CuOrder>,
        pool: &mut Pool<'_>,
        report: &mut Report,
    ) -> Result<Vec<u32>, EncodeError> {
        let heads = file.units()?;
        pool.address_size = heads.first().map_or(8, |head| head.encoding.address_size);
        let reading = Reading { sources: Sources { file, names, wanted }, int: names.number(b"int")? };
        let mut collector = Collector::new(reading.sources);
        let merged = refers_across(file, &heads, &mut collector)?;
        for _ in 0..file.type_units()? {
            report.skip_unit(TYPE_UNIT);
        }
        let mut wanted_heads = Vec::new();
        for head in &heads {
            match left_out(head, merged) {
                Some(reason) => report.skip_unit(reason),
                None => wanted_heads.push(*head),
            }
        }
        let mut threads = Vec::new();
        if let Some(order) = cu_order.filter(|_| !merged) {
            (wanted_heads, threads) = order.arrange(&wanted_heads).into_iter().unzip();
        }
        if merged {
            reading.as_one(&wanted_heads, &mut collector, pool, report)?;
        } else if self.threads > 1 && wanted_heads.len() >= MIN_PARALLEL {
            pipeline::run(&reading, &wanted_heads, self.threads, pool, report)?;
        } else {
            reading.one_by_one(&wanted_heads, &mut collector, pool, report)?;
        }
        Ok(threads)
    }
}

/// What all units of a file are read with.
pub(crate) struct Reading<'r> {
    pub(crate) sources: Sources<'r>,
    /// The number of the name `int`.
    pub(crate) int: u32,
}

impl Reading<'_> {
    /// Adds what a unit declares.
    fn collect(
        &self,
        head: &UnitHead,
        collector: &mut Collector,
        bytes: &mut Vec<u8>,
        unit: &mut Unit,
        report: &mut Report,
    ) -> Result<(), EncodeError> {
        self.sources.file.read_info(head.offset, head.length, bytes)?;
        report.units = report.units.saturating_add(1);
        collector.collect(self.sources, head, bytes, unit, report)
    }

    /// Reads a unit as far as it can be done without knowing the others.
    pub(crate) fn read(
        &self,
        head: &UnitHead,
        collector: &mut Collector,
        bytes: &mut Vec<u8>,
        unit: &mut Unit,
        report: &mut Report,
    ) -> Result<(), EncodeError> {
        unit.clear();
        self.collect(head, collector, bytes, unit, report)?;
        finish(unit, report);
        Ok(())
    }

    fn one_by_one(
        &self,
        heads: &[UnitHead],
        collector: &mut Collector,
        pool: &mut Pool<'_>,
        report: &mut Report,
    ) -> Result<(), EncodeError> {
        let (mut unit, mut scratch, mut bytes) = (Unit::default(), Scratch::default(), Vec::new());
        for head in heads {
            self.read(head, collector, &mut bytes, &mut unit, report)?;
            pool.take(&unit, self.int, &mut scratch)?;
        }
        Ok(())
    }

    fn as_one(
        &self,
        heads: &[UnitHead],
        collector: &mut Collector,
        pool: &mut Pool<'_>,
        report: &mut Report,
    ) -> Result<(), EncodeError> {
        let (mut unit, mut bytes) = (Unit::default(), Vec::new());
        for head in heads {
            self.collect(head, collector, &mut bytes, &mut unit, report)?;
        }
        finish(&mut unit, report);
        pool.take(&unit, self.int, &mut Scratch::default())
    }
}

/// Resolves what a unit's types refer to.
fn finish(unit: &mut Unit, report: &mut Report) {
    irregular::share(unit);
    unit.resolve();
    irregular::mark(unit);
    report.dangling_references = report.dangling_references.saturating_add(unit.dangling);
    unit.sign();
}

/// With fewer units it is not worth to start threads, unless it is done to try them: what is fuzzed is small.
const MIN_PARALLEL: usize = if cfg!(fuzzing) { 2 } else { 64 };

/// Why type units are left out, which `-fdebug-types-section` makes: no build of the kernel asks for them.
const TYPE_UNIT: &str = "a type unit";

/// Why a unit is left out, if it is. Partial units are part of all that refer to them: they are encoded where units are
/// taken as one.
fn left_out(head: &UnitHead, merged: bool) -> Option<&'static str> {
    match head.kind {
        dw::DW_UT_compile => None,
        dw::DW_UT_partial if merged => None,
        dw::DW_UT_partial => Some("a partial unit, as dwz makes them"),
        dw::DW_UT_skeleton => Some(SKELETON),
        dw::DW_UT_type | dw::DW_UT_split_type => Some(TYPE_UNIT),
        _ => Some("a unit of an unknown kind"),
    }
}

/// Whether units refer to each other, as they do after link-time optimisation, so that they have to be taken as one.
fn refers_across(file: &DwarfFile<'_>, heads: &[UnitHead], collector: &mut Collector) -> Result<bool, EncodeError> {
    for head in heads {
        if collector.prepare(file, head)?.refers_across {
            return Ok(true);
        }
    }
    Ok(false)
}

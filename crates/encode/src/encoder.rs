//! One file from beginning to end.

use std::path::Path;

use gimli::constants as dw;
use kmod::ElfFile;
use tracing::{debug_span, info_span};

use crate::base::PreparedBase;
use crate::cu_order::CuOrder;
use crate::cu_reader::CuReader;
use crate::decl_tags;
use crate::dedup::canonical::CanonicalTypes;
use crate::dwarf::file::{CuHeader, DwarfFile};
use crate::dwarf::locations::parameter_registers;
use crate::dwarf::request::{FileContext, NameSet, Requested, SKELETON};
use crate::emit::write;
use crate::error::EncodeError;
use crate::functions::kfuncs::Kfuncs;
use crate::functions::select::{self, FunctionSelection};
use crate::options::{Functions, Options};
use crate::pipeline;
use crate::report::Report;
use crate::strings::interner::StringInterner;
use crate::symbols::{FUNCTION, Symbols};
use crate::variables::{self, VariableSections};

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
    types: CanonicalTypes<'b>,
    names: StringInterner<'b>,
    /// The thread that each CU belongs to, in the order in which they were merged; empty if there is one thread.
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

    /// Reads the CUs of one file with this many threads; the bytes are the same with any number. Only files with many
    /// CUs gain by it: modules are better encoded side by side.
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
        let Read { types, names, .. } = self.read(elf, &symbols, false, None)?;
        let mut definitions = vec![Vec::new(); types.cus as usize];
        for function in &types.functions {
            if let Some(cu) = definitions.get_mut(function.cu.place()) {
                cu.push(names.with(function.name, <[u8]>::to_vec));
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
        let span = info_span!("encode").entered();
        let symbols = debug_span!("symbols").in_scope(|| Symbols::of(elf))?;
        let sections = VariableSections::of(elf, &symbols, &self.options);
        let read = self.read(elf, &symbols, !sections.is_empty(), self.cu_order.as_ref())?;
        let Read { mut types, names, threads, mut report } = read;
        debug_span!("resolve").in_scope(|| {
            if self.options.resolve_forwards {
                types.resolve_forwards();
            }
            types.remap()
        })?;
        let has_tags = self.options.kfunc_tags && self.options.decl_tags;
        let kfuncs = if has_tags { Kfuncs::of(elf, &symbols)? } else { Kfuncs::default() };
        let selection = FunctionSelection { options: &self.options, kfuncs: &kfuncs, threads: &threads };
        let functions =
            debug_span!("functions").in_scope(|| select::functions(&mut types, &selection, &names, &mut report))?;
        let variables = debug_span!("variables")
            .in_scope(|| variables::variables(&mut types, &self.options, &sections, &names, &mut report))?;
        decl_tags::tags(&mut types, &functions, &variables)?;
        let (btf, type_count) = debug_span!("emit").in_scope(|| write::write(&types, &names, endian))?;
        types.breach.check()?;
        names.breach.check()?;
        self.base.map_or(Ok(()), |base| base.breach.check())?;
        report.types = type_count;
        let (btf, base) = debug_span!("distill").in_scope(|| self.distilled(btf))?;
        drop(span);
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

    /// Reads all CUs and merges them into the canonical types.
    fn read(
        &self,
        elf: &ElfFile,
        symbols: &Symbols,
        variables: bool,
        cu_order: Option<&CuOrder>,
    ) -> Result<Read<'b>, EncodeError> {
        let locations = self.options.functions == Functions::Consistent;
        let file = debug_span!("read sections").in_scope(|| DwarfFile::open(elf, symbols, locations))?;
        let file = file.ok_or(EncodeError::NoDwarf)?;
        let names = StringInterner::over(self.base.map(|base| &base.names));
        let mut wanted = self.wanted(&names, symbols)?;
        wanted.variables = variables;
        if locations {
            wanted.registers = parameter_registers(elf.machine());
        }
        let mut types = CanonicalTypes::new(self.base);
        types.has_function_symbols = wanted.functions.is_some();
        let mut report = Report::default();
        let threads = self.cus(&file, &names, &wanted, cu_order, &mut types, &mut report)?;
        report.cycles = types.cycles;
        Ok(Read { types, names, threads, report })
    }

    /// What is wanted of a file's CUs but variables and locations.
    fn wanted(&self, names: &StringInterner<'_>, symbols: &Symbols) -> Result<Requested, EncodeError> {
        let options = &self.options;
        let mut functions = NameSet::default();
        let mut any = false;
        for symbol in symbols.iter().filter(|symbol| symbol.kind == FUNCTION) {
            any = true;
            let symbol = symbol.name();
            functions.insert(names.intern(symbol)?);
            let suffix = symbol.iter().position(|&byte| byte == b'.').filter(|_| options.optimized_functions);
            if let Some(name) = suffix.and_then(|suffix| symbol.get(..suffix)) {
                functions.insert(names.intern(name)?);
            }
        }
        Ok(Requested {
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

    /// Reads all CUs and merges them into the canonical types, in the order of the file or in `cu_order`. The thread of each CU in
    /// that order; nothing without one.
    fn cus(
        &self,
        file: &DwarfFile<'_>,
        names: &StringInterner<'_>,
        wanted: &Requested,
        cu_order: Option<&CuOrder>,
        types: &mut CanonicalTypes<'_>,
        report: &mut Report,
    ) -> Result<Vec<u32>, EncodeError> {
        let headers = file.cus()?;
        types.address_size = headers.first().map_or(8, |header| header.encoding.address_size);
        let context = FileContext { file, names, wanted };
        let int = names.intern(b"int")?;
        let mut reader = CuReader::new(context);
        let as_one = reader.refers_across(&headers)?;
        for _ in 0..file.type_cus()? {
            report.skip_cu(TYPE_UNIT);
        }
        let mut wanted = Vec::new();
        for header in &headers {
            match left_out(header, as_one) {
                Some(reason) => report.skip_cu(reason),
                None => wanted.push(*header),
            }
        }
        let mut threads = Vec::new();
        if let Some(order) = cu_order.filter(|_| !as_one) {
            (wanted, threads) = order.arrange(&wanted).into_iter().unzip();
        }
        if self.threads > 1 && wanted.len() >= MIN_PARALLEL && !as_one {
            report.add(&pipeline::run(context, &wanted, self.threads, int, types)?);
        } else {
            let group = if as_one { wanted.len().max(1) } else { 1 };
            reader.merge(wanted.chunks(group), int, types)?;
        }
        report.add(&reader.report);
        Ok(threads)
    }
}

/// Threads cost more than they gain with fewer CUs than this. Files that are fuzzed are small, and threads are to be tried there.
const MIN_PARALLEL: usize = if cfg!(fuzzing) { 2 } else { 64 };

/// Why type units are left out, which `-fdebug-types-section` makes: no build of the kernel asks for them.
const TYPE_UNIT: &str = "a type unit";

/// Why a CU is left out, if it is. Partial CUs are part of all that refer to them: they are encoded where CUs are read as one.
fn left_out(header: &CuHeader, as_one: bool) -> Option<&'static str> {
    match header.kind {
        dw::DW_UT_compile => None,
        dw::DW_UT_partial if as_one => None,
        dw::DW_UT_partial => Some("a partial unit, as dwz makes them"),
        dw::DW_UT_skeleton => Some(SKELETON),
        dw::DW_UT_type | dw::DW_UT_split_type => Some(TYPE_UNIT),
        _ => Some("a unit of an unknown kind"),
    }
}

//! The walk over a unit's DIEs.

mod declarations;
mod types;

use btf::Kind;
use gimli::{DwForm, constants as dw};

use super::file::{DwarfFile, UnitHead};
use super::form::{self, Malformed};
use super::reader::Reader;
use super::shape::{ATTRS, Attr, Class, Shape, Shapes, Step};
use crate::EncodeError;
use crate::names::Names;
use crate::report::Report;
use crate::unit::{Tagged, Unit, head};

/// What is to be collected.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Floating-point numbers as such, not as integers.
    pub(crate) floats: bool,
    /// Enums of more than 32 bits as such.
    pub(crate) enum64: bool,
    /// Tags on types.
    pub(crate) type_tags: bool,
    /// Tags on declarations.
    pub(crate) decl_tags: bool,
    /// No units written in Rust.
    pub(crate) exclude_rust: bool,
    /// Variables.
    pub(crate) variables: bool,
    /// Variables in functions, too.
    pub(crate) local_variables: bool,
    /// The numbers of the names of functions that may be wanted; `None` for all.
    pub(crate) functions: Option<NameSet>,
}

/// A set of names by number.
#[derive(Debug, Clone, Default)]
pub(crate) struct NameSet(Vec<u64>);

impl NameSet {
    pub(crate) fn insert(&mut self, number: u32) {
        let place = (number >> 6) as usize;
        if place >= self.0.len() {
            self.0.resize(place.saturating_add(1), 0);
        }
        if let Some(word) = self.0.get_mut(place) {
            *word |= 1 << (number & 63);
        }
    }

    #[inline]
    pub(crate) fn contains(&self, number: u32) -> bool {
        self.0.get((number >> 6) as usize).is_some_and(|word| word >> (number & 63) & 1 == 1)
    }
}

/// What all units of a file are collected with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'r> {
    pub(crate) file: &'r DwarfFile<'r>,
    pub(crate) names: &'r Names<'r>,
    pub(crate) wanted: &'r Wanted,
}

/// The most DIEs that lie one in the other.
const MAX_NESTING: usize = 1000;

/// The values that were read of a DIE.
#[derive(Debug, Clone, Copy)]
struct Values {
    seen: u32,
    values: [u64; ATTRS],
    forms: [DwForm; ATTRS],
}

impl Values {
    #[inline]
    fn get(&self, attr: Attr) -> Option<u64> {
        (self.seen >> attr as u32 & 1 == 1).then(|| self.values.get(attr as usize).copied().unwrap_or(0))
    }

    #[inline]
    fn flag(&self, attr: Attr) -> bool {
        self.get(attr).is_some_and(|value| value != 0)
    }

    fn form(&self, attr: Attr) -> DwForm {
        self.forms.get(attr as usize).copied().unwrap_or(dw::DW_FORM_null)
    }

    #[inline]
    fn set(&mut self, attr: Attr, value: u64, form: DwForm) {
        self.seen |= 1 << attr as u32;
        if let (Some(slot), Some(slot_form)) = (self.values.get_mut(attr as usize), self.forms.get_mut(attr as usize)) {
            (*slot, *slot_form) = (value, form);
        }
    }
}

/// A DIE whose children are being read.
#[derive(Debug, Clone, Copy)]
enum Frame {
    /// The unit, a namespace, a block: declarations only.
    Scope { in_function: bool },
    /// A function, if it is wanted.
    Function(Option<u32>),
    /// A struct, union, enum or prototype: its elements are from `start` on in the stack of elements.
    Elements { index: u32, head: [u32; 3], start: usize },
    /// An array.
    Array { index: u32, element: u32, count: u32 },
    /// A pointer that may have type tags: the last one's DIE, if there is any.
    Pointer { index: u32, target: u32, last_tag: Option<u32> },
    /// Something that can only have declaration tags in it.
    Tagged(Option<(Tagged, i32)>),
    /// Something of whose children none is wanted.
    Nothing,
}

/// Collects units, one after the other, with the memory of the ones before.
#[derive(Debug)]
pub(crate) struct Collector {
    shapes: Shapes,
    shapes_of: Option<(u64, form::Encoding)>,
    frames: Vec<Frame>,
    elements: Vec<u32>,
    /// Enums of 64 bits whose signedness is that of another DIE.
    enums: Vec<(u32, u32)>,
}

/// One unit being walked over.
struct Walk<'a, 'u> {
    file: &'a DwarfFile<'a>,
    names: &'a Names<'a>,
    wanted: &'a Wanted,
    head: &'a UnitHead,
    reader: Reader<'a>,
    shapes: &'a Shapes,
    cursor: usize,
    /// Where the unit begins in `.debug_info`.
    base: u32,
    string_offsets: u64,
    addresses: u64,
    frames: &'u mut Vec<Frame>,
    elements: &'u mut Vec<u32>,
    enums: &'u mut Vec<(u32, u32)>,
    unit: &'u mut Unit,
    report: &'u mut Report,
    values: Values,
}

impl Collector {
    pub(crate) fn new() -> Self {
        Self { shapes: Shapes::default(), shapes_of: None, frames: Vec::new(), elements: Vec::new(), enums: Vec::new() }
    }

    /// Reads the abbreviations of a unit, unless they are those of the unit before.
    pub(crate) fn prepare(&mut self, file: &DwarfFile<'_>, head: &UnitHead) -> Result<&Shapes, EncodeError> {
        if self.shapes_of != Some((head.abbreviations, head.encoding)) {
            self.shapes_of = None;
            let rest = usize::try_from(head.abbreviations).ok().and_then(|start| file.abbreviations.get(start..));
            let fail = |source| EncodeError::Dwarf { unit: head.offset, source };
            let rest = rest.ok_or(fail(Malformed::Short { at: file.abbreviations.len() }))?;
            self.shapes.read(rest, file.elf.is_little_endian(), head.encoding).map_err(fail)?;
            self.shapes_of = Some((head.abbreviations, head.encoding));
        }
        Ok(&self.shapes)
    }

    /// Adds what the unit in `bytes` declares to `unit`.
    pub(crate) fn collect(
        &mut self,
        sources: Sources<'_>,
        head: &UnitHead,
        bytes: &[u8],
        unit: &mut Unit,
        report: &mut Report,
    ) -> Result<(), EncodeError> {
        let Sources { file, names, wanted } = sources;
        self.prepare(file, head)?;
        self.frames.clear();
        self.elements.clear();
        self.enums.clear();
        let base = u32::try_from(head.offset).map_err(|_| EncodeError::TooLarge { what: "bytes of .debug_info" })?;
        if u32::try_from(head.offset.saturating_add(head.length)).is_err() {
            return Err(EncodeError::TooLarge { what: "bytes of .debug_info" });
        }
        let mut walk = Walk {
            file,
            names,
            wanted,
            head,
            reader: Reader::new(bytes, file.elf.is_little_endian()).at(head.header_length),
            shapes: &self.shapes,
            cursor: 0,
            base,
            string_offsets: 8,
            addresses: 8,
            frames: &mut self.frames,
            elements: &mut self.elements,
            enums: &mut self.enums,
            unit,
            report,
            values: Values { seen: 0, values: [0; ATTRS], forms: [dw::DW_FORM_null; ATTRS] },
        };
        walk.run()?;
        for &(index, ty) in &self.enums {
            unit.enum_signedness(index, ty);
        }
        Ok(())
    }
}

type Result<T, E = EncodeError> = std::result::Result<T, E>;

impl<'a> Walk<'a, '_> {
    fn run(&mut self) -> Result<()> {
        let Some((_, shape)) = self.next_die()? else { return Ok(()) };
        if shape.class != Class::Unit {
            self.report.unsupported(shape.tag);
            return Ok(());
        }
        self.read(&shape)?;
        self.string_offsets = self.values.get(Attr::StrOffsetsBase).unwrap_or(8);
        self.addresses = self.values.get(Attr::AddrBase).unwrap_or(8);
        if !shape.has_children {
            return Ok(());
        }
        let language = self.number(Attr::Language).map(|language| dw::DwLang(u16::try_from(language).unwrap_or(0)));
        if self.wanted.exclude_rust && language == Some(dw::DW_LANG_Rust) {
            self.report.skip_unit("written in Rust");
            return Ok(());
        }
        self.push(Frame::Scope { in_function: false })?;
        while !self.frames.is_empty() && !self.reader.is_at_end() {
            match self.next_die()? {
                None => self.pop(),
                Some((offset, shape)) => self.die(offset, &shape)?,
            }
        }
        Ok(())
    }

    #[cold]
    fn malformed(&self, source: Malformed) -> EncodeError {
        EncodeError::Dwarf { unit: self.head.offset, source }
    }

    /// The offset and the abbreviation of the next DIE; `None` at the end of a list of children.
    #[inline]
    fn next_die(&mut self) -> Result<Option<(u32, Shape)>> {
        let at = self.reader.position();
        let code = self.reader.uleb().map_err(|error| self.malformed(error))?;
        if code == 0 {
            return Ok(None);
        }
        let shape = self.shapes.get(code).ok_or_else(|| self.malformed(Malformed::Abbreviation { code, at }))?;
        Ok(Some((self.base.wrapping_add(u32::try_from(at).unwrap_or(u32::MAX)), shape)))
    }

    fn push(&mut self, frame: Frame) -> Result<()> {
        if self.frames.len() >= MAX_NESTING {
            return Err(self.malformed(Malformed::Nesting { limit: MAX_NESTING }));
        }
        self.frames.push(frame);
        Ok(())
    }

    /// The end of a list of children.
    fn pop(&mut self) {
        match self.frames.pop() {
            Some(Frame::Elements { index, head, start }) => self.finish_elements(index, head, start),
            Some(Frame::Array { index, element, count }) => self.finish_array(index, element, Some(count)),
            Some(Frame::Pointer { index, target, last_tag }) => {
                self.unit.fill(index, &head(Kind::Ptr, 0, 0, false, last_tag.unwrap_or(target)), &[]);
            }
            _ => {}
        }
    }

    /// Reads what is wanted of a DIE.
    #[inline]
    fn read(&mut self, shape: &Shape) -> Result<()> {
        self.values.seen = 0;
        for step in self.shapes.reading(shape) {
            match *step {
                Step::Bytes(bytes) => self.reader.skip(bytes as usize),
                Step::Value(form) => form::skip(&mut self.reader, form, self.head.encoding),
                Step::Implicit(attr, value) => {
                    self.values.set(attr, value.cast_unsigned(), dw::DW_FORM_implicit_const);
                    Ok(())
                }
                Step::Read(attr, form) => match form {
                    dw::DW_FORM_ref4 => self.reader.u32().map(|value| self.values.set(attr, u64::from(value), form)),
                    dw::DW_FORM_data1 => self.reader.u8().map(|value| self.values.set(attr, u64::from(value), form)),
                    dw::DW_FORM_data2 => self.reader.u16().map(|value| self.values.set(attr, u64::from(value), form)),
                    form => self.read_value(attr, form),
                },
            }
            .map_err(|error| self.malformed(error))?;
        }
        Ok(())
    }

    /// Reads a value. Of a string, an expression, or what a section holds, the position is kept.
    fn read_value(&mut self, attr: Attr, form: DwForm) -> Result<(), Malformed> {
        let reader = &mut self.reader;
        let encoding = self.head.encoding;
        let form = if form == dw::DW_FORM_indirect { form::indirect(reader)? } else { form };
        let position = reader.position() as u64;
        let value = match form {
            dw::DW_FORM_strp
            | dw::DW_FORM_line_strp
            | dw::DW_FORM_string
            | dw::DW_FORM_exprloc
            | dw::DW_FORM_block
            | dw::DW_FORM_block1
            | dw::DW_FORM_block2
            | dw::DW_FORM_block4
            | dw::DW_FORM_sec_offset
            | dw::DW_FORM_ref_addr
            | dw::DW_FORM_addr => {
                form::skip(reader, form, encoding)?;
                position
            }
            dw::DW_FORM_flag_present => 1,
            dw::DW_FORM_data1 | dw::DW_FORM_ref1 | dw::DW_FORM_flag | dw::DW_FORM_strx1 => u64::from(reader.u8()?),
            dw::DW_FORM_data2 | dw::DW_FORM_ref2 | dw::DW_FORM_strx2 => u64::from(reader.u16()?),
            dw::DW_FORM_strx3 => u64::from(reader.u24()?),
            dw::DW_FORM_data4 | dw::DW_FORM_ref4 | dw::DW_FORM_strx4 => u64::from(reader.u32()?),
            dw::DW_FORM_data8 | dw::DW_FORM_ref8 => reader.u64()?,
            dw::DW_FORM_udata | dw::DW_FORM_ref_udata | dw::DW_FORM_strx => reader.uleb()?,
            dw::DW_FORM_sdata => reader.sleb()?.cast_unsigned(),
            other => return form::skip(reader, other, encoding),
        };
        self.values.set(attr, value, form);
        Ok(())
    }

    /// Passes over a DIE, to its next sibling if it says where that is, else with all its children.
    fn pass(&mut self, shape: &Shape) -> Result<()> {
        let mut depth = 0usize;
        let mut shape = *shape;
        loop {
            let sibling = self.pass_one(&shape).map_err(|error| self.malformed(error))?;
            if shape.has_children {
                match sibling {
                    Some(sibling) => self.reader.jump(sibling).map_err(|error| self.malformed(error))?,
                    None => depth = depth.saturating_add(1),
                }
            }
            loop {
                if depth == 0 {
                    return Ok(());
                }
                match self.next_die()? {
                    None => depth = depth.wrapping_sub(1),
                    Some((_, next)) => {
                        shape = next;
                        break;
                    }
                }
            }
        }
    }

    /// Passes over a DIE's attributes. Where its next sibling is, if it says so.
    #[inline]
    fn pass_one(&mut self, shape: &Shape) -> Result<Option<usize>, Malformed> {
        let mut sibling = None;
        for step in self.shapes.passing(shape) {
            match *step {
                Step::Bytes(bytes) => self.reader.skip(bytes as usize)?,
                Step::Value(form) => form::skip(&mut self.reader, form, self.head.encoding)?,
                Step::Read(_, form @ (dw::DW_FORM_ref4 | dw::DW_FORM_ref1 | dw::DW_FORM_ref2 | dw::DW_FORM_ref8)) => {
                    let size = form::fixed_size(form, self.head.encoding).unwrap_or(0);
                    let target = self.reader.word(u8::try_from(size).unwrap_or(0))?;
                    sibling = usize::try_from(target).ok();
                }
                Step::Read(_, dw::DW_FORM_ref_udata) => sibling = usize::try_from(self.reader.uleb()?).ok(),
                Step::Read(_, form) => form::skip(&mut self.reader, form, self.head.encoding)?,
                Step::Implicit(..) => {}
            }
        }
        Ok(sibling)
    }

    /// The number of the name that an attribute holds; 0 if it has none.
    #[inline]
    fn name(&mut self, attr: Attr) -> Result<u32> {
        let Some(value) = self.values.get(attr) else { return Ok(0) };
        let form = self.values.form(attr);
        let position = usize::try_from(value).unwrap_or(usize::MAX);
        match form {
            dw::DW_FORM_strp => {
                let raw = self.word_at(position)?;
                let offset = self.relocated(position, raw)?.0;
                self.file.name(self.names, offset)
            }
            dw::DW_FORM_string => {
                let string = self.reader.at(position).string().map_err(|error| self.malformed(error))?;
                self.names.number(string)
            }
            dw::DW_FORM_line_strp => {
                let raw = self.word_at(position)?;
                let offset = self.relocated(position, raw)?.0;
                self.file.line_name(self.names, offset)
            }
            dw::DW_FORM_strx
            | dw::DW_FORM_strx1
            | dw::DW_FORM_strx2
            | dw::DW_FORM_strx3
            | dw::DW_FORM_strx4
            | dw::DW_FORM_GNU_str_index => self.file.indexed_name(self.names, self.head, self.string_offsets, value),
            form => {
                self.report.unsupported_form(form);
                Ok(0)
            }
        }
    }

    fn word_at(&self, position: usize) -> Result<u64> {
        let word = self.reader.at(position).word(self.head.encoding.offset_size);
        word.map_err(|error| self.malformed(error))
    }

    #[inline]
    fn relocated(&mut self, position: usize, raw: u64) -> Result<(u64, Option<u32>)> {
        let at = self.head.offset.saturating_add(position as u64);
        self.file.relocated(&self.file.relocations, &mut self.cursor, at, raw)
    }

    /// The offset in `.debug_info` of the DIE that an attribute refers to; 0 if it has none.
    #[inline]
    fn reference(&mut self, attr: Attr) -> Result<u32> {
        let Some(value) = self.values.get(attr) else { return Ok(0) };
        match self.values.form(attr) {
            dw::DW_FORM_ref4 | dw::DW_FORM_ref1 | dw::DW_FORM_ref2 | dw::DW_FORM_ref8 | dw::DW_FORM_ref_udata => {
                Ok(u32::try_from(value).ok().and_then(|value| value.checked_add(self.base)).unwrap_or(DANGLING))
            }
            dw::DW_FORM_ref_addr => {
                let position = usize::try_from(value).unwrap_or(usize::MAX);
                let raw = self.word_at(position)?;
                Ok(u32::try_from(self.relocated(position, raw)?.0).unwrap_or(DANGLING))
            }
            form => {
                self.report.unsupported_form(form);
                Ok(DANGLING)
            }
        }
    }

    /// A number that an attribute holds; `None` if it has none or it is not a plain number.
    #[inline]
    fn number(&self, attr: Attr) -> Option<u64> {
        let value = self.values.get(attr)?;
        let is_number = matches!(
            self.values.form(attr),
            dw::DW_FORM_data1
                | dw::DW_FORM_data2
                | dw::DW_FORM_data4
                | dw::DW_FORM_data8
                | dw::DW_FORM_udata
                | dw::DW_FORM_sdata
                | dw::DW_FORM_implicit_const
        );
        is_number.then_some(value)
    }

    fn die(&mut self, offset: u32, shape: &Shape) -> Result<()> {
        let frame = self.frames.last().copied().unwrap_or(Frame::Nothing);
        match (shape.class, frame) {
            (_, Frame::Nothing) | (Class::Ignored, _) => self.pass(shape),
            (Class::Member, Frame::Elements { index, .. }) => self.member(shape, index),
            (Class::Parameter, Frame::Elements { .. }) => self.prototype_parameter(shape),
            (Class::Variadic, Frame::Elements { .. }) => {
                self.elements.extend([0, 0]);
                self.pass(shape)
            }
            (Class::Enumerator, Frame::Elements { head, .. }) => self.enumerator(shape, head),
            (Class::Parameter, Frame::Function(Some(function))) => self.parameter(offset, shape, function),
            (Class::Variadic, Frame::Function(function)) => {
                if let Some(function) = function.and_then(|index| self.unit.functions.get_mut(index as usize)) {
                    function.is_variadic = true;
                }
                self.pass(shape)
            }
            (Class::Subrange, Frame::Array { .. }) => self.subrange(shape),
            (Class::Annotation, frame) => self.annotation(offset, shape, frame),
            (Class::BaseType, _) => self.base_type(offset, shape),
            (Class::Pointer, _) => self.pointer(offset, shape),
            (Class::Qualifier | Class::Typedef, _) => self.reference_type(offset, shape),
            (Class::Transparent | Class::Nothing, _) => self.alias(offset, shape),
            (Class::Composite, _) => self.composite(offset, shape),
            (Class::Enumeration, _) => self.enumeration(offset, shape),
            (Class::Array, _) => self.array(offset, shape),
            (Class::Prototype, _) => self.prototype(offset, shape),
            (Class::Function, _) => self.function(offset, shape),
            (Class::Variable, frame) => self.variable(offset, shape, frame),
            (Class::Scope, frame) => self.scope(shape, frame),
            (Class::Unsupported, _) => {
                self.report.unsupported(shape.tag);
                self.pass(shape)
            }
            _ => self.pass(shape),
        }
    }

    /// Goes on with a DIE's children, or leaves them out if only the frame's end matters and there are none.
    fn enter(&mut self, shape: &Shape, frame: Frame) -> Result<()> {
        self.push(frame)?;
        if !shape.has_children {
            self.pop();
        }
        Ok(())
    }
}

/// The offset of no DIE.
const DANGLING: u32 = u32::MAX.wrapping_sub(1);

//! The walk over a unit's DIEs.

use btf::{IntData, Kind};
use gimli::{DwForm, constants as dw};

use super::file::{DwarfFile, UnitHead};
use super::form::{self, Malformed};
use super::reader::Reader;
use super::shape::{ATTRS, Attr, Class, Shape, Shapes, Step};
use crate::EncodeError;
use crate::names::Names;
use crate::record::make_info;
use crate::report::Report;
use crate::unit::{DeclTag, Function, INDEX, Param, Tagged, Unit, Variable, element_words, head};

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
        file: &DwarfFile<'_>,
        names: &Names<'_>,
        wanted: &Wanted,
        head: &UnitHead,
        bytes: &[u8],
        unit: &mut Unit,
        report: &mut Report,
    ) -> Result<(), EncodeError> {
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

    fn base_type(&mut self, offset: u32, shape: &Shape) -> Result<()> {
        self.read(shape)?;
        let name = self.name(Attr::Name)?;
        let size = self.number(Attr::ByteSize).unwrap_or(0);
        let encoding = dw::DwAte(u8::try_from(self.number(Attr::Encoding).unwrap_or(0)).unwrap_or(0));
        if encoding == dw::DW_ATE_float && self.wanted.floats {
            let size = u32::try_from(size).unwrap_or(0);
            self.unit.add(offset, &head(Kind::Float, name, 0, false, size));
            return self.enter(shape, Frame::Nothing);
        }
        let flags = match encoding {
            dw::DW_ATE_signed | dw::DW_ATE_signed_char => IntData::SIGNED,
            dw::DW_ATE_boolean => IntData::BOOL,
            _ => 0,
        };
        let (name, size) = match size {
            1 | 2 | 4 | 8 | 16 => (name, u8::try_from(size).unwrap_or(4)),
            _ => (self.names.number(b"__SANITIZED_FAKE_INT__")?, 4),
        };
        let [name, info, word] = head(Kind::Int, name, 0, false, u32::from(size));
        let data = IntData::new(flags, 0, size.saturating_mul(8));
        let index = self.unit.add(offset, &[name, info, word, data.0]);
        if self.unit.int.is_none() && name != 0 && self.names.with(name, |name| name == b"int") {
            self.unit.int = Some(index);
        }
        self.enter(shape, Frame::Nothing)
    }

    fn pointer(&mut self, offset: u32, shape: &Shape) -> Result<()> {
        self.read(shape)?;
        let target = self.reference(Attr::Type)?;
        let index = self.unit.reserve(offset);
        self.enter(shape, Frame::Pointer { index, target, last_tag: None })
    }

    fn reference_type(&mut self, offset: u32, shape: &Shape) -> Result<()> {
        self.read(shape)?;
        let kind = match shape.tag {
            dw::DW_TAG_const_type => Kind::Const,
            dw::DW_TAG_volatile_type => Kind::Volatile,
            dw::DW_TAG_restrict_type => Kind::Restrict,
            _ => Kind::Typedef,
        };
        let name = self.name(Attr::Name)?;
        let target = self.reference(Attr::Type)?;
        let index = self.unit.add(offset, &head(kind, name, 0, false, target));
        self.enter(shape, Frame::Tagged((kind == Kind::Typedef).then_some((Tagged::Type(index), -1))))
    }

    /// A type that means another, or nothing.
    fn alias(&mut self, offset: u32, shape: &Shape) -> Result<()> {
        self.read(shape)?;
        let target = self.reference(Attr::Type)?;
        self.unit.aliases.push((offset, target));
        self.enter(shape, Frame::Nothing)
    }

    fn composite(&mut self, offset: u32, shape: &Shape) -> Result<()> {
        self.read(shape)?;
        let name = self.name(Attr::Name)?;
        let is_union = shape.tag == dw::DW_TAG_union_type;
        if self.values.flag(Attr::Declaration) {
            self.unit.add(offset, &head(Kind::Fwd, name, 0, is_union, 0));
            return self.enter(shape, Frame::Scope { in_function: false });
        }
        let size = u32::try_from(self.number(Attr::ByteSize).unwrap_or(0)).unwrap_or(u32::MAX);
        let kind = if is_union { Kind::Union } else { Kind::Struct };
        let index = self.unit.reserve(offset);
        let start = self.elements.len();
        self.enter(shape, Frame::Elements { index, head: head(kind, name, 0, false, size), start })
    }

    fn member(&mut self, shape: &Shape, composite: u32) -> Result<()> {
        self.read(shape)?;
        let is_static = self.values.flag(Attr::External) || self.values.flag(Attr::Declaration);
        if is_static {
            return self.enter(shape, Frame::Nothing);
        }
        let name = self.name(Attr::Name)?;
        let ty = self.reference(Attr::Type)?;
        let bit_size = self.number(Attr::BitSize).unwrap_or(0);
        let offset = match self.number(Attr::DataBitOffset) {
            Some(offset) => offset,
            None => self.member_bit_offset(bit_size)?,
        };
        let component = self.component(composite);
        // The size of a bit-field goes to the upper bits, as it does where kflag is set: see `finish_elements`.
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let bit_size = u32::try_from(bit_size).unwrap_or(u32::MAX).min(0xff);
        if bit_size != 0 && offset > 0x00ff_ffff {
            self.report.too_far_bit_fields = self.report.too_far_bit_fields.saturating_add(1);
        }
        let word = if bit_size == 0 { offset } else { (bit_size << 24) | (offset & 0x00ff_ffff) };
        self.elements.extend([name, ty, word]);
        if let Some(Frame::Elements { head, .. }) = self.frames.last_mut() {
            head[1] |= u32::from(bit_size != 0) << 31;
        }
        self.enter(shape, Frame::Tagged(Some((Tagged::Type(composite), component))))
    }

    /// How many members the struct has so far.
    fn component(&self, composite: u32) -> i32 {
        match self.frames.last() {
            Some(&Frame::Elements { index, start, .. }) if index == composite => {
                i32::try_from(self.elements.len().saturating_sub(start) / 3).unwrap_or(i32::MAX)
            }
            _ => -1,
        }
    }

    /// Where a member begins, in bits, as DWARF up to version 4 says it: its byte, and for a bit-field how far its highest
    /// bit is from the highest bit of what holds it.
    fn member_bit_offset(&mut self, bit_size: u64) -> Result<u64> {
        let bytes = match self.values.get(Attr::MemberLocation) {
            None => 0,
            Some(value) => match self.number(Attr::MemberLocation) {
                Some(bytes) => bytes,
                None => self.constant_expression(value)?,
            },
        };
        let bits = bytes.wrapping_mul(8);
        let Some(from_top) = self.number(Attr::BitOffset).filter(|_| bit_size != 0) else { return Ok(bits) };
        if !self.file.elf.is_little_endian() {
            return Ok(bits.wrapping_add(from_top));
        }
        let holder = self.number(Attr::ByteSize).unwrap_or(4).wrapping_mul(8);
        Ok(bits.wrapping_add(holder).wrapping_sub(from_top).wrapping_sub(bit_size))
    }

    /// The value of an expression that is one constant.
    fn constant_expression(&mut self, position: u64) -> Result<u64> {
        let mut reader = self.reader.at(usize::try_from(position).unwrap_or(usize::MAX));
        let block = form::block(&mut reader, self.values.form(Attr::MemberLocation));
        let block = block.map_err(|error| self.malformed(error))?;
        let mut reader = Reader::new(block, self.file.elf.is_little_endian());
        match reader.u8().map(dw::DwOp) {
            Ok(dw::DW_OP_plus_uconst | dw::DW_OP_constu) => reader.uleb().map_err(|error| self.malformed(error)),
            _ => {
                self.report.unsupported_form(self.values.form(Attr::MemberLocation));
                Ok(0)
            }
        }
    }

    fn enumeration(&mut self, offset: u32, shape: &Shape) -> Result<()> {
        self.read(shape)?;
        let name = self.name(Attr::Name)?;
        let ty = self.reference(Attr::Type)?;
        let size = u32::try_from(self.number(Attr::ByteSize).unwrap_or(4)).unwrap_or(4);
        let kind = if size > 4 && self.wanted.enum64 { Kind::Enum64 } else { Kind::Enum };
        let index = self.unit.reserve(offset);
        if kind == Kind::Enum64 && ty != 0 {
            self.enums.push((index, ty));
        }
        let start = self.elements.len();
        let size = if size == 0 { 4 } else { size };
        self.enter(shape, Frame::Elements { index, head: head(kind, name, 0, false, size), start })
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a value")]
    fn enumerator(&mut self, shape: &Shape, enumeration: [u32; 3]) -> Result<()> {
        self.read(shape)?;
        let name = self.name(Attr::Name)?;
        let value = self.number(Attr::ConstValue).unwrap_or(0);
        if crate::record::kind(&enumeration) == Kind::Enum64 {
            self.elements.extend([name, value as u32, (value >> 32) as u32]);
        } else {
            self.elements.extend([name, value as u32]);
            let is_negative = self.wanted.enum64 && value.cast_signed() < 0;
            if let Some(Frame::Elements { head, .. }) = self.frames.last_mut() {
                head[1] |= u32::from(is_negative) << 31;
            }
        }
        self.enter(shape, Frame::Nothing)
    }

    /// Puts the elements of a struct, union, enum or prototype behind its head.
    fn finish_elements(&mut self, index: u32, mut head: [u32; 3], start: usize) {
        let kind = crate::record::kind(&head);
        let elements = self.elements.get(start..).unwrap_or_default();
        let vlen = elements.len().checked_div(element_words(kind)).unwrap_or(0);
        head[1] |= make_info(Kind::Void, u32::try_from(vlen).unwrap_or(u32::MAX), false);
        self.unit.fill(index, &head, elements);
        self.elements.truncate(start);
    }

    fn array(&mut self, offset: u32, shape: &Shape) -> Result<()> {
        self.read(shape)?;
        let element = self.reference(Attr::Type)?;
        let index = self.unit.reserve(offset);
        self.unit.has_arrays = true;
        self.enter(shape, Frame::Array { index, element, count: 1 })
    }

    fn finish_array(&mut self, index: u32, element: u32, count: Option<u32>) {
        let info = make_info(Kind::Array, 0, false);
        self.unit.fill(index, &[0, info, 0, element, INDEX, count.unwrap_or(0)], &[]);
    }

    /// A dimension of an array. BTF has arrays of arrays, but one with the product of the dimensions is what is written
    /// for several.
    #[expect(clippy::cast_possible_truncation, reason = "counts are written in 32 bits, as pahole does")]
    fn subrange(&mut self, shape: &Shape) -> Result<()> {
        self.read(shape)?;
        let bound = match (self.values.get(Attr::UpperBound), self.number(Attr::UpperBound)) {
            (Some(_), bound) => bound.map_or(0, |bound| (bound as u32).wrapping_add(1)),
            (None, _) => self.number(Attr::Count).map_or(0, |count| count as u32),
        };
        if let Some(Frame::Array { count, .. }) = self.frames.last_mut() {
            *count = count.wrapping_mul(bound);
        }
        self.enter(shape, Frame::Nothing)
    }

    fn prototype(&mut self, offset: u32, shape: &Shape) -> Result<()> {
        self.read(shape)?;
        let returns = self.reference(Attr::Type)?;
        let index = self.unit.reserve(offset);
        let start = self.elements.len();
        self.enter(shape, Frame::Elements { index, head: head(Kind::FuncProto, 0, 0, false, returns), start })
    }

    fn prototype_parameter(&mut self, shape: &Shape) -> Result<()> {
        self.read(shape)?;
        let name = self.name(Attr::Name)?;
        let ty = self.reference(Attr::Type)?;
        self.elements.extend([name, ty]);
        self.enter(shape, Frame::Nothing)
    }

    fn function(&mut self, offset: u32, shape: &Shape) -> Result<()> {
        self.read(shape)?;
        let name = self.name(Attr::Name)?;
        let known = |names: &NameSet| names.contains(name);
        let abstract_origin = self.reference(Attr::AbstractOrigin)?;
        let specification = self.reference(Attr::Specification)?;
        let is_wanted = name == 0 || self.wanted.functions.as_ref().is_none_or(known);
        if !is_wanted {
            return self.enter(shape, Frame::Function(None));
        }
        let returns = self.reference(Attr::Type)?;
        let index = u32::try_from(self.unit.functions.len()).unwrap_or(u32::MAX);
        self.unit.functions.push(Function {
            offset,
            name,
            returns,
            origin: if abstract_origin == 0 { specification } else { abstract_origin },
            is_instance: abstract_origin != 0,
            first_param: u32::try_from(self.unit.params.len()).unwrap_or(u32::MAX),
            is_declaration: self.values.seen >> Attr::Declaration as u32 & 1 == 1,
            is_external: self.values.flag(Attr::External),
            ..Function::default()
        });
        self.enter(shape, Frame::Function(Some(index)))
    }

    fn parameter(&mut self, offset: u32, shape: &Shape, function: u32) -> Result<()> {
        self.read(shape)?;
        let name = self.name(Attr::Name)?;
        let ty = self.reference(Attr::Type)?;
        let origin = self.reference(Attr::AbstractOrigin)?;
        let place = self.unit.params.len();
        let mut component = -1;
        if let Some(function) = self.unit.functions.get_mut(function as usize) {
            if function.first_param.saturating_add(function.param_count) as usize == place {
                component = i32::try_from(function.param_count).unwrap_or(-1);
                function.param_count = function.param_count.saturating_add(1);
                self.unit.params.push(Param { offset, name, ty, origin });
            }
        }
        self.enter(shape, Frame::Tagged(Some((Tagged::Function(function), component))))
    }

    fn variable(&mut self, offset: u32, shape: &Shape, frame: Frame) -> Result<()> {
        let is_top_level = matches!(frame, Frame::Scope { in_function: false });
        if !self.wanted.variables || !(is_top_level || self.wanted.local_variables) {
            return self.pass(shape);
        }
        self.read(shape)?;
        let is_declaration = self.values.flag(Attr::Declaration);
        let address = if is_declaration { None } else { self.address()? };
        if address.is_none() && !is_declaration {
            return self.enter(shape, Frame::Nothing);
        }
        let name = self.name(Attr::Name)?;
        let ty = self.reference(Attr::Type)?;
        let specification = self.reference(Attr::Specification)?;
        let (address, section) = address.unwrap_or_default();
        let index = u32::try_from(self.unit.variables.len()).unwrap_or(u32::MAX);
        self.unit.variables.push(Variable {
            offset,
            name,
            ty,
            specification,
            is_external: self.values.flag(Attr::External),
            is_declaration,
            is_top_level,
            is_artificial: self.values.flag(Attr::Artificial),
            section,
            address,
        });
        self.enter(shape, Frame::Tagged(Some((Tagged::Variable(index), -1))))
    }

    /// The address that a variable always has, and its section.
    fn address(&mut self) -> Result<Option<(u64, Option<u32>)>> {
        let Some(position) = self.values.get(Attr::Location) else { return Ok(None) };
        let form = self.values.form(Attr::Location);
        if !matches!(form, dw::DW_FORM_exprloc | dw::DW_FORM_block | dw::DW_FORM_block1) {
            return Ok(None);
        }
        let mut reader = self.reader.at(usize::try_from(position).unwrap_or(usize::MAX));
        let length = match form {
            dw::DW_FORM_block1 => reader.u8().map(u64::from),
            _ => reader.uleb(),
        };
        if length.map_err(|error| self.malformed(error))? == 0 {
            return Ok(None);
        }
        match reader.u8().map(dw::DwOp).map_err(|error| self.malformed(error))? {
            dw::DW_OP_addr => {
                let at = reader.position();
                let raw = reader.word(self.head.encoding.address_size).map_err(|error| self.malformed(error))?;
                self.relocated(at, raw).map(Some)
            }
            dw::DW_OP_addrx | dw::DW_OP_GNU_addr_index => {
                let index = reader.uleb().map_err(|error| self.malformed(error))?;
                self.file.indexed_address(self.head, self.addresses, index).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn scope(&mut self, shape: &Shape, frame: Frame) -> Result<()> {
        self.pass_one_into(shape)?;
        let in_function = match frame {
            Frame::Scope { in_function } => in_function,
            _ => true,
        };
        self.enter(shape, Frame::Scope { in_function: in_function || shape.tag == dw::DW_TAG_lexical_block })
    }

    fn pass_one_into(&mut self, shape: &Shape) -> Result<()> {
        self.pass_one(shape).map(|_| ()).map_err(|error| self.malformed(error))
    }

    /// A tag: `btf_type_tag` in a pointer, `btf_decl_tag` elsewhere.
    fn annotation(&mut self, offset: u32, shape: &Shape, frame: Frame) -> Result<()> {
        self.read(shape)?;
        let name = self.name(Attr::Name)?;
        let is = |expected: &[u8]| self.names.with(name, |name| name == expected);
        let (is_type_tag, is_decl_tag) = (is(b"btf_type_tag"), is(b"btf_decl_tag"));
        let value = self.name(Attr::ConstValue)?;
        match frame {
            Frame::Pointer { target, last_tag, .. } if is_type_tag && self.wanted.type_tags => {
                self.unit.add(offset, &head(Kind::TypeTag, value, 0, false, last_tag.unwrap_or(target)));
                if let Some(Frame::Pointer { last_tag, .. }) = self.frames.last_mut() {
                    *last_tag = Some(offset);
                }
            }
            _ if is_decl_tag && self.wanted.decl_tags => {
                let on = match frame {
                    Frame::Elements { index, .. } => Some((Tagged::Type(index), -1)),
                    Frame::Function(function) => function.map(|index| (Tagged::Function(index), -1)),
                    Frame::Tagged(on) => on,
                    _ => None,
                };
                self.unit.tags.extend(on.map(|(on, component)| DeclTag { on, component, value }));
            }
            _ => {}
        }
        self.enter(shape, Frame::Nothing)
    }
}

/// The offset of no DIE.
const DANGLING: u32 = u32::MAX.wrapping_sub(1);

impl Unit {
    /// Gives an enum of 64 bits the signedness of the type that it says it has.
    fn enum_signedness(&mut self, index: u32, ty: u32) {
        let is_signed = self.at_offset(ty).is_some_and(|ty| {
            let words = self.get(ty);
            crate::record::kind(words) == Kind::Int
                && words.get(3).is_some_and(|&data| IntData(data).encoding() & IntData::SIGNED != 0)
        });
        if let Some(info) = self.get_mut(index).get_mut(1) {
            *info |= u32::from(is_signed) << 31;
        }
    }
}

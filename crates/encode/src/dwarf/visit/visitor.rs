//! The walk over a unit's DIEs.

mod declarations;
mod pass;
mod registers;
mod types;
mod values;

use btf::Kind;
use gimli::constants as dw;

use super::file::{DwarfFile, UnitHead};
use super::form::{self, Malformed};
use super::reader::Reader;
use super::shape::{Attr, Class, Shape, Shapes};
use super::strings::Recall;
use crate::EncodeError;
use crate::names::Names;
use crate::record::kind;
use crate::report::Report;
use crate::unit::{Tagged, Unit, head};
use registers::Window;
use values::Values;

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
    /// The registers that the first parameters of functions should be in, if it is wanted whether they are.
    pub(crate) registers: &'static [u8],
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

/// Why a unit is left out whose contents are in another file.
pub(crate) const SKELETON: &str = "a skeleton unit, whose contents are in another file";

/// The most DIEs that lie one in the other.
const MAX_NESTING: usize = 1000;

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

impl Frame {
    /// Whether there is something to be done behind the children.
    #[inline]
    const fn has_end(&self) -> bool {
        matches!(self, Self::Elements { .. } | Self::Array { .. } | Self::Pointer { .. })
    }
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
    window: Window,
    recall: Recall,
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
    is_rust: bool,
    string_offsets: u64,
    addresses: u64,
    lists: u64,
    frames: &'u mut Vec<Frame>,
    elements: &'u mut Vec<u32>,
    enums: &'u mut Vec<(u32, u32)>,
    window: &'u mut Window,
    recall: &'u mut Recall,
    unit: &'u mut Unit,
    report: &'u mut Report,
    values: Values,
}

impl Collector {
    /// For the units of a file.
    pub(crate) fn new(Sources { file, names, .. }: Sources<'_>) -> Self {
        Self {
            shapes: Shapes::default(),
            shapes_of: None,
            frames: Vec::new(),
            elements: Vec::new(),
            enums: Vec::new(),
            window: Window::default(),
            recall: Recall::new(names, file.strings.len()),
        }
    }

    /// Reads the abbreviations of a unit, unless they are those of the unit before.
    pub(crate) fn prepare(&mut self, file: &DwarfFile<'_>, head: &UnitHead) -> Result<&Shapes, EncodeError> {
        if self.shapes_of != Some((head.abbreviations, head.encoding)) {
            self.shapes_of = None;
            let rest = usize::try_from(head.abbreviations).ok().and_then(|start| file.abbreviations.get(start..));
            let fail = |source| EncodeError::Dwarf { unit: head.offset, source };
            let rest = rest.ok_or(fail(Malformed::Short { at: file.abbreviations.len() }))?;
            let little = file.elf.is_little_endian();
            self.shapes.read(rest, little, head.encoding, file.wants_locations).map_err(fail)?;
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
            is_rust: false,
            string_offsets: 0,
            addresses: 0,
            lists: 0,
            frames: &mut self.frames,
            elements: &mut self.elements,
            enums: &mut self.enums,
            window: &mut self.window,
            recall: &mut self.recall,
            unit,
            report,
            values: Values::NONE,
        };
        walk.run().map_err(|error| *error)?;
        for &(index, ty) in &self.enums {
            unit.enum_signedness(index, ty);
        }
        Ok(())
    }
}

/// Boxed, so that results of every step of the walk fit into registers.
type Result<T, E = Box<EncodeError>> = std::result::Result<T, E>;

impl<'a> Walk<'a, '_> {
    fn run(&mut self) -> Result<()> {
        let Some((_, shape)) = self.next_die()? else { return Ok(()) };
        if shape.class != Class::Unit {
            self.report.unsupported(shape.tag);
            return Ok(());
        }
        self.read(shape)?;
        // Where a unit does not say where its part of a table begins, it is the first one, behind the table's header.
        let short = u64::from(self.head.encoding.offset_size);
        self.string_offsets = self.section_offset(Attr::StrOffsetsBase)?.unwrap_or(short.saturating_mul(2));
        self.addresses = self.section_offset(Attr::AddrBase)?.unwrap_or(short.saturating_mul(2));
        self.lists = self.section_offset(Attr::LoclistsBase)?.unwrap_or(short.saturating_mul(2).saturating_add(4));
        if !shape.has_children {
            if self.values.get(Attr::DwoName).is_some() {
                self.report.leave_out_unit(SKELETON);
            }
            return Ok(());
        }
        let language = self.number(Attr::Language).map(|language| dw::DwLang(u16::try_from(language).unwrap_or(0)));
        self.is_rust = language == Some(dw::DW_LANG_Rust);
        if self.wanted.exclude_rust && self.is_rust {
            self.report.leave_out_unit("written in Rust");
            return Ok(());
        }
        self.push(Frame::Scope { in_function: false })?;
        while !self.frames.is_empty() && !self.reader.is_at_end() {
            match self.next_die()? {
                None => self.pop(),
                Some((offset, shape)) => self.die(offset, shape)?,
            }
        }
        // The end of a unit ends all lists of children.
        while !self.frames.is_empty() {
            self.pop();
        }
        Ok(())
    }

    #[cold]
    fn malformed(&self, source: Malformed) -> Box<EncodeError> {
        Box::new(EncodeError::Dwarf { unit: self.head.offset, source })
    }

    /// The offset and the abbreviation of the next DIE; `None` at the end of a list of children.
    #[inline]
    fn next_die(&mut self) -> Result<Option<(u32, &'a Shape)>> {
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
        if let Some(frame) = self.frames.pop() {
            self.finish(frame);
        }
    }

    fn finish(&mut self, frame: Frame) {
        match frame {
            Frame::Elements { index, head, start } => self.finish_elements(index, head, start),
            Frame::Array { index, element, count } => self.finish_array(index, element, Some(count)),
            Frame::Pointer { index, target, last_tag } => {
                self.unit.fill(index, &head(Kind::Ptr, 0, 0, false, last_tag.unwrap_or(target)), &[]);
            }
            _ => {}
        }
    }

    // Left to itself, the compiler makes it a call of its own, which costs a twentieth of the whole.
    #[inline(always)]
    fn die(&mut self, offset: u32, shape: &Shape) -> Result<()> {
        let frame = self.frames.last().copied().unwrap_or(Frame::Nothing);
        match (shape.class, frame) {
            (_, Frame::Nothing) | (Class::Ignored, _) => self.pass(shape),
            (Class::Member, Frame::Elements { index, head, .. }) if kind(&head).is_composite() => {
                self.member(shape, index)
            }
            (Class::Parameter, Frame::Elements { head, .. }) if kind(&head) == Kind::FuncProto => {
                self.prototype_parameter(shape)
            }
            (Class::Variadic, Frame::Elements { head, .. }) if kind(&head) == Kind::FuncProto => {
                self.elements.extend([0, 0]);
                self.pass(shape)
            }
            (Class::Enumerator, Frame::Elements { head, .. }) if kind(&head).is_enum() => self.enumerator(shape, head),
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

    /// Goes on with a DIE's children, if it has any.
    #[inline]
    fn enter(&mut self, shape: &Shape, frame: Frame) -> Result<()> {
        if shape.has_children {
            return self.push(frame);
        }
        if frame.has_end() {
            self.finish(frame);
        }
        Ok(())
    }
}

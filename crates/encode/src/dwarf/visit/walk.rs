//! The walk over the DIEs of a CU: which DIE goes to which method.

use btf::Kind;
use gimli::constants as dw;

use crate::cu::die::{DieOffset, DieReference};
use crate::dwarf::abbrev::{AbbrevPlan, Attr, Class};
use crate::dwarf::request::SKELETON;
use crate::dwarf::visit::visitor::{DieVisitor, Frame, MAX_NESTING, Result};
use crate::encoded::{self, head};
use crate::error::{EncodeError, Malformed};
use crate::ids::NameId;

impl<'a> DieVisitor<'a, '_> {
    pub(super) fn run(&mut self) -> Result<()> {
        let Some((_, plan)) = self.next_die()? else { return Ok(()) };
        if plan.class != Class::Cu {
            self.report.unsupported(plan.tag);
            return Ok(());
        }
        self.read(plan)?;
        // Where a CU does not say where its part of a table begins, it is the first one, behind the table's header.
        let short = u64::from(self.head.encoding.offset_size);
        self.string_offsets = self.section_offset(Attr::StrOffsetsBase)?.unwrap_or(short * 2);
        self.addresses = self.section_offset(Attr::AddrBase)?.unwrap_or(short * 2);
        self.lists = self.section_offset(Attr::LoclistsBase)?.unwrap_or(short * 2 + 4);
        if !plan.has_children {
            if self.values.get(Attr::DwoName).is_some() {
                self.report.leave_out_cu(SKELETON);
            }
            return Ok(());
        }
        let language = self.number(Attr::Language).map(|language| dw::DwLang(u16::try_from(language).unwrap_or(0)));
        self.is_rust = language == Some(dw::DW_LANG_Rust);
        if self.wanted.exclude_rust && self.is_rust {
            self.report.leave_out_cu("written in Rust");
            return Ok(());
        }
        self.push(Frame::Scope { in_function: false })?;
        while !self.frames.is_empty() && !self.reader.is_at_end() {
            match self.next_die()? {
                None => self.pop(),
                Some((offset, plan)) => self.die(offset, plan)?,
            }
        }
        // The end of a CU ends all lists of children.
        while !self.frames.is_empty() {
            self.pop();
        }
        Ok(())
    }

    #[cold]
    pub(super) fn malformed(&self, source: Malformed) -> Box<EncodeError> {
        Box::new(EncodeError::Dwarf { cu: self.head.offset, source })
    }

    /// The offset and the abbreviation of the next DIE; `None` at the end of a list of children.
    #[inline]
    pub(super) fn next_die(&mut self) -> Result<Option<(DieOffset, &'a AbbrevPlan)>> {
        let at = self.reader.position();
        let code = self.reader.uleb().map_err(|error| self.malformed(error))?;
        if code == 0 {
            return Ok(None);
        }
        let plan = self.plans.get(code).ok_or_else(|| self.malformed(Malformed::Abbreviation { code, at }))?;
        Ok(Some((self.base.plus(at), plan)))
    }

    pub(super) fn push(&mut self, frame: Frame) -> Result<()> {
        if self.frames.len() >= MAX_NESTING {
            return Err(self.malformed(Malformed::Nesting { limit: MAX_NESTING }));
        }
        self.frames.push(frame);
        Ok(())
    }

    /// The end of a list of children.
    pub(super) fn pop(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.finish(frame);
        }
    }

    pub(super) fn finish(&mut self, frame: Frame) {
        match frame {
            Frame::Elements { index, head, start } => self.finish_elements(index, head, start),
            Frame::Array { index, element, count } => self.finish_array(index, element, count),
            Frame::Pointer { index, target, last_tag } => {
                let target = last_tag.map_or(target, DieReference::from);
                self.cu.fill(index, &head(Kind::Ptr, NameId::EMPTY, 0, false, target.word()), &[]);
            }
            _ => {}
        }
    }

    // Left to itself, the compiler makes it a call of its own, which costs a twentieth of the whole.
    #[inline(always)]
    pub(super) fn die(&mut self, offset: DieOffset, plan: &AbbrevPlan) -> Result<()> {
        let frame = self.frames.last().copied().unwrap_or(Frame::Nothing);
        match (plan.class, frame) {
            (_, Frame::Nothing) | (Class::Ignored, _) => self.pass(plan),
            (Class::Member, Frame::Elements { index, head, .. }) if encoded::kind(&head).is_composite() => {
                self.member(plan, index)
            }
            (Class::Parameter, Frame::Elements { head, .. }) if encoded::kind(&head) == Kind::FuncProto => {
                self.prototype_parameter(plan)
            }
            (Class::Variadic, Frame::Elements { head, .. }) if encoded::kind(&head) == Kind::FuncProto => {
                self.elements.extend([0, 0]);
                self.pass(plan)
            }
            (Class::Enumerator, Frame::Elements { head, .. }) if encoded::kind(&head).is_enum() => {
                self.enumerator(plan, head)
            }
            (Class::Parameter, Frame::Function(Some(function))) => self.parameter(offset, plan, function),
            (Class::Variadic, Frame::Function(function)) => {
                if let Some(function) = function.and_then(|index| self.cu.functions.get_mut(index as usize)) {
                    function.is_variadic = true;
                }
                self.pass(plan)
            }
            (Class::Subrange, Frame::Array { .. }) => self.subrange(plan),
            (Class::Annotation, frame) => self.annotation(offset, plan, frame),
            (Class::BaseType, _) => self.base_type(offset, plan),
            (Class::Pointer, _) => self.pointer(offset, plan),
            (Class::Qualifier | Class::Typedef, _) => self.reference_type(offset, plan),
            (Class::Transparent | Class::Nothing, _) => self.alias(offset, plan),
            (Class::Composite, _) => self.composite(offset, plan),
            (Class::Enumeration, _) => self.enumeration(offset, plan),
            (Class::Array, _) => self.array(offset, plan),
            (Class::Prototype, _) => self.prototype(offset, plan),
            (Class::Function, _) => self.function(offset, plan),
            (Class::Variable, frame) => self.variable(offset, plan, frame),
            (Class::Scope, frame) => self.scope(plan, frame),
            (Class::Unsupported, _) => {
                self.report.unsupported(plan.tag);
                self.pass(plan)
            }
            _ => self.pass(plan),
        }
    }

    /// Goes on with a DIE's children, if it has any.
    #[inline]
    pub(super) fn enter(&mut self, plan: &AbbrevPlan, frame: Frame) -> Result<()> {
        if plan.has_children {
            return self.push(frame);
        }
        if frame.has_end() {
            self.finish(frame);
        }
        Ok(())
    }
}

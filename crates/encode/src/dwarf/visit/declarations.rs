//! Functions, variables and tags.

use btf::Kind;
use gimli::constants as dw;

use crate::cu::die::{DieOffset, DieReference};
use crate::cu::graph::{DeclTag, Function, Param, Tagged, Variable};
use crate::dwarf::abbrev::{AbbrevPlan, Attr};
use crate::dwarf::request::NameSet;
use crate::dwarf::visit::visitor::{DieVisitor, Frame, Result};
use crate::encoded::head;
use crate::ids::{NameId, id32};

impl DieVisitor<'_, '_> {
    pub(super) fn function(&mut self, offset: DieOffset, plan: &AbbrevPlan) -> Result<()> {
        self.read(plan)?;
        let name = self.name(Attr::Name)?;
        let known = |names: &NameSet| names.contains(name);
        let abstract_origin = self.reference(Attr::AbstractOrigin)?;
        let specification = self.reference(Attr::Specification)?;
        let origin = abstract_origin.or(specification);
        let is_wanted = match name {
            NameId::EMPTY => self.is_wanted_instance(origin),
            _ => self.wanted.functions.as_ref().is_none_or(known),
        };
        if !is_wanted {
            return self.enter(plan, Frame::Function(None));
        }
        let returns = self.reference(Attr::Type)?;
        let index = id32(self.cu.functions.len());
        self.cu.functions.push(Function {
            offset,
            name,
            returns: returns.into(),
            origin,
            is_instance: !abstract_origin.is_nothing(),
            first_param: id32(self.cu.params.len()),
            is_declaration: self.values.seen >> Attr::Declaration as u32 & 1 == 1,
            is_external: self.values.flag(Attr::External),
            ..Function::default()
        });
        self.enter(plan, Frame::Function(Some(index)))
    }

    /// Whether an instance of a function may be wanted: it is, unless that was seen and is not.
    fn is_wanted_instance(&self, origin: DieReference) -> bool {
        let functions = &self.cu.functions;
        let Some(origin) = origin.die() else { return true };
        origin < self.base
            || functions.last().is_none_or(|last| origin > last.offset)
            || functions.binary_search_by_key(&origin, |function| function.offset).is_ok()
    }

    pub(super) fn parameter(&mut self, offset: DieOffset, plan: &AbbrevPlan, function: u32) -> Result<()> {
        self.read(plan)?;
        let name = self.name(Attr::Name)?;
        let ty = self.reference(Attr::Type)?;
        let origin = self.reference(Attr::AbstractOrigin)?;
        let place = self.cu.params.len();
        let index = self.cu.functions.get(function as usize).map_or(0, |function| function.param_count);
        let expected = self.wanted.registers.get(index as usize);
        let unexpected_reg = match expected {
            Some(&expected) => self.unexpected_reg(expected)?,
            None => false,
        };
        let mut component = -1;
        let owner = self.cu.functions.get_mut(function as usize);
        let is_next = |function: &&mut Function| (function.first_param + function.param_count) as usize == place;
        if let Some(function) = owner.filter(is_next) {
            component = i32::try_from(function.param_count).unwrap_or(-1);
            function.param_count += 1;
            self.cu.params.push(Param { offset, name, ty: ty.into(), origin, unexpected_reg });
        }
        self.enter(plan, Frame::Tagged(Some((Tagged::Function(function), component))))
    }

    pub(super) fn variable(&mut self, offset: DieOffset, plan: &AbbrevPlan, frame: Frame) -> Result<()> {
        let is_top_level = matches!(frame, Frame::Scope { in_function: false });
        if !self.wanted.variables || !(is_top_level || self.wanted.local_variables) {
            return self.pass(plan);
        }
        self.read(plan)?;
        let is_declaration = self.values.flag(Attr::Declaration);
        let address = if is_declaration { None } else { self.address()? };
        if address.is_none() && !is_declaration {
            return self.enter(plan, Frame::Nothing);
        }
        let name = self.name(Attr::Name)?;
        let ty = self.reference(Attr::Type)?;
        let specification = self.reference(Attr::Specification)?;
        let (address, section) = address.unwrap_or((0, None));
        let index = id32(self.cu.variables.len());
        self.cu.variables.push(Variable {
            offset,
            name,
            ty: ty.into(),
            specification,
            is_external: self.values.flag(Attr::External),
            is_declaration,
            is_top_level,
            is_artificial: self.values.flag(Attr::Artificial),
            section,
            address,
        });
        self.enter(plan, Frame::Tagged(Some((Tagged::Variable(index), -1))))
    }

    /// The address that a variable always has, and its section.
    #[inline(never)]
    pub(super) fn address(&mut self) -> Result<Option<(u64, Option<u32>)>> {
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
        let length = length.map_err(|error| self.malformed(error))?;
        if length == 0 {
            return Ok(None);
        }
        // An expression that is longer than any CU ends with it: the reader says where that is.
        let end = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(reader.position());
        let (address, section) = match reader.u8().map(dw::DwOp).map_err(|error| self.malformed(error))? {
            dw::DW_OP_addr => {
                let at = reader.position();
                let raw = reader.word(self.head.encoding.address_size).map_err(|error| self.malformed(error))?;
                let at = self.head.offset + at as u64;
                self.file.relocated(&self.file.relocations, &mut self.cursor, at, || Ok(raw))?
            }
            dw::DW_OP_addrx | dw::DW_OP_GNU_addr_index => {
                let index = reader.uleb().map_err(|error| self.malformed(error))?;
                self.file.indexed_address(self.head, self.addresses, index)?
            }
            _ => return Ok(None),
        };
        // Where clang merges variables, the rest is how far into what was merged the variable lies.
        let is_more = reader.position() < end && reader.u8().is_ok_and(|op| dw::DwOp(op) == dw::DW_OP_plus_uconst);
        let more = if is_more { reader.uleb().map_err(|error| self.malformed(error))? } else { 0 };
        Ok(Some((address.wrapping_add(more), section)))
    }

    pub(super) fn scope(&mut self, plan: &AbbrevPlan, frame: Frame) -> Result<()> {
        self.pass_one_into(plan)?;
        let in_function = match frame {
            Frame::Scope { in_function } => in_function,
            _ => true,
        };
        self.enter(plan, Frame::Scope { in_function: in_function || plan.tag == dw::DW_TAG_lexical_block })
    }

    pub(super) fn pass_one_into(&mut self, plan: &AbbrevPlan) -> Result<()> {
        self.pass_one(plan).map(|_| ()).map_err(|error| self.malformed(error))
    }

    /// A tag: `btf_type_tag` in a pointer, `btf_decl_tag` elsewhere.
    pub(super) fn annotation(&mut self, offset: DieOffset, plan: &AbbrevPlan, frame: Frame) -> Result<()> {
        self.read(plan)?;
        let name = self.name(Attr::Name)?;
        let is = |expected: &[u8]| self.names.with(name, |name| name == expected);
        let (is_type_tag, is_decl_tag) = (is(b"btf_type_tag"), is(b"btf_decl_tag"));
        let value = self.name(Attr::ConstValue)?;
        match frame {
            Frame::Pointer { target, last_tag, .. } if is_type_tag && self.wanted.type_tags => {
                let target = last_tag.map_or(target, DieReference::from);
                self.cu.add(offset, &head(Kind::TypeTag, value, 0, false, target.word()));
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
                self.cu.tags.extend(on.map(|(on, component)| DeclTag { on, component, value }));
            }
            _ => {}
        }
        self.enter(plan, Frame::Nothing)
    }
}

//! Types: from DIEs to words.

use btf::{IntData, Kind};
use gimli::constants as dw;

use crate::cu::die::{DieOffset, DieReference};
use crate::cu::graph::{Cu, Tagged};
use crate::cu::reference::LocalId;
use crate::dwarf::abbrev::{AbbrevPlan, Attr};
use crate::dwarf::form;
use crate::dwarf::reader::Reader;
use crate::dwarf::visit::visitor::{DieVisitor, Frame, Result};
use crate::encoded::{element_words, head, make_info};
use crate::ids::{NameId, id32};
use crate::symbols::endian_of;

impl DieVisitor<'_, '_> {
    pub(super) fn base_type(&mut self, offset: DieOffset, plan: &AbbrevPlan) -> Result<()> {
        self.read(plan)?;
        let name = self.name(Attr::Name)?;
        let size = self.number(Attr::ByteSize).unwrap_or(0);
        let encoding = dw::DwAte(u8::try_from(self.number(Attr::Encoding).unwrap_or(0)).unwrap_or(0));
        if encoding == dw::DW_ATE_float && self.wanted.floats {
            let size = u32::try_from(size).unwrap_or(0);
            self.cu.add(offset, &head(Kind::Float, name, 0, false, size));
            return self.enter(plan, Frame::Nothing);
        }
        let flags = match encoding {
            dw::DW_ATE_signed | dw::DW_ATE_signed_char => IntData::SIGNED,
            dw::DW_ATE_boolean => IntData::BOOL,
            _ => 0,
        };
        let (name, size) = match size {
            1 | 2 | 4 | 8 | 16 => (name, u8::try_from(size).unwrap_or(4)),
            _ => (self.names.intern(b"__SANITIZED_FAKE_INT__")?, 4),
        };
        let [name_word, info, word] = head(Kind::Int, name, 0, false, u32::from(size));
        let data = IntData::new(flags, 0, size * 8);
        let index = self.cu.add(offset, &[name_word, info, word, data.0]);
        if self.cu.int.is_none() && !name.is_empty() && self.names.with(name, |name| name == b"int") {
            self.cu.int = Some(index);
        }
        self.enter(plan, Frame::Nothing)
    }

    pub(super) fn pointer(&mut self, offset: DieOffset, plan: &AbbrevPlan) -> Result<()> {
        self.read(plan)?;
        let target = self.reference(Attr::Type)?;
        let index = self.cu.reserve(offset);
        self.enter(plan, Frame::Pointer { index, target, last_tag: None })
    }

    pub(super) fn reference_type(&mut self, offset: DieOffset, plan: &AbbrevPlan) -> Result<()> {
        self.read(plan)?;
        let kind = match plan.tag {
            dw::DW_TAG_const_type => Kind::Const,
            dw::DW_TAG_volatile_type => Kind::Volatile,
            dw::DW_TAG_restrict_type => Kind::Restrict,
            _ => Kind::Typedef,
        };
        let name = self.name(Attr::Name)?;
        let target = self.reference(Attr::Type)?;
        let index = self.cu.add(offset, &head(kind, name, 0, false, target.word()));
        self.enter(plan, Frame::Tagged((kind == Kind::Typedef).then_some((Tagged::Type(index), -1))))
    }

    /// A type that means another, or nothing.
    pub(super) fn alias(&mut self, offset: DieOffset, plan: &AbbrevPlan) -> Result<()> {
        self.read(plan)?;
        let target = self.reference(Attr::Type)?;
        self.cu.aliases.push((offset, target));
        self.enter(plan, Frame::Nothing)
    }

    pub(super) fn composite(&mut self, offset: DieOffset, plan: &AbbrevPlan) -> Result<()> {
        self.read(plan)?;
        let name = self.name(Attr::Name)?;
        let is_union = plan.tag == dw::DW_TAG_union_type;
        if self.values.flag(Attr::Declaration) {
            self.cu.add(offset, &head(Kind::Fwd, name, 0, is_union, 0));
            return self.enter(plan, Frame::Scope { in_function: false });
        }
        // BTF has 32 bits for a size; the largest one stands for those above it.
        let size = u32::try_from(self.number(Attr::ByteSize).unwrap_or(0)).unwrap_or(u32::MAX);
        let kind = if is_union { Kind::Union } else { Kind::Struct };
        let index = self.cu.reserve(offset);
        let start = self.elements.len();
        self.enter(plan, Frame::Elements { index, head: head(kind, name, 0, false, size), start })
    }

    pub(super) fn member(&mut self, plan: &AbbrevPlan, composite: LocalId) -> Result<()> {
        self.read(plan)?;
        let is_static = self.values.flag(Attr::External) || self.values.flag(Attr::Declaration);
        if is_static {
            return self.enter(plan, Frame::Nothing);
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
        // An offset that has no place in 32 bits becomes the largest one.
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let bit_size = bit_size.min(0xff) as u32;
        if bit_size != 0 && offset > 0x00ff_ffff {
            self.report.too_far_bit_fields += 1;
        }
        let word = if bit_size == 0 { offset } else { (bit_size << 24) | (offset & 0x00ff_ffff) };
        self.elements.extend([name.raw(), ty.word(), word]);
        if let Some(Frame::Elements { head, .. }) = self.frames.last_mut() {
            head[1] |= u32::from(bit_size != 0) << 31;
        }
        self.enter(plan, Frame::Tagged(Some((Tagged::Type(composite), component))))
    }

    /// How many members the struct has so far.
    pub(super) fn component(&self, composite: LocalId) -> i32 {
        match self.frames.last() {
            Some(&Frame::Elements { index, start, .. }) if index == composite => {
                i32::try_from((self.elements.len() - start) / 3).unwrap_or(i32::MAX)
            }
            _ => -1,
        }
    }

    /// Where a member begins, in bits, as DWARF up to version 4 has it: its byte, and for a bit-field the distance of its highest bit
    /// from the highest bit of its storage unit.
    pub(super) fn member_bit_offset(&mut self, bit_size: u64) -> Result<u64> {
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
    pub(super) fn constant_expression(&mut self, position: u64) -> Result<u64> {
        let mut reader = self.reader.at(usize::try_from(position).unwrap_or(usize::MAX));
        let block = form::block(&mut reader, self.values.form(Attr::MemberLocation));
        let block = block.map_err(|error| self.malformed(error))?;
        let mut reader = Reader::new(block, endian_of(self.file.elf));
        match reader.u8().map(dw::DwOp) {
            Ok(dw::DW_OP_plus_uconst | dw::DW_OP_constu) => reader.uleb().map_err(|error| self.malformed(error)),
            _ => {
                self.report.unsupported_form(self.values.form(Attr::MemberLocation));
                Ok(0)
            }
        }
    }

    pub(super) fn enumeration(&mut self, offset: DieOffset, plan: &AbbrevPlan) -> Result<()> {
        self.read(plan)?;
        let name = self.name(Attr::Name)?;
        let ty = self.reference(Attr::Type)?;
        let size = u32::try_from(self.number(Attr::ByteSize).unwrap_or(4)).unwrap_or(4);
        let kind = if size > 4 && self.wanted.enum64 { Kind::Enum64 } else { Kind::Enum };
        let index = self.cu.reserve(offset);
        if let Some(ty) = ty.die().filter(|_| kind == Kind::Enum64) {
            self.enums.push((index, ty));
        }
        let start = self.elements.len();
        let size = if size == 0 { 4 } else { size };
        self.enter(plan, Frame::Elements { index, head: head(kind, name, 0, false, size), start })
    }

    pub(super) fn enumerator(&mut self, plan: &AbbrevPlan, enumeration: [u32; 3]) -> Result<()> {
        self.read(plan)?;
        let name = self.name(Attr::Name)?;
        let value = self.number(Attr::ConstValue).unwrap_or(0);
        if crate::encoded::kind(&enumeration) == Kind::Enum64 {
            self.elements.extend([name.raw(), value as u32, (value >> 32) as u32]);
        } else {
            self.elements.extend([name.raw(), value as u32]);
            let is_negative = self.wanted.enum64 && value.cast_signed() < 0;
            if let Some(Frame::Elements { head, .. }) = self.frames.last_mut() {
                head[1] |= u32::from(is_negative) << 31;
            }
        }
        self.enter(plan, Frame::Nothing)
    }

    /// Puts the elements of a struct, union, enum or prototype behind its head.
    pub(super) fn finish_elements(&mut self, index: LocalId, mut head: [u32; 3], start: usize) {
        let kind = crate::encoded::kind(&head);
        let Some(elements) = self.elements.get_mut(start..) else {
            self.cu.breach.note("the elements of a type are gone before it ends");
            return;
        };
        if self.is_rust && kind.is_composite() {
            // Rust lists members in the order of the source; the kernel demands the order of their offsets.
            let is_bit_fields = head[1] >> 31 == 1;
            let offset = |word: u32| if is_bit_fields { word & 0x00ff_ffff } else { word };
            elements.as_chunks_mut::<3>().0.sort_by_key(|&[_, _, word]| offset(word));
        }
        let vlen = elements.len().checked_div(element_words(kind)).unwrap_or(0);
        head[1] |= make_info(Kind::Void, id32(vlen), false);
        self.cu.fill(index, &head, elements);
        self.elements.truncate(start);
    }

    pub(super) fn array(&mut self, offset: DieOffset, plan: &AbbrevPlan) -> Result<()> {
        self.read(plan)?;
        let element = self.reference(Attr::Type)?;
        let index = self.cu.reserve(offset);
        self.cu.has_arrays = true;
        self.enter(plan, Frame::Array { index, element, count: 1 })
    }

    pub(super) fn finish_array(&mut self, index: LocalId, element: DieReference, count: u32) {
        let info = make_info(Kind::Array, 0, false);
        self.cu.fill(index, &[0, info, 0, element.word(), DieReference::ARRAY_INDEX.word(), count], &[]);
    }

    /// A dimension of an array. BTF has arrays of arrays, but one with the product of the dimensions is what is written
    /// for several.
    pub(super) fn subrange(&mut self, plan: &AbbrevPlan) -> Result<()> {
        self.read(plan)?;
        let bound = match (self.values.get(Attr::UpperBound), self.number(Attr::UpperBound)) {
            (Some(_), bound) => bound.map_or(0, |bound| (bound as u32).wrapping_add(1)),
            (None, _) => self.number(Attr::Count).map_or(0, |count| count as u32),
        };
        if let Some(Frame::Array { count, .. }) = self.frames.last_mut() {
            *count = count.wrapping_mul(bound);
        }
        self.enter(plan, Frame::Nothing)
    }

    pub(super) fn prototype(&mut self, offset: DieOffset, plan: &AbbrevPlan) -> Result<()> {
        self.read(plan)?;
        let returns = self.reference(Attr::Type)?;
        let index = self.cu.reserve(offset);
        let start = self.elements.len();
        self.enter(
            plan,
            Frame::Elements { index, head: head(Kind::FuncProto, NameId::EMPTY, 0, false, returns.word()), start },
        )
    }

    pub(super) fn prototype_parameter(&mut self, plan: &AbbrevPlan) -> Result<()> {
        self.read(plan)?;
        let name = self.name(Attr::Name)?;
        let ty = self.reference(Attr::Type)?;
        self.elements.extend([name.raw(), ty.word()]);
        self.enter(plan, Frame::Nothing)
    }
}

impl Cu {
    /// Gives an enum of 64 bits the signedness of its underlying type.
    pub(super) fn enum_signedness(&mut self, index: LocalId, ty: DieOffset) {
        let is_signed = self.at_offset(ty).is_some_and(|ty| {
            let words = self.get(ty);
            crate::encoded::kind(words) == Kind::Int
                && words.get(3).is_some_and(|&data| IntData(data).encoding() & IntData::SIGNED != 0)
        });
        if let Some(info) = self.get_mut(index).get_mut(1) {
            *info |= u32::from(is_signed) << 31;
        }
    }
}

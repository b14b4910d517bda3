//! Each type by itself: its head, and what its kind asks for.
//!
//! Source: `btf_check_all_metas`, `btf_check_meta` and the `*_check_meta` of each kind in `kernel/bpf/btf.c`.

use btf::Kind;

use super::Validator;
use crate::errno::Errno;
use crate::form::Form;
use crate::name::{self, NameOf};
use crate::raw_btf::{Head, MAX_TYPE};
use crate::site::Reason;

/// The length of a type's head in bytes (`sizeof(struct btf_type)`).
const HEAD: u32 = 12;

impl Validator<'_> {
    /// `btf_check_all_metas`.
    pub(super) fn types(&mut self) -> Result<(), Errno> {
        let header = self.btf.header;
        self.id = if self.btf.base.is_some() { self.btf.start_id() } else { 1 };
        let mut offset = header.type_off;
        let mut left = header.type_len;
        let mut room = 0;
        while left > 0 {
            let length = self.one_type(offset, left)?;
            self.add_type(offset, &mut room);
            offset = offset.wrapping_add(length);
            left = left.saturating_sub(length);
            self.id = self.id.wrapping_add(1);
        }
        Ok(())
    }

    /// `btf_add_type`. Its array grows by a quarter, and when that would take ids beyond the last one, the type is dropped with a line
    /// that has no consequence.
    fn add_type(&mut self, offset: u32, room: &mut u32) {
        if *room == self.btf.own_count() {
            if self.btf.start_id().wrapping_add(*room) == MAX_TYPE {
                self.plain("btf_add_type", Form::TooManyTypes, []);
                return;
            }
            *room = room.saturating_add((*room >> 2).max(16)).min(MAX_TYPE);
            self.btf.has_void = self.btf.base.is_none();
        }
        self.btf.types.push(offset);
    }

    /// `btf_check_meta`: the length of the type in bytes.
    fn one_type(&mut self, offset: u32, left: u32) -> Result<u32, Errno> {
        let id = self.id;
        let place = usize::try_from(offset).unwrap_or(usize::MAX);
        let head = self.btf.head(place).filter(|_| left >= HEAD);
        let Some(head) = head else {
            return Err(self.plain("btf_check_meta", Form::HeadCut, [id.into(), left.into(), HEAD.into()]));
        };
        if head.info.raw() & self.rules.reserved_info() != 0 {
            return Err(self.plain("btf_check_meta", Form::Info, [id.into(), head.info.raw().into()]));
        }
        let kind = u32::from(head.kind().number());
        if kind == 0 || kind > self.rules.last_kind() {
            return Err(self.plain("btf_check_meta", Form::UnknownKind, [id.into(), kind.into()]));
        }
        if !self.btf.string_exists(head.name) {
            return Err(self.plain("btf_check_meta", Form::NameOffset, [id.into(), head.name.into()]));
        }
        let left = left.saturating_sub(HEAD);
        let needed = self.needed(head);
        if left < needed {
            return Err(self.basic(head, Form::ElementsCut, [left.into(), needed.into()]));
        }
        match head.kind() {
            Kind::Int => self.int(head),
            Kind::Ptr | Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag => {
                self.reference(head)
            }
            Kind::Array => self.array(head),
            Kind::Struct | Kind::Union => self.composite(head),
            Kind::Enum | Kind::Enum64 => self.enumeration(head),
            Kind::Fwd => self.forward(head),
            Kind::Func => self.function(head),
            Kind::FuncProto => self.function_prototype(head),
            Kind::Var => self.variable(head),
            Kind::Datasec => self.section(head),
            Kind::Float => self.float(head),
            Kind::DeclTag => self.decl_tag(head),
            Kind::Void | Kind::Other(_) => Ok(()),
        }?;
        Ok(HEAD.saturating_add(needed))
    }

    /// How many bytes a type has after its head (`meta_needed`).
    fn needed(&self, head: Head) -> u32 {
        let words = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(4);
        let (fixed, element) =
            head.kind().shape().map_or((0, 0), |shape| (words(shape.fixed.len()), words(shape.element.len())));
        fixed.saturating_add(element.saturating_mul(head.info.vlen()))
    }

    /// Whether the string at this offset, which exists, is a valid name.
    pub(super) fn valid_name(&self, offset: u32, of: NameOf) -> bool {
        self.btf.string(offset).is_some_and(|name| name::is_valid(name, of, self.rules))
    }

    fn no_vlen(&mut self, head: Head) -> Result<(), Errno> {
        if head.info.vlen() != 0 { Err(self.of_type(head, Form::Vlen, [])) } else { Ok(()) }
    }

    pub(super) fn no_kflag(&mut self, head: Head) -> Result<(), Errno> {
        if head.info.kflag() { Err(self.of_type(head, Form::KindFlag, [])) } else { Ok(()) }
    }

    /// A type that must not have a name.
    fn anonymous(&mut self, head: Head) -> Result<(), Errno> {
        if head.name != 0 { Err(self.of_type(head, Form::Name, [])) } else { Ok(()) }
    }

    /// A type that must have a valid name.
    pub(super) fn named(&mut self, head: Head, of: NameOf) -> Result<(), Errno> {
        match head.name != 0 && self.valid_name(head.name, of) {
            true => Ok(()),
            false => Err(self.of_type(head, Form::Name, [])),
        }
    }

    /// A tag's text, which must not be empty.
    fn tag_text(&mut self, head: Head, otherwise: impl Into<Reason>) -> Result<(), Errno> {
        match self.btf.string(head.name).is_some_and(|text| !text.is_empty()) {
            true => Ok(()),
            false => Err(self.of_type(head, otherwise, [])),
        }
    }

    /// The word after the head.
    fn first_word(&self, head: Head) -> u32 {
        self.btf.word(head.offset, 3).unwrap_or_default()
    }

    /// `btf_int_check_meta`.
    fn int(&mut self, head: Head) -> Result<(), Errno> {
        self.no_vlen(head)?;
        self.no_kflag(head)?;
        let data = self.first_word(head);
        if data & !0x0fff_ffff != 0 {
            return Err(self.basic(head, Form::IntData, [data.into()]));
        }
        let bits = (data & 0xff).saturating_add((data >> 16) & 0xff);
        if bits > 128 {
            return Err(self.of_type(head, Form::IntBits, [128_u32.into()]));
        }
        if bits.div_ceil(8) > head.word {
            return Err(self.of_type(head, Form::IntSize, []));
        }
        if !matches!((data >> 24) & 0xf, 0 | 1 | 2 | 4) {
            self.of_type(head, Form::IntEncoding, []);
            return Err(Errno::ENOTSUPP);
        }
        Ok(())
    }

    /// `btf_ref_type_check_meta`: pointers, typedefs, qualifiers and type tags.
    fn reference(&mut self, head: Head) -> Result<(), Errno> {
        let is_tag = head.kind() == Kind::TypeTag;
        self.no_vlen(head)?;
        if !(is_tag && self.rules.tags_anywhere()) {
            self.no_kflag(head)?;
        }
        if head.word > MAX_TYPE {
            return Err(self.of_type(head, Form::TypeId, []));
        }
        match head.kind() {
            Kind::Typedef => self.named(head, NameOf::Identifier),
            Kind::TypeTag => self.tag_text(head, Form::Name.second()),
            _ if head.name != 0 => Err(self.of_type(head, Form::Name.third(), [])),
            _ => Ok(()),
        }
    }

    /// `btf_array_check_meta`.
    fn array(&mut self, head: Head) -> Result<(), Errno> {
        self.anonymous(head)?;
        self.no_vlen(head)?;
        self.no_kflag(head)?;
        if head.word != 0 {
            return Err(self.of_type(head, Form::ArraySize, []));
        }
        let exists = |id: u32| id != 0 && id <= MAX_TYPE;
        if !exists(self.first_word(head)) {
            return Err(self.of_type(head, Form::ArrayElement, []));
        }
        if !exists(self.btf.word(head.offset, 4).unwrap_or_default()) {
            return Err(self.of_type(head, Form::ArrayIndex, []));
        }
        Ok(())
    }

    /// `btf_fwd_check_meta`.
    fn forward(&mut self, head: Head) -> Result<(), Errno> {
        self.no_vlen(head)?;
        if head.word != 0 {
            return Err(self.of_type(head, Form::FwdType, []));
        }
        self.named(head, NameOf::Identifier)
    }

    /// `btf_func_check_meta`. What the function refers to is not looked at.
    fn function(&mut self, head: Head) -> Result<(), Errno> {
        self.named(head, NameOf::Identifier)?;
        if head.info.vlen() > 1 {
            return Err(self.of_type(head, Form::FuncLinkage, []));
        }
        self.no_kflag(head)
    }

    /// `btf_func_proto_check_meta`. Parameters are not looked at.
    fn function_prototype(&mut self, head: Head) -> Result<(), Errno> {
        self.anonymous(head)?;
        self.no_kflag(head)
    }

    /// `btf_var_check_meta`.
    fn variable(&mut self, head: Head) -> Result<(), Errno> {
        self.no_vlen(head)?;
        self.no_kflag(head)?;
        self.named(head, NameOf::Variable)?;
        if head.word == 0 || head.word > MAX_TYPE {
            return Err(self.of_type(head, Form::TypeId, []));
        }
        if self.first_word(head) > 1 {
            return Err(self.of_type(head, Form::VarLinkage, []));
        }
        Ok(())
    }

    /// `btf_float_check_meta`. The name is not looked at.
    fn float(&mut self, head: Head) -> Result<(), Errno> {
        self.no_vlen(head)?;
        self.no_kflag(head)?;
        if !matches!(head.word, 2 | 4 | 8 | 12 | 16) {
            return Err(self.of_type(head, Form::FloatSize, []));
        }
        Ok(())
    }

    /// `btf_decl_tag_check_meta`.
    fn decl_tag(&mut self, head: Head) -> Result<(), Errno> {
        self.tag_text(head, Form::TagValue)?;
        self.no_vlen(head)?;
        if !self.rules.tags_anywhere() {
            self.no_kflag(head)?;
        }
        if self.first_word(head).cast_signed() < -1 {
            return Err(self.of_type(head, Form::TagComponent, []));
        }
        Ok(())
    }
}

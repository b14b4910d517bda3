//! Kinds with elements: structs, unions, enums and sections with variables.
//!
//! Source: `btf_struct_check_meta`, `btf_enum_check_meta`, `btf_enum64_check_meta` and `btf_datasec_check_meta` in `kernel/bpf/btf.c`.

use btf::Kind;

use super::Validator;
use super::log::{RawMember, RawVar};
use crate::errno::Errno;
use crate::form::Form;
use crate::name::NameOf;
use crate::raw_btf::{Head, MAX_TYPE};
use crate::site::check_of;

/// The words of a head.
const HEAD_WORDS: usize = 3;

impl Validator<'_> {
    /// A word of one of a type's elements.
    fn element_word(&self, head: Head, words: usize, nth: usize, which: usize) -> u32 {
        let word = nth.saturating_mul(words).saturating_add(which).saturating_add(HEAD_WORDS);
        self.btf.word(head.offset, word).unwrap_or_default()
    }

    fn elements(head: Head) -> core::ops::Range<usize> {
        0..usize::try_from(head.info.vlen()).unwrap_or_default()
    }

    /// `btf_struct_check_meta`.
    pub(super) fn composite(&mut self, head: Head) -> Result<(), Errno> {
        if head.name != 0 && !self.valid_name(head.name, NameOf::Identifier) {
            return Err(self.of_type(head, Form::Name, []));
        }
        let mut before = 0;
        for nth in Self::elements(head) {
            let word = |which| self.element_word(head, 3, nth, which);
            let member = RawMember { name: word(0), ty: word(1), offset: word(2) };
            if !self.btf.string_exists(member.name) {
                return Err(self.of_member(head, member, Form::MemberName, [member.name.into()]));
            }
            if member.name != 0 && !self.valid_name(member.name, NameOf::Identifier) {
                return Err(self.of_member(head, member, Form::Name, []));
            }
            if member.ty == 0 || member.ty > MAX_TYPE {
                return Err(self.of_member(head, member, Form::TypeId, []));
            }
            let offset = if head.info.kflag() { member.offset & 0x00ff_ffff } else { member.offset };
            if head.kind() == Kind::Union && offset != 0 {
                return Err(self.of_member(head, member, Form::MemberOffset, []));
            }
            if before > offset {
                return Err(self.of_member(head, member, Form::MemberOffset.second(), []));
            }
            if offset.div_ceil(8) > head.word {
                return Err(self.of_member(head, member, Form::MemberBeyond, []));
            }
            before = offset;
        }
        Ok(())
    }

    /// `btf_enum_check_meta` and `btf_enum64_check_meta`. An enumerator without a valid name is logged with the enum's name.
    pub(super) fn enumeration(&mut self, head: Head) -> Result<(), Errno> {
        if head.word > 8 || !head.word.is_power_of_two() {
            return Err(self.of_type(head, Form::EnumSize, []));
        }
        if head.name != 0 && !self.valid_name(head.name, NameOf::Identifier) {
            return Err(self.of_type(head, Form::Name, []));
        }
        let words = if head.kind() == Kind::Enum64 { 3 } else { 2 };
        for nth in Self::elements(head) {
            let name = self.element_word(head, words, nth, 0);
            if !self.btf.string_exists(name) {
                return Err(self.plain(check_of(head.kind()), Form::EnumeratorName, [name.into()]));
            }
            if name == 0 || !self.valid_name(name, NameOf::Identifier) {
                return Err(self.of_type(head, Form::Name.second(), []));
            }
        }
        Ok(())
    }

    /// `btf_datasec_check_meta`. The end of a variable is computed with 32 bits and may wrap.
    pub(super) fn section(&mut self, head: Head) -> Result<(), Errno> {
        let size = head.word;
        if size == 0 {
            return Err(self.of_type(head, Form::SectionSize, []));
        }
        self.no_kflag(head)?;
        self.named(head, NameOf::Section)?;
        let mut end = 0_u32;
        let mut sum = 0_u64;
        for nth in Self::elements(head) {
            let word = |which| self.element_word(head, 3, nth, which);
            let var = RawVar { ty: word(0), offset: word(1), size: word(2) };
            if var.ty == 0 || var.ty > MAX_TYPE {
                return Err(self.of_var(head, var, Form::TypeId));
            }
            if var.offset < end || var.offset >= size {
                return Err(self.of_var(head, var, Form::VarOffset));
            }
            if var.size == 0 || var.size > size {
                return Err(self.of_var(head, var, Form::VarSize));
            }
            end = var.offset.wrapping_add(var.size);
            if end > size {
                return Err(self.of_var(head, var, Form::VarEnd));
            }
            sum = sum.saturating_add(u64::from(var.size));
        }
        if u64::from(size) < sum {
            return Err(self.of_type(head, Form::SectionSum, []));
        }
        Ok(())
    }
}

//! What a failed check logs.

use btf::Kind;

use super::Validator;
use crate::errno::Errno;
use crate::form::Form;
use crate::line::{Line, Value};
use crate::raw_btf::Head;
use crate::site::{Reason, Site, check_of};

/// A member of a struct or union (`struct btf_member`).
#[derive(Debug, Clone, Copy)]
pub(super) struct RawMember {
    pub name: u32,
    pub ty: u32,
    /// The whole word: with kflag, the size of a bit-field is in its highest byte.
    pub offset: u32,
}

/// A variable of a section (`struct btf_var_secinfo`).
#[derive(Debug, Clone, Copy)]
pub(super) struct RawVar {
    pub ty: u32,
    pub offset: u32,
    pub size: u32,
}

impl Validator<'_> {
    /// A line.
    fn line(&mut self, form: Form, values: impl Into<Vec<Value>>) {
        self.lines.push(Line::new(form, values));
    }

    /// `btf_verifier_log`: one line, whatever the configuration.
    pub(super) fn plain(
        &mut self,
        function: &'static str,
        reason: impl Into<Reason>,
        values: impl Into<Vec<Value>>,
    ) -> Errno {
        let Reason { form, nth } = reason.into();
        self.site = Some(Site { function, logger: "btf_verifier_log", form, nth });
        self.line(form, values);
        Errno::EINVAL
    }

    /// Whether lines about types and members are left out: a module that may load without its BTF.
    fn quiet(&self) -> bool {
        self.rules.mismatch_is_quiet() && self.rules.allow_mismatch && self.btf.base.is_some()
    }

    /// `btf_verifier_log_type`: the type, its details, the reason.
    pub(super) fn of_type(&mut self, head: Head, reason: impl Into<Reason>, values: impl Into<Vec<Value>>) -> Errno {
        let form = self.note(head, "btf_verifier_log_type", reason);
        if !self.quiet() {
            self.subject(Form::Type, head);
            self.details(head);
            self.reason(form, values);
        }
        Errno::EINVAL
    }

    /// `btf_verifier_log_basic`: the type and the reason.
    pub(super) fn basic(&mut self, head: Head, reason: impl Into<Reason>, values: impl Into<Vec<Value>>) -> Errno {
        let form = self.note(head, "btf_verifier_log_basic", reason);
        if !self.quiet() {
            self.subject(Form::TypeAlone, head);
            self.reason(form, values);
        }
        Errno::EINVAL
    }

    /// `btf_verifier_log_member`.
    pub(super) fn of_member(
        &mut self,
        holder: Head,
        member: RawMember,
        reason: impl Into<Reason>,
        values: impl Into<Vec<Value>>,
    ) -> Errno {
        let form = self.note(holder, "btf_verifier_log_member", reason);
        if self.quiet() {
            return Errno::EINVAL;
        }
        let name = self.btf.shown_name(member.name);
        let line = match holder.info.kflag() {
            true => {
                let (bits, offset) = (member.offset >> 24, member.offset & 0x00ff_ffff);
                Line::new(Form::BitfieldMember, [name.into(), member.ty.into(), bits.into(), offset.into()])
            }
            false => Line::new(Form::Member, [name.into(), member.ty.into(), member.offset.into()]),
        };
        self.lines.push(line);
        self.reason(form, values);
        Errno::EINVAL
    }

    /// `btf_verifier_log_vsi`.
    pub(super) fn of_var(&mut self, holder: Head, var: RawVar, reason: Form) -> Errno {
        let form = self.note(holder, "btf_verifier_log_vsi", reason);
        self.line(Form::SectionVar, [var.ty.into(), var.offset.into(), var.size.into()]);
        self.reason(form, []);
        Errno::EINVAL
    }

    fn subject(&mut self, form: Form, head: Head) {
        let name = self.btf.shown_name(head.name);
        self.line(form, [self.id.into(), head.kind().name().into(), name.into()]);
    }

    /// Notes which call logs a reason, also where its lines are left out.
    fn note(&mut self, head: Head, logger: &'static str, reason: impl Into<Reason>) -> Form {
        let Reason { form, nth } = reason.into();
        self.site = Some(Site { function: check_of(head.kind()), logger, form, nth });
        form
    }

    fn reason(&mut self, form: Form, values: impl Into<Vec<Value>>) {
        self.line(Form::Space, []);
        self.line(form, values);
        self.line(Form::End, []);
    }

    /// The `*_log` function of each kind.
    fn details(&mut self, head: Head) {
        let word = |nth| self.btf.word(head.offset, nth).unwrap_or_default();
        let (first, second, third) = (word(3), word(4), word(5));
        let (size, vlen) = (head.word, head.info.vlen());
        match head.kind() {
            Kind::Int => {
                let encoding = match (first >> 24) & 0xf {
                    0 => "(none)",
                    1 => "SIGNED",
                    2 => "CHAR",
                    4 => "BOOL",
                    _ => "UNKN",
                };
                let (offset, bits) = ((first >> 16) & 0xff, first & 0xff);
                self.line(Form::IntDetails, [size.into(), offset.into(), bits.into(), encoding.into()])
            }
            Kind::Ptr | Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag | Kind::Func => {
                self.line(Form::ReferenceDetails, [size.into()])
            }
            Kind::Array => self.line(Form::ArrayDetails, [first.into(), second.into(), third.into()]),
            Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 | Kind::Datasec => {
                self.line(Form::SizeDetails, [size.into(), vlen.into()])
            }
            Kind::Fwd if head.info.kflag() => self.line(Form::FwdUnion, []),
            Kind::Fwd => self.line(Form::FwdStruct, []),
            Kind::FuncProto => self.prototype(head),
            Kind::Var => self.line(Form::VarDetails, [size.into(), first.into()]),
            Kind::Float => self.line(Form::FloatDetails, [size.into()]),
            Kind::DeclTag => self.line(Form::TagDetails, [size.into(), first.cast_signed().into()]),
            Kind::Void | Kind::Other(_) => {}
        }
    }

    /// `btf_func_proto_log`: a line for each part.
    fn prototype(&mut self, head: Head) {
        self.line(Form::ProtoReturn, [head.word.into()]);
        let words: Vec<u32> = self.btf.words(head).map(|(_, word)| word).collect();
        let arguments: Vec<(u32, u32)> = words.as_chunks().0.iter().map(|&[name, ty]| (name, ty)).collect();
        match *arguments.as_slice() {
            [] => self.line(Form::ProtoNoArgument, []),
            [(_, 0)] => self.line(Form::ProtoOnlyVararg, []),
            [(name, ty), ref rest @ ..] => {
                self.argument(Form::ProtoArgument, ty, name);
                for (nth, &(name, ty)) in rest.iter().enumerate() {
                    let last = nth.checked_add(1) == Some(rest.len());
                    match (last, ty) {
                        (true, 0) => self.line(Form::ProtoVararg, []),
                        _ => self.argument(Form::ProtoNextArgument, ty, name),
                    }
                }
            }
        }
        self.line(Form::ProtoEnd, []);
    }

    fn argument(&mut self, form: Form, ty: u32, name: u32) {
        let name = self.btf.shown_name(name);
        self.line(form, [ty.into(), name.into()]);
    }
}

//! The grammar of what the kernel logs about a module's BTF: one table of forms, read in both directions.
//!
//! A form is a template: `[{id:u}] Invalid name_offset:{string:u}`. [`Line`](crate::Line) fills it in, and finds it again in a log.

/// What may stand at a place of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// `%u`.
    Unsigned,
    /// `%d`.
    Signed,
    /// `%x`.
    Hex,
    /// `%s`: text that comes from a string table or a symbol, so it may be any bytes but NUL.
    Text,
    /// `%s`, a kind: capital letters, digits and underscores.
    Kind,
    /// `%s`, an encoding: letters and parentheses.
    Word,
}

/// Fixed text or a slot of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplatePart {
    /// Fixed text.
    Literal(&'static str),
    /// A value, with its name.
    Slot(&'static str, Slot),
}

/// Which function of the kernel logs a line, and so how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// `bpf_verifier_vlog` in `kernel/bpf/log.c`: level 3, `BPF: ` in front.
    Bpf,
    /// `pr_warn`: level 4, nothing in front.
    Warn,
    /// `pr_err`: level 3, nothing in front.
    Error,
}

/// What a line has to do with the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It names what was looked at.
    Subject,
    /// It says which check failed.
    Reason,
    /// It says what became of the module.
    Result,
    /// It only separates others.
    Separator,
}

macro_rules! forms {
    ($($channel:ident $part:ident { $($(#[$doc:meta])* $form:ident $template:literal;)* })*) => {
        /// The form of a line.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Form {
            $($($(#[$doc])* #[doc = concat!("`", $template, "`")] $form,)*)*
        }

        impl Form {
            /// Every form, in the order of this table. Where two could match a line, the earlier one is meant.
            pub const ALL: &'static [Self] = &[$($(Self::$form,)*)*];

            /// The template: text, with a place for each value in braces.
            #[must_use]
            pub const fn template(self) -> &'static str {
                match self { $($(Self::$form => $template,)*)* }
            }

            /// The form's name, for tables and files.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$form => stringify!($form),)*)* }
            }

            /// Which function logs it.
            #[must_use]
            pub const fn channel(self) -> Channel {
                match self { $($(Self::$form => Channel::$channel,)*)* }
            }

            /// What it has to do with the verdict.
            #[must_use]
            pub const fn part(self) -> Part {
                match self { $($(Self::$form => Part::$part,)*)* }
            }
        }
    };
}

forms! {
    // `btf_parse_hdr`, `btf_check_sec_info`, `btf_parse_str_sec` in kernel/bpf/btf.c.
    Bpf Reason {
        HeaderLengthMissing "hdr_len not found";
        HeaderCut "btf_header not found";
        HeaderUnsupported "Unsupported btf_header";
        Magic "Invalid magic";
        Version "Unsupported version";
        Flags "Unsupported flags";
        NoData "No data";
        SectionOffset "Invalid section offset";
        SectionGap "Unsupported section found";
        SectionOverlap "Section overlap found";
        SectionTooLong "Total section length too long";
        StringsNotLast "String section is not at the end";
        StringSection "Invalid string section";
    }
    // `btf_check_meta`.
    Bpf Reason {
        HeadCut "[{id:u}] meta_left:{left:u} meta_needed:{needed:u}";
        Info "[{id:u}] Invalid btf_info:{info:x}";
        UnknownKind "[{id:u}] Invalid kind:{kind:u}";
        NameOffset "[{id:u}] Invalid name_offset:{string:u}";
    }
    // `btf_verifier_log_member`, `btf_verifier_log_vsi`, `__btf_verifier_log_type`. Members go before types: both have a name that may be
    // anything.
    Bpf Subject {
        BitfieldMember "\t{name:s} type_id={type:u} bitfield_size={bits:u} bits_offset={offset:u}";
        Member "\t{name:s} type_id={type:u} bits_offset={offset:u}";
        SectionVar "\t type_id={type:u} offset={offset:u} size={size:u}";
        /// The space at the end says that details follow.
        Type "[{id:u}] {kind:k} {name:s} ";
        TypeAlone "[{id:u}] {kind:k} {name:s}";
    }
    // The details of each kind: its `*_log` function.
    Bpf Subject {
        IntDetails "size={size:u} bits_offset={offset:u} nr_bits={bits:u} encoding={encoding:w}";
        ReferenceDetails "type_id={type:u}";
        ArrayDetails "type_id={type:u} index_type_id={index:u} nr_elems={count:u}";
        VarDetails "type_id={type:u} linkage={linkage:u}";
        SizeDetails "size={size:u} vlen={vlen:u}";
        FloatDetails "size={size:u}";
        FwdStruct "struct";
        FwdUnion "union";
        TagDetails "type={type:u} component_idx={component:d}";
        ProtoReturn "return={type:u} args=(";
        ProtoNoArgument "void";
        ProtoOnlyVararg "vararg";
        ProtoArgument "{type:u} {name:s}";
        ProtoNextArgument ", {type:u} {name:s}";
        ProtoVararg ", vararg";
        ProtoEnd ")";
    }
    Bpf Separator {
        /// Before a reason.
        Space " ";
        /// After a reason.
        End "";
    }
    // The `*_check_meta` of each kind.
    Bpf Reason {
        ElementsCut "meta_left:{left:u} meta_needed:{needed:u}";
        Vlen "vlen != 0";
        KindFlag "Invalid btf_info kind_flag";
        IntData "Invalid int_data:{data:x}";
        IntBits "nr_bits exceeds {most:u}";
        IntSize "nr_bits exceeds type_size";
        IntEncoding "Unsupported encoding";
        TypeId "Invalid type_id";
        Name "Invalid name";
        FwdType "type != 0";
        ArraySize "size != 0";
        ArrayElement "Invalid elem";
        ArrayIndex "Invalid index";
        MemberName "Invalid member name_offset:{string:u}";
        MemberOffset "Invalid member bits_offset";
        MemberBeyond "Member bits_offset exceeds its struct size";
        EnumSize "Unexpected size";
        EnumeratorName "\tInvalid name_offset:{string:u}";
        FuncLinkage "Invalid func linkage";
        VarLinkage "Linkage not supported";
        SectionSize "size == 0";
        VarOffset "Invalid offset";
        VarSize "Invalid size";
        VarEnd "Invalid offset+size";
        SectionSum "Invalid btf_info size";
        FloatSize "Invalid type_size";
        TagValue "Invalid value";
        TagComponent "Invalid component_idx";
        /// Logged, but no reason to refuse: `btf_check_all_metas` ignores what `btf_add_type` returns.
        TooManyTypes "Exceeded max num of types";
    }
    // `btf_check_type_tags`, in 7.2 `btf_check_modifier_chain_length`.
    Bpf Reason {
        Chain "Max chain length or cycle detected";
        TagOrder "Type tags don't precede modifiers";
    }
    // `btf_relocate` in tools/lib/bpf/btf_relocate.c.
    Warn Reason {
        DistilledAnonymous "type [{id:d}], kind [{kind:d}] is invalid for distilled base BTF; it is anonymous";
        DistilledKind "type [{id:d}] in distilled based BTF has unexpected kind [{kind:d}]";
        DistilledVoid "base BTF id [{base:d}] maps to invalid distilled base BTF id [{id:d}]";
        DistilledAmbiguous "distilled base BTF type '{name:s}' [{id:u}], size {size:u} has multiple candidates of the same size (ids [{second:u}, {first:u}]) in base BTF";
        DistilledMissing "distilled base BTF type '{name:s}' [{id:d}] is not mapped to base BTF id";
        StringNotMapped "string '{text:s}' [offset {string:u}] is not mapped to base BTF";
    }
    // `btf_module_notify`.
    Warn Result {
        Refused "failed to validate module [{module:s}] BTF: {errno:d}";
        MismatchOnce "Kernel module BTF mismatch detected, BTF debug info may be unavailable for some modules";
        SysfsFailed "failed to register module [{module:s}] BTF in sysfs: {errno:d}";
    }
    // `check_modinfo` in kernel/module/main.c.
    Error Reason {
        VersionMagic "{module:s}: version magic '{magic:s}' should be '{wanted:s}'";
    }
    // `check_version` in kernel/module/version.c.
    Warn Reason {
        SymbolVersion "{module:s}: disagrees about version of symbol {symbol:s}";
        NoSymbolVersion "{module:s}: no symbol version for {symbol:s}";
    }
    // `simplify_symbols` in kernel/module/main.c.
    Warn Result {
        UnknownSymbol "{module:s}: Unknown symbol {symbol:s} (err {errno:d})";
    }
}

/// The fixed texts and slots of a template, in order.
pub(crate) fn template_parts(template: &'static str) -> impl Iterator<Item = TemplatePart> {
    let mut rest = template;
    core::iter::from_fn(move || {
        let Some(inner) = rest.strip_prefix('{') else {
            let end = rest.find('{').unwrap_or(rest.len());
            let (literal, after) = rest.split_at_checked(end)?;
            rest = after;
            return (!literal.is_empty()).then_some(TemplatePart::Literal(literal));
        };
        let (slot, after) = inner.split_once('}')?;
        let (name, conversion) = slot.split_once(':')?;
        rest = after;
        let slot = match conversion {
            "u" => Slot::Unsigned,
            "d" => Slot::Signed,
            "x" => Slot::Hex,
            "k" => Slot::Kind,
            "w" => Slot::Word,
            _ => Slot::Text,
        };
        Some(TemplatePart::Slot(name, slot))
    })
}

impl Form {
    /// The fixed texts and slots of the template, in order.
    pub fn template_parts(self) -> impl Iterator<Item = TemplatePart> {
        template_parts(self.template())
    }

    /// The template as a format string of the kernel's: `[%u] Invalid name_offset:%u`.
    #[must_use]
    pub fn format_string(self) -> String {
        self.template_parts()
            .map(|part| match part {
                TemplatePart::Literal(text) => text,
                TemplatePart::Slot(_, Slot::Unsigned) => "%u",
                TemplatePart::Slot(_, Slot::Signed) => "%d",
                TemplatePart::Slot(_, Slot::Hex) => "%x",
                TemplatePart::Slot(_, Slot::Text | Slot::Kind | Slot::Word) => "%s",
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_consist_of_known_conversions() {
        for &form in Form::ALL {
            let length: usize = form
                .template_parts()
                .map(|part| match part {
                    TemplatePart::Literal(text) => text.len(),
                    TemplatePart::Slot(name, _) => name.len() + "{:u}".len(),
                })
                .sum();
            assert_eq!(length, form.template().len(), "{form:?}");
            assert!(!form.template().contains(":s}{"), "{form:?}: nothing says where a text ends");
        }
    }

    #[test]
    fn format_strings_are_the_kernels() {
        assert_eq!(Form::NameOffset.format_string(), "[%u] Invalid name_offset:%u");
        assert_eq!(Form::Member.format_string(), "\t%s type_id=%u bits_offset=%u");
        assert_eq!(Form::TagDetails.format_string(), "type=%u component_idx=%d");
    }

    #[test]
    fn templates_differ() {
        let mut templates: Vec<_> = Form::ALL.iter().map(|form| form.template()).collect();
        templates.sort_unstable();
        assert!(templates.is_sorted_by(|a, b| a < b));
    }
}

//! Abbreviations as plans: the steps that the walk takes at a DIE.
//!
//! An abbreviation lists a DIE's attributes and their forms. Most attributes are not wanted, and most have a fixed size. So each
//! abbreviation becomes two short lists of steps. One reads the wanted attributes and skips runs of the others by their length. The
//! other skips the whole DIE and reads only the place of its next sibling.

use std::collections::HashMap;

use gimli::{DwAt, DwForm, DwTag, constants as dw};
use util::Endian;

use crate::dwarf::form::{Encoding, fixed_size};
use crate::dwarf::reader::Reader;
use crate::error::{Breach, Malformed};
use crate::ids::id32;

/// What a DIE is to the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Cu,
    BaseType,
    /// A pointer or reference.
    Pointer,
    /// `const`, `volatile`, `restrict`.
    Qualifier,
    /// A qualifier that BTF has no word for: the type means what it qualifies.
    Transparent,
    Typedef,
    Composite,
    Member,
    Enumeration,
    Enumerator,
    Array,
    Subrange,
    Prototype,
    Parameter,
    Variadic,
    /// A type without contents, such as C++'s `decltype(nullptr)`: `void` in BTF.
    Nothing,
    Function,
    Variable,
    /// Holds declarations, and nothing itself.
    Scope,
    Annotation,
    /// Nothing in it is wanted.
    Ignored,
    /// It means something that is not encoded.
    Unsupported,
}

/// `DW_TAG_LLVM_annotation`: a tag from `btf_type_tag` or `btf_decl_tag`.
const LLVM_ANNOTATION: DwTag = DwTag(0x6000);

impl Class {
    const fn of(tag: DwTag) -> Self {
        match tag {
            dw::DW_TAG_compile_unit | dw::DW_TAG_partial_unit | dw::DW_TAG_type_unit | dw::DW_TAG_skeleton_unit => {
                Self::Cu
            }
            dw::DW_TAG_base_type => Self::BaseType,
            dw::DW_TAG_pointer_type | dw::DW_TAG_reference_type | dw::DW_TAG_rvalue_reference_type => Self::Pointer,
            dw::DW_TAG_const_type | dw::DW_TAG_volatile_type | dw::DW_TAG_restrict_type => Self::Qualifier,
            dw::DW_TAG_atomic_type | dw::DW_TAG_immutable_type | dw::DW_TAG_packed_type | dw::DW_TAG_shared_type => {
                Self::Transparent
            }
            dw::DW_TAG_typedef => Self::Typedef,
            dw::DW_TAG_structure_type | dw::DW_TAG_class_type | dw::DW_TAG_interface_type | dw::DW_TAG_union_type => {
                Self::Composite
            }
            dw::DW_TAG_member => Self::Member,
            dw::DW_TAG_enumeration_type => Self::Enumeration,
            dw::DW_TAG_enumerator => Self::Enumerator,
            dw::DW_TAG_array_type => Self::Array,
            dw::DW_TAG_subrange_type => Self::Subrange,
            dw::DW_TAG_subroutine_type => Self::Prototype,
            dw::DW_TAG_formal_parameter => Self::Parameter,
            dw::DW_TAG_unspecified_parameters => Self::Variadic,
            dw::DW_TAG_unspecified_type => Self::Nothing,
            dw::DW_TAG_subprogram => Self::Function,
            dw::DW_TAG_variable => Self::Variable,
            dw::DW_TAG_namespace | dw::DW_TAG_module | dw::DW_TAG_lexical_block => Self::Scope,
            LLVM_ANNOTATION => Self::Annotation,
            dw::DW_TAG_inlined_subroutine
            | dw::DW_TAG_label
            | dw::DW_TAG_call_site
            | dw::DW_TAG_call_site_parameter
            | dw::DW_TAG_GNU_call_site
            | dw::DW_TAG_GNU_call_site_parameter
            | dw::DW_TAG_dwarf_procedure
            | dw::DW_TAG_imported_declaration
            | dw::DW_TAG_imported_module
            | dw::DW_TAG_imported_unit
            | dw::DW_TAG_template_type_parameter
            | dw::DW_TAG_template_value_parameter
            | dw::DW_TAG_GNU_template_template_param
            | dw::DW_TAG_GNU_template_parameter_pack
            | dw::DW_TAG_GNU_formal_parameter_pack
            | dw::DW_TAG_constant => Self::Ignored,
            _ => Self::Unsupported,
        }
    }
}

/// The attributes that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Attr {
    Name,
    Type,
    ByteSize,
    BitSize,
    BitOffset,
    DataBitOffset,
    MemberLocation,
    Encoding,
    UpperBound,
    Count,
    ConstValue,
    Declaration,
    External,
    Artificial,
    AbstractOrigin,
    Specification,
    Location,
    Language,
    StrOffsetsBase,
    AddrBase,
    LoclistsBase,
    /// The name of the file that has the CU which a skeleton CU stands for.
    DwoName,
    Sibling,
}

/// How many [`Attr`]s there are.
pub(crate) const ATTRS: usize = Attr::Sibling as usize + 1;

impl Attr {
    /// The attribute with this number, if it is wanted of a DIE of this class.
    const fn of(at: DwAt, class: Class) -> Option<Self> {
        use Class::{
            Annotation, Array, BaseType, Composite, Cu, Enumeration, Enumerator, Function, Member, Parameter, Pointer,
            Prototype, Qualifier, Subrange, Transparent, Typedef, Variable,
        };
        Some(match (at, class) {
            (dw::DW_AT_sibling, _) => Self::Sibling,
            (
                dw::DW_AT_name,
                BaseType | Typedef | Composite | Member | Enumeration | Enumerator | Parameter | Function | Variable
                | Annotation | Cu,
            ) => Self::Name,
            (
                dw::DW_AT_type,
                Pointer | Qualifier | Transparent | Typedef | Member | Array | Prototype | Parameter | Function
                | Variable | Enumeration,
            ) => Self::Type,
            (dw::DW_AT_byte_size, BaseType | Composite | Member | Enumeration) => Self::ByteSize,
            (dw::DW_AT_bit_size, Member) => Self::BitSize,
            (dw::DW_AT_bit_offset, Member) => Self::BitOffset,
            (dw::DW_AT_data_bit_offset, Member) => Self::DataBitOffset,
            (dw::DW_AT_data_member_location, Member) => Self::MemberLocation,
            (dw::DW_AT_encoding, BaseType) => Self::Encoding,
            (dw::DW_AT_upper_bound, Subrange) => Self::UpperBound,
            (dw::DW_AT_count, Subrange) => Self::Count,
            (dw::DW_AT_const_value, Enumerator | Annotation) => Self::ConstValue,
            (dw::DW_AT_declaration, Composite | Function | Variable | Member) => Self::Declaration,
            (dw::DW_AT_external, Function | Variable | Member) => Self::External,
            (dw::DW_AT_artificial, Variable) => Self::Artificial,
            (dw::DW_AT_abstract_origin, Function | Parameter) => Self::AbstractOrigin,
            (dw::DW_AT_specification, Function | Variable | Composite) => Self::Specification,
            (dw::DW_AT_location, Variable | Parameter) => Self::Location,
            (dw::DW_AT_language, Cu) => Self::Language,
            (dw::DW_AT_str_offsets_base, Cu) => Self::StrOffsetsBase,
            (dw::DW_AT_addr_base, Cu) => Self::AddrBase,
            (dw::DW_AT_loclists_base, Cu) => Self::LoclistsBase,
            (dw::DW_AT_dwo_name | dw::DW_AT_GNU_dwo_name, Cu) => Self::DwoName,
            _ => return None,
        })
    }
}

/// A step in reading a DIE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttrStep {
    /// Pass over this many bytes.
    Bytes(u32),
    /// Pass over a value whose length depends on it.
    Value(DwForm),
    /// Read a value.
    Read(Attr, DwForm),
    /// A value that stands in the abbreviation.
    Implicit(Attr, i64),
}

/// An abbreviation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AbbrevPlan {
    pub(crate) tag: DwTag,
    pub(crate) class: Class,
    pub(crate) has_children: bool,
    /// Where its steps begin, where those begin that only pass over it, and where those end.
    steps: [u32; 3],
}

/// The abbreviations of a CU.
#[derive(Debug, Default)]
pub(crate) struct AbbrevPlans {
    /// Those with the codes 1, 2, 3 and so on.
    dense: Vec<AbbrevPlan>,
    /// Those with other codes.
    sparse: HashMap<u64, AbbrevPlan>,
    steps: Vec<AttrStep>,
    /// Whether an attribute refers to other CUs.
    pub(crate) refers_across: bool,
    /// Internal errors of what cannot return any.
    pub(crate) breach: Breach,
}

impl AbbrevPlans {
    /// Reads the table that begins with `bytes`, in place of what was here. Where parameters lie is read if `locations` are
    /// wanted.
    pub(crate) fn read(
        &mut self,
        bytes: &[u8],
        endian: Endian,
        encoding: Encoding,
        locations: bool,
    ) -> Result<(), Malformed> {
        self.dense.clear();
        self.sparse.clear();
        self.steps.clear();
        self.refers_across = false;
        let mut reader = Reader::new(bytes, endian);
        let mut passing = Vec::new();
        while !reader.is_at_end() {
            let code = reader.uleb()?;
            if code == 0 {
                break;
            }
            let plan = self.plan(&mut reader, code, encoding, locations, &mut passing)?;
            let is_next = code == (self.dense.len() as u64).wrapping_add(1);
            if self.get(code).is_some() {
                return Err(Malformed::DuplicateAbbreviation { code });
            }
            if is_next {
                self.dense.push(plan);
            } else {
                self.sparse.insert(code, plan);
            }
        }
        Ok(())
    }

    fn plan(
        &mut self,
        reader: &mut Reader<'_>,
        code: u64,
        encoding: Encoding,
        locations: bool,
        passing: &mut Vec<AttrStep>,
    ) -> Result<AbbrevPlan, Malformed> {
        let wrong = |what| Malformed::AbbreviationContent { code, what };
        let tag = DwTag(reader.uleb16()?);
        if tag == dw::DW_TAG_null {
            return Err(wrong("tag 0"));
        }
        let class = Class::of(tag);
        let has_children = match dw::DwChildren(reader.u8()?) {
            dw::DW_CHILDREN_no => false,
            dw::DW_CHILDREN_yes => true,
            _ => return Err(wrong("a byte other than 0 and 1 where it says whether it has children")),
        };
        let start = self.steps.len();
        passing.clear();
        loop {
            let (at, form) = (DwAt(reader.uleb16()?), DwForm(reader.uleb16()?));
            match (at, form) {
                (dw::DW_AT_null, dw::DW_FORM_null) => break,
                (dw::DW_AT_null, _) => return Err(wrong("attribute 0")),
                (_, dw::DW_FORM_null) => return Err(wrong("an attribute of form 0")),
                _ => {}
            }
            let implicit = if form == dw::DW_FORM_implicit_const { Some(reader.sleb()?) } else { None };
            self.refers_across |= form == dw::DW_FORM_ref_addr && at != dw::DW_AT_import;
            let is_wanted = |attr: &Attr| locations || class != Class::Parameter || *attr != Attr::Location;
            let attr = Attr::of(at, class).filter(is_wanted);
            let step = match (attr, implicit) {
                (Some(attr), Some(value)) => AttrStep::Implicit(attr, value),
                (Some(attr), None) => AttrStep::Read(attr, form),
                (None, _) => pass(form, encoding),
            };
            push(&mut self.steps, start, step);
            let is_sibling = attr == Some(Attr::Sibling);
            push(passing, 0, if is_sibling { step } else { pass(form, encoding) });
        }
        let end = |steps: &Vec<AttrStep>| id32(steps.len());
        let middle = end(&self.steps);
        self.steps.append(passing);
        let steps = [id32(start), middle, end(&self.steps)];
        Ok(AbbrevPlan { tag, class, has_children, steps })
    }

    /// The abbreviation with this code.
    #[inline]
    pub(crate) fn get(&self, code: u64) -> Option<&AbbrevPlan> {
        let place = usize::try_from(code).ok().and_then(|code| code.checked_sub(1));
        match place.and_then(|place| self.dense.get(place)) {
            Some(plan) => Some(plan),
            None => self.sparse.get(&code),
        }
    }

    /// The steps that read what is wanted of a DIE.
    #[inline]
    pub(crate) fn reading(&self, plan: &AbbrevPlan) -> &[AttrStep] {
        let [start, middle, _] = plan.steps;
        self.steps.get(start as usize..middle as usize).unwrap_or_else(|| self.no_steps())
    }

    /// The steps that pass over a DIE.
    #[inline]
    pub(crate) fn passing(&self, plan: &AbbrevPlan) -> &[AttrStep] {
        let [_, middle, end] = plan.steps;
        self.steps.get(middle as usize..end as usize).unwrap_or_else(|| self.no_steps())
    }

    #[cold]
    fn no_steps(&self) -> &[AttrStep] {
        self.breach.note("an abbreviation has no steps");
        &[]
    }
}

fn pass(form: DwForm, encoding: Encoding) -> AttrStep {
    match fixed_size(form, encoding) {
        Some(size) => AttrStep::Bytes(id32(size)),
        None => AttrStep::Value(form),
    }
}

/// Adds a step, as part of the one before it where both pass over a number of bytes.
fn push(steps: &mut Vec<AttrStep>, start: usize, step: AttrStep) {
    let last = steps.get_mut(start..).and_then(<[AttrStep]>::last_mut);
    match (step, last) {
        (AttrStep::Bytes(0), _) => {}
        (AttrStep::Bytes(more), Some(AttrStep::Bytes(bytes))) if bytes.checked_add(more).is_some() => *bytes += more,
        (step, _) => steps.push(step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENCODING: Encoding = Encoding { version: 5, address_size: 8, offset_size: 4 };

    fn abbreviation(code: u8, tag: DwTag, attributes: &[(DwAt, DwForm)]) -> Vec<u8> {
        let mut bytes = vec![code, u8::try_from(tag.0).expect("a small number"), 1];
        for (at, form) in attributes {
            bytes.extend([u8::try_from(at.0).expect("small"), u8::try_from(form.0).expect("small")]);
            bytes.extend((*form == dw::DW_FORM_implicit_const).then_some(0x7f));
        }
        bytes.extend([0, 0]);
        bytes
    }

    #[test]
    fn what_is_not_wanted_is_passed_over_in_one_step() {
        let attributes = [
            (dw::DW_AT_name, dw::DW_FORM_strp),
            (dw::DW_AT_decl_file, dw::DW_FORM_data1),
            (dw::DW_AT_decl_line, dw::DW_FORM_data2),
            (dw::DW_AT_decl_column, dw::DW_FORM_implicit_const),
            (dw::DW_AT_type, dw::DW_FORM_ref4),
            (dw::DW_AT_sibling, dw::DW_FORM_ref4),
            (dw::DW_AT_const_value, dw::DW_FORM_udata),
        ];
        let mut bytes = abbreviation(1, dw::DW_TAG_member, &attributes);
        bytes.extend(abbreviation(9, dw::DW_TAG_label, &[(dw::DW_AT_low_pc, dw::DW_FORM_addr)]));
        bytes.push(0);
        let mut plans = AbbrevPlans::default();
        plans.read(&bytes, Endian::Little, ENCODING, true).expect("well-formed");
        let member = plans.get(1).expect("it is there");
        assert_eq!((member.class, member.has_children), (Class::Member, true));
        let (name, ty) = (AttrStep::Read(Attr::Name, dw::DW_FORM_strp), AttrStep::Read(Attr::Type, dw::DW_FORM_ref4));
        let sibling = AttrStep::Read(Attr::Sibling, dw::DW_FORM_ref4);
        let last = AttrStep::Value(dw::DW_FORM_udata);
        assert_eq!(plans.reading(member), [name, AttrStep::Bytes(3), ty, sibling, last]);
        assert_eq!(plans.passing(member), [AttrStep::Bytes(11), sibling, last]);
        let label = plans.get(9).expect("a code may be skipped");
        assert_eq!(plans.passing(label), [AttrStep::Bytes(8)]);
        assert!(plans.get(0).is_none() && plans.get(2).is_none() && plans.get(u64::MAX).is_none());
        assert!(!plans.refers_across);
    }

    #[test]
    fn a_value_in_the_abbreviation_is_kept() {
        let mut plans = AbbrevPlans::default();
        let table = abbreviation(1, dw::DW_TAG_base_type, &[(dw::DW_AT_byte_size, dw::DW_FORM_implicit_const)]);
        plans.read(&table, Endian::Little, ENCODING, true).expect("the end of the section ends a table too");
        let plan = plans.get(1).expect("it is there");
        assert_eq!(plans.reading(plan), [AttrStep::Implicit(Attr::ByteSize, -1)]);
    }

    #[test]
    fn a_table_that_is_cut_is_refused() {
        let table = abbreviation(1, dw::DW_TAG_member, &[(dw::DW_AT_name, dw::DW_FORM_strp)]);
        for length in 1..table.len() {
            let cut = table.get(..length).expect("shorter");
            assert!(AbbrevPlans::default().read(cut, Endian::Little, ENCODING, true).is_err(), "{length} bytes");
        }
    }

    /// What gimli refuses is refused, and what it accepts is accepted.
    #[test]
    fn damaged_tables_are_refused_as_by_gimli() {
        let good = abbreviation(1, dw::DW_TAG_member, &[(dw::DW_AT_name, dw::DW_FORM_strp)]);
        let twice = [&good[..], &good].concat();
        let later = [abbreviation(7, dw::DW_TAG_label, &[]), good.clone(), abbreviation(7, dw::DW_TAG_label, &[])];
        let filled = [abbreviation(2, dw::DW_TAG_label, &[]), good.clone(), abbreviation(2, dw::DW_TAG_label, &[])];
        let tables = [
            (good.clone(), None),
            (twice, Some(Malformed::DuplicateAbbreviation { code: 1 })),
            (later.concat(), Some(Malformed::DuplicateAbbreviation { code: 7 })),
            (filled.concat(), Some(Malformed::DuplicateAbbreviation { code: 2 })),
        ];
        for (mut table, expected) in tables {
            table.push(0);
            let ours = AbbrevPlans::default().read(&table, Endian::Little, ENCODING, true);
            assert_eq!(ours.as_ref().err(), expected.as_ref());
            assert_eq!(gimli_accepts(&table), ours.is_ok());
        }
        let mut table = good;
        table.push(0);
        for place in 0..table.len() {
            for value in 0..=u8::MAX {
                let mut damaged = table.clone();
                damaged[place] = value;
                let ours = AbbrevPlans::default().read(&damaged, Endian::Little, ENCODING, true);
                assert_eq!(gimli_accepts(&damaged), ours.is_ok(), "byte {place} is {value:#x}: {ours:?}");
            }
        }
    }

    fn gimli_accepts(table: &[u8]) -> bool {
        let tables = gimli::DebugAbbrev::new(table, gimli::LittleEndian);
        tables.abbreviations(gimli::DebugAbbrevOffset(0)).is_ok()
    }
}

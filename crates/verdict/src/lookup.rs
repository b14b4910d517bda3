//! The names that a kernel looks up while it validates a module's BTF, one by one: at which offset, on which side, and what it reads.
//!
//! Source: `btf_str_by_offset` in `kernel/bpf/btf.c`. Offsets up to the base's string length are the base's; the module's own strings
//! follow.

use btf::{BStr, BString, Btf, Kind, ParseError, StrOff, Type, View};

use crate::form::Form;
use crate::line::Line;
use crate::module::{BootState, Kernel, ModuleBtf, Verdict};
use crate::name::{self, NameOf};
use crate::raw_btf::RawBtf;
use crate::rules::Rules;

/// What has the name that is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameOwner {
    /// The type itself.
    Type,
    /// Its member, counted from 0.
    Member(u32),
    /// Its enumerator, counted from 0.
    Enumerator(u32),
}

/// One look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The type's id over the running base.
    pub id: u32,
    /// Its kind.
    pub kind: Kind,
    /// What has the name.
    pub owner: NameOwner,
    /// The offset in the base's strings and the module's, put together.
    pub offset: u32,
    /// Whether the module's own strings are chosen, and not the base's.
    pub own: bool,
    /// What is read; `None` beyond all strings.
    pub text: Option<BString>,
    /// The intended name: the string at this offset over the base that the module was made with. `None` if that base or the
    /// string is not known.
    pub meant: Option<BString>,
}

impl Lookup {
    /// Whether the name that is read differs from the intended one. False if the intended name is not known.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.meant.is_some() && self.text != self.meant
    }
}

/// All look-ups of a module, up to the one that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookups {
    /// Where the module's own strings start: the length of the running base's strings.
    pub own_start: u32,
    /// Where they start over the base that the module was made with.
    pub true_start: Option<u32>,
    /// The end of the module's own strings.
    pub end: u32,
    /// The look-ups in the order in which the kernel does them.
    pub rows: Vec<Lookup>,
    /// Whether the last one is the name that the kernel refuses.
    pub last_fails: bool,
    /// What the kernel does and logs.
    pub verdict: Verdict,
}

/// Follows a kernel of these rules through a module's names. A distilled base, if the kernel uses it, is the base of the look-ups. The BTF
/// that the module was made with says what was meant.
///
/// # Errors
///
/// [`ParseError`] where the module's BTF or distilled base cannot be taken apart at all.
pub fn lookups(
    name: &BStr,
    module: ModuleBtf<'_>,
    running: &Btf<'_>,
    made_with: Option<&Btf<'_>>,
    rules: Rules,
) -> Result<Lookups, ParseError> {
    let kernel_btf = RawBtf::running(running);
    let kernel = Kernel { base: Some(&kernel_btf), rules, endian: running.endian() };
    let verdict = kernel.module_btf(name, module, &mut BootState::default());
    let own = Btf::parse(module.btf)?;
    let distilled = module.base.filter(|_| rules.relocates()).map(Btf::parse).transpose()?;
    let base = distilled.as_ref().unwrap_or(running);
    let view = own.over(base);
    let made_with = made_with.filter(|_| distilled.is_none());
    let intended = made_with.map(|made_with| own.over(made_with));
    let own_start = view.first_string().0;
    let stop = Stop::of(&verdict);
    let mut rows = Vec::new();
    let mut last_fails = false;
    'types: for (id, ty) in view.own_types() {
        for (owner, offset, word) in names(&ty) {
            let text = read(view, offset);
            let meant = intended.and_then(|view| read(view, offset));
            let own = offset.0 >= own_start;
            let fails = stop.is_at(id.0, owner, word, text.as_ref(), &ty, &rules);
            rows.push(Lookup { id: id.0, kind: ty.kind(), owner, offset: offset.0, own, text, meant });
            if fails {
                last_fails = true;
                break 'types;
            }
        }
        if stop.id == Some(id.0) {
            break;
        }
    }
    let length = u32::try_from(own.strings().len()).unwrap_or(u32::MAX);
    Ok(Lookups {
        own_start,
        true_start: intended.map(|view| view.first_string().0),
        end: own_start.saturating_add(length),
        rows,
        last_fails,
        verdict,
    })
}

fn read(view: View<'_>, offset: StrOff) -> Option<BString> {
    view.string(offset).map(BString::from)
}

/// The names of a type in the order of the kernel's checks, each with a member's type and offset. Parameters are not looked up.
fn names(ty: &Type<'_>) -> impl Iterator<Item = (NameOwner, StrOff, (u32, u32))> {
    let members = (0..)
        .zip(ty.members())
        .map(|(nth, member)| (NameOwner::Member(nth), member.name, (member.ty.0, member.bit_offset)));
    let enumerators =
        (0..).zip(ty.enumerators()).map(|(nth, enumerator)| (NameOwner::Enumerator(nth), enumerator.name, (0, 0)));
    let own = core::iter::once((NameOwner::Type, ty.name(), (0, 0)));
    own.chain(members).chain(enumerators).filter(|(_, name, _)| !name.is_none())
}

/// Where the kernel stops, as its lines say.
struct Stop {
    reason: Option<Form>,
    /// The type that the lines name.
    id: Option<u32>,
    subject: Option<Line>,
    /// An offset that the reason names.
    string: Option<i64>,
}

impl Stop {
    fn of(verdict: &Verdict) -> Self {
        let Some(reason) = verdict.reason() else {
            return Self { reason: None, id: None, subject: None, string: None };
        };
        let subjects = [Form::Type, Form::TypeAlone, Form::Member, Form::BitfieldMember];
        let subject = verdict.lines.iter().rev().find(|line| subjects.contains(&line.form));
        let named = reason.number("id").or_else(|| subject?.number("id"));
        Self {
            reason: Some(reason.form),
            id: named.and_then(|id| u32::try_from(id).ok()),
            subject: subject.cloned(),
            string: reason.number("string"),
        }
    }

    /// Whether this look-up is the one that fails.
    fn is_at(
        &self,
        id: u32,
        owner: NameOwner,
        member: (u32, u32),
        text: Option<&BString>,
        ty: &Type<'_>,
        rules: &Rules,
    ) -> bool {
        let of = match ty.kind() {
            Kind::Var => NameOf::Variable,
            Kind::Datasec => NameOf::Section,
            _ => NameOf::Identifier,
        };
        let invalid = || text.is_none_or(|text| !name::is_valid(text.as_ref(), of, rules));
        match (self.reason, owner) {
            (Some(Form::NameOffset), NameOwner::Type) => self.id == Some(id) && text.is_none(),
            (Some(Form::MemberName), NameOwner::Member(_)) | (Some(Form::EnumeratorName), NameOwner::Enumerator(_)) => {
                text.is_none() && self.string.is_some()
            }
            (Some(Form::Name), NameOwner::Member(_)) => {
                let number = |slot| self.subject.as_ref().and_then(|line| line.number(slot));
                self.id.is_none()
                    && number("type") == Some(member.0.into())
                    && number("offset") == Some(member.1.into())
                    && invalid()
            }
            (Some(Form::Name | Form::TagValue), _) => self.id == Some(id) && invalid(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use btf::{Builder, Endian, IntData, Record};

    use super::*;

    /// A base whose strings are these, and nothing else but an int.
    fn base(names: &[&str]) -> Vec<u8> {
        let mut builder = Builder::new(Endian::Little);
        let offsets: Vec<_> = names.iter().map(|name| builder.add_string(name).unwrap()).collect();
        builder.add(&Record::int(offsets[0], 4, IntData::new(IntData::SIGNED, 0, 32))).unwrap();
        builder.to_bytes().unwrap()
    }

    fn module(base: &[u8]) -> Vec<u8> {
        let base = Btf::parse(base).unwrap();
        let mut builder = Builder::over(&base);
        let (known, own) = (builder.add_string("size_of").unwrap(), builder.add_string("own").unwrap());
        builder.add(&Record::reference(Kind::Typedef, known, btf::TypeId(1))).unwrap();
        builder.add(&Record::reference(Kind::Typedef, own, btf::TypeId(1))).unwrap();
        builder.to_bytes().unwrap()
    }

    fn follow(running: &[u8], module: &[u8], made_with: &[u8]) -> Lookups {
        let (running, made_with) = (Btf::parse(running).unwrap(), Btf::parse(made_with).unwrap());
        let sections = ModuleBtf { btf: module, base: None };
        lookups(BStr::new("a"), sections, &running, Some(&made_with), Rules::new("6.1".parse().unwrap(), false))
            .unwrap()
    }

    #[test]
    fn lookups_end_where_the_kernel_stops() {
        let (built, running) = (base(&["int", "size_of"]), base(&["int", "9"]));
        let found = follow(&running, &module(&built), &built);
        let [row] = &found.rows[..] else { panic!("{found:?}") };
        assert_eq!((row.offset, row.own, row.id), (5, false, 2));
        assert_eq!(
            (row.text.clone().unwrap(), row.meant.clone().unwrap()),
            (BString::from("9"), BString::from("size_of"))
        );
        assert!(found.last_fails && row.differs());
        assert_eq!((found.own_start, found.true_start), (7, Some(13)));
    }

    #[test]
    fn lookups_show_wrong_names_that_are_accepted() {
        let (built, running) = (base(&["int", "size_of"]), base(&["int", "x1size_of"]));
        let found = follow(&running, &module(&built), &built);
        assert!(!found.last_fails && found.rows.iter().all(Lookup::differs));
        assert_eq!((found.rows[1].own, found.rows[1].text.clone()), (false, Some(BString::from("f"))));
    }

    #[test]
    fn lookups_of_a_true_base_are_all_there_and_none_fails() {
        let built = base(&["int", "size_of"]);
        let found = follow(&built, &module(&built), &built);
        assert_eq!(found.rows.len(), 2);
        assert!(!found.last_fails && found.rows.iter().all(|row| !row.differs()));
        assert!(found.rows[1].own && !found.rows[0].own);
    }
}

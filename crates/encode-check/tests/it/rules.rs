//! Each rule, where it predicts something and where it must not.

use std::collections::BTreeMap;

use btf::{Btf, Builder, Endian, IntData, Kind, Member, Record, StrOff, TypeId};
use encode::{Options, PreparedBase};
use encode_check::{Compared, FileChecker, FileOutcome, FileReport, FileVerdict, RULES};
use kmod::ElfFile;

use crate::dwarf;

/// BTF being put together.
pub(crate) struct Source<'a> {
    builder: Builder<'a>,
    /// Those of functions, by their parameter.
    prototypes: BTreeMap<TypeId, TypeId>,
}

impl<'a> Source<'a> {
    pub(crate) fn alone() -> Source<'static> {
        Source { builder: Builder::new(Endian::Little), prototypes: BTreeMap::new() }
    }

    pub(crate) fn over(base: &'a Btf<'a>) -> Self {
        Self { builder: Builder::over(base), prototypes: BTreeMap::new() }
    }

    fn name(&mut self, name: &str) -> StrOff {
        self.builder.add_string(name).expect("no NUL")
    }

    fn add(&mut self, record: &Record) -> TypeId {
        self.builder.add(record).expect("well-formed")
    }

    pub(crate) fn int(&mut self, name: &str, bytes: u32) -> TypeId {
        let name = self.name(name);
        let bits = u8::try_from(bytes * 8).expect("small");
        self.add(&Record::int(name, bytes, IntData::new(IntData::SIGNED, 0, bits)))
    }

    pub(crate) fn declaration(&mut self, name: &str) -> TypeId {
        let name = self.name(name);
        self.add(&Record::reference(Kind::Fwd, name, TypeId::VOID))
    }

    pub(crate) fn pointer(&mut self, to: TypeId) -> TypeId {
        self.add(&Record::reference(Kind::Ptr, StrOff::NONE, to))
    }

    pub(crate) fn structure(&mut self, name: &str, size: u32, members: &[(&str, TypeId)]) -> TypeId {
        let name = self.name(name);
        let mut record = Record::sized(Kind::Struct, name, size);
        for (bit_offset, &(name, ty)) in (0..).step_by(64).zip(members) {
            let name = self.name(name);
            record = record.member(Member { name, ty, bit_offset, bitfield_size: 0 });
        }
        self.add(&record)
    }

    pub(crate) fn typedef(&mut self, name: &str, of: TypeId) -> TypeId {
        let name = self.name(name);
        self.add(&Record::reference(Kind::Typedef, name, of))
    }

    pub(crate) fn function(&mut self, name: &str, parameter: TypeId) -> TypeId {
        let (function, name) = (self.name(name), self.name("x"));
        let prototype = Record::reference(Kind::FuncProto, StrOff::NONE, TypeId::VOID).param(name, parameter);
        let known = self.prototypes.get(&parameter).copied();
        let prototype = known.unwrap_or_else(|| self.add(&prototype));
        self.prototypes.insert(parameter, prototype);
        self.add(&Record::reference(Kind::Func, function, prototype))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.builder.to_bytes().expect("small")
    }
}

#[test]
fn every_rule_says_what_it_predicts_and_what_causes_it() {
    let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
    names.dedup();
    assert_eq!(names, ["threads", "repeated"]);
    assert!(RULES.iter().all(|rule| !rule.predicts.is_empty() && rule.cause.contains(".c, ")));
}

/// Two units that define `both`, each in its way, and a function of its own.
fn two_units() -> ElfFile {
    let units = [("first", "int", 4), ("second", "long int", 8)];
    let bytes = dwarf::elf(&units.map(|(own, ty, size)| dwarf::Unit { ty, size, functions: ["both", own] }));
    ElfFile::from_bytes(bytes).expect("a usable file")
}

/// What was shipped for it with these functions, in their order; each with the size of its parameter.
fn shipped(functions: &[(&str, u32)]) -> Vec<u8> {
    let mut shipped = Source::alone();
    let [int, long, short] = [("int", 4), ("long int", 8), ("short int", 2)].map(|(name, size)| {
        let is_there = size != 2 || functions.iter().any(|function| function.1 == 2);
        if is_there { shipped.int(name, size) } else { TypeId::VOID }
    });
    for &(name, size) in functions {
        shipped.function(
            name,
            [(4, int), (8, long), (2, short)].into_iter().find(|ty| ty.0 == size).expect("one of these").1,
        );
    }
    shipped.bytes()
}

fn check(by_chance: bool, functions: &[(&str, u32)]) -> FileReport {
    let reference = FileChecker::new(None, Options::pahole_1_24()).by_chance(by_chance);
    reference.check("vmlinux", &two_units(), &shipped(functions))
}

/// How many types the rule `threads` explains, and how many differences none does.
fn threads_and_open(report: &FileReport) -> (u32, usize) {
    let FileOutcome::Compared(compared) = &report.outcome else { panic!("{report:?}") };
    (compared.threads, compared.differences.iter().filter(|it| it.rule.is_none()).count())
}

#[test]
fn threads_each_writes_the_first_function_of_a_name_that_it_meets() {
    let one_thread = [("both", 4), ("first", 4), ("second", 8)];
    let two_threads = [("both", 4), ("first", 4), ("both", 8), ("second", 8)];
    let the_other_way_round = [("both", 8), ("second", 8), ("both", 4), ("first", 4)];
    for by_chance in [false, true] {
        let report = check(by_chance, &one_thread);
        assert_eq!((report.verdict(), threads_and_open(&report)), (FileVerdict::Equal, (0, 0)), "{report:#?}");
    }
    for functions in [two_threads, the_other_way_round] {
        let report = check(true, &functions);
        assert_eq!((report.verdict(), threads_and_open(&report)), (FileVerdict::Explained, (1, 0)), "{report:#?}");
        let report = check(false, &functions);
        assert_eq!((report.verdict(), threads_and_open(&report)), (FileVerdict::Unexplained, (0, 1)), "{report:#?}");
    }
}

#[test]
fn threads_does_not_excuse_what_no_unit_defines_or_no_thread_could_leave_out() {
    let wrong: [&[(&str, u32)]; 5] = [
        &[("both", 4), ("first", 4), ("both", 2), ("second", 8)],
        &[("both", 4), ("first", 4), ("both", 8), ("second", 8), ("both", 2)],
        &[("both", 4), ("first", 4), ("both", 8), ("second", 8), ("third", 8)],
        &[("both", 4), ("first", 4), ("both", 8)],
        &[("first", 4), ("second", 8)],
    ];
    for functions in wrong {
        let report = check(true, functions);
        assert_eq!(report.verdict(), FileVerdict::Unexplained, "{functions:?}: {report:#?}");
        assert_eq!(
            threads_and_open(&report).0,
            0,
            "none is explained as long as one is not: {functions:?}: {report:#?}"
        );
    }
}

/// A base with a struct `holder` that leads to `held`, which is only declared, a struct `plain`, and an `int`.
fn declaring_base() -> Vec<u8> {
    let mut base = Source::alone();
    let declaration = base.declaration("held");
    let pointer = base.pointer(declaration);
    base.structure("holder", 8, &[("held", pointer)]);
    let int = base.int("int", 4);
    base.structure("plain", 8, &[("x", int)]);
    base.bytes()
}

const POINTER: TypeId = TypeId(2);
const HOLDER: TypeId = TypeId(3);
const INT: TypeId = TypeId(4);
const PLAIN: TypeId = TypeId(5);

/// A module with `holder` once more, and what follows; with `held` itself where it is the reason for that.
fn module(base: &[u8], with_held: bool, more: impl FnOnce(&mut Source<'_>, TypeId) -> TypeId) -> Vec<u8> {
    let base = Btf::parse(base).expect("valid");
    let mut module = Source::over(&base);
    let holder = module.structure("holder", 8, &[("held", POINTER)]);
    if with_held {
        module.structure("held", 8, &[("x", INT)]);
    }
    more(&mut module, holder);
    module.bytes()
}

fn compare(base: &[u8], ours: &[u8], shipped: &[u8]) -> Compared {
    let parsed = Btf::parse(base).expect("valid");
    let prepared = PreparedBase::new(base).expect("usable");
    let reference = FileChecker::new(Some((&parsed, &prepared)), Options::kernel());
    reference.compare_bytes(ours, shipped).expect("it can be compared")
}

#[test]
fn repeated_the_base_s_type_or_the_copy_that_is_written_again() {
    let base = declaring_base();
    let to_base = module(&base, true, |module, _| module.typedef("alias", HOLDER));
    let to_copy = module(&base, true, |module, copy| module.typedef("alias", copy));
    for (ours, shipped) in [(&to_base, &to_copy), (&to_copy, &to_base)] {
        let compared = compare(&base, ours, shipped);
        let rules: Vec<_> = compared.differences.iter().map(|it| (it.name.as_str(), it.rule.as_deref())).collect();
        assert_eq!(rules, [("alias", Some("repeated"))]);
        assert_eq!(compared.verdict(), FileVerdict::Explained);
    }
}

#[test]
fn repeated_does_not_excuse_another_type_one_too_many_or_one_without_a_reason() {
    let base = declaring_base();
    let to_base = |with_held| module(&base, with_held, |module, _| module.typedef("alias", HOLDER));
    let to_copy = |with_held| module(&base, with_held, |module, copy| module.typedef("alias", copy));
    let to_another = module(&base, true, |module, _| module.typedef("alias", PLAIN));
    let twice = module(&base, true, |module, _| {
        module.typedef("alias", HOLDER);
        module.typedef("alias", HOLDER)
    });
    let with_more = module(&base, true, |module, copy| {
        module.typedef("alias", copy);
        module.typedef("other", INT)
    });
    let another_held = module(&base, false, |module, copy| {
        module.structure("held", 8, &[("y", INT)]);
        module.typedef("alias", copy)
    });
    let wrong = [
        [to_base(true), to_another],
        [to_base(true), twice],
        [to_base(true), with_more],
        [to_base(true), another_held],
        [to_base(false), to_copy(false)],
    ];
    for (place, [one, other]) in wrong.iter().enumerate() {
        for (ours, shipped) in [(one, other), (other, one)] {
            let compared = compare(&base, ours, shipped);
            assert!(compared.differences.iter().all(|it| it.rule.is_none()), "{place}: {compared:#?}");
            assert_eq!(compared.verdict(), FileVerdict::Unexplained, "{place}: {compared:#?}");
        }
    }
}

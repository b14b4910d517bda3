//! Each rule, where it predicts something and where it must not.

use btf::{Btf, Builder, Endian, IntData, Kind, Member, Record, StrOff, TypeId};
use encode::{Options, PreparedBase};
use encode_check::{Compared, RULES, Reference};

/// BTF being put together.
pub(crate) struct Source<'a> {
    builder: Builder<'a>,
}

impl<'a> Source<'a> {
    pub(crate) fn alone() -> Source<'static> {
        Source { builder: Builder::new(Endian::Little) }
    }

    pub(crate) fn over(base: &'a Btf<'a>) -> Self {
        Self { builder: Builder::over(base) }
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

    pub(crate) fn function(&mut self, name: &str, parameter: TypeId) -> TypeId {
        let (function, name) = (self.name(name), self.name("x"));
        let prototype = Record::reference(Kind::FuncProto, StrOff::NONE, TypeId::VOID).param(name, parameter);
        let prototype = self.add(&prototype);
        self.add(&Record::reference(Kind::Func, function, prototype))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.builder.to_bytes().expect("small")
    }
}

/// What each rule explains, sorted, and how many differences none does.
fn outcome(compared: &Compared) -> (Vec<(&str, &str, bool)>, usize) {
    let mut explained: Vec<_> = compared
        .differences
        .iter()
        .filter_map(|it| Some((it.rule.as_deref()?, it.kind.as_str(), it.follows)))
        .collect();
    explained.sort_unstable();
    let open = compared.differences.iter().filter(|it| it.rule.is_none()).count();
    (explained, open)
}

fn compare(base: &[u8], by_chance: bool, ours: &[u8], shipped: &[u8], every: &[u8]) -> Compared {
    let parsed = Btf::parse(base).expect("valid");
    let prepared = PreparedBase::new(base).expect("usable");
    let reference = Reference::new(Some((&parsed, &prepared)), Options::kernel()).by_chance(by_chance);
    reference.compare_bytes(ours, shipped, || Ok(every.to_vec())).expect("it can be compared")
}

/// A base with a declaration of `s`, a pointer to it, and an `int`.
fn declaring_base() -> Vec<u8> {
    let mut base = Source::alone();
    let declaration = base.declaration("s");
    base.pointer(declaration);
    base.int("int", 4);
    base.bytes()
}

const POINTER: TypeId = TypeId(2);
const INT: TypeId = TypeId(3);

#[test]
fn every_rule_says_what_it_predicts_and_what_causes_it() {
    let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
    names.dedup();
    assert_eq!(names, ["copies", "choice"]);
    assert!(RULES.iter().all(|rule| !rule.predicts.is_empty() && rule.cause.contains(".c, ")));
}

#[test]
fn copies_which_of_a_declaration_and_its_definition_is_referred_to() {
    let base = declaring_base();
    let btf = Btf::parse(&base).expect("valid");
    let mut ours = Source::over(&btf);
    ours.structure("s", 8, &[("x", INT)]);
    let user = ours.structure("user", 8, &[("s", POINTER)]);
    ours.pointer(user);
    let mut shipped = Source::over(&btf);
    let s = shipped.structure("s", 8, &[("x", INT)]);
    let pointer = shipped.pointer(s);
    let user = shipped.structure("user", 8, &[("s", pointer)]);
    shipped.pointer(user);
    let compared = compare(&base, false, &ours.bytes(), &shipped.bytes(), &[]);
    let expected = vec![("copies", "PTR", false), ("copies", "PTR", true), ("copies", "STRUCT", false)];
    assert_eq!(outcome(&compared), (expected, 0), "{compared:#?}");
}

#[test]
fn copies_does_not_excuse_a_struct_that_is_another_or_is_missing() {
    let base = declaring_base();
    let btf = Btf::parse(&base).expect("valid");
    let module = |size: u32, defines: bool| {
        let mut module = Source::over(&btf);
        if defines {
            let s = module.structure("s", size, &[("x", INT)]);
            let pointer = module.pointer(s);
            module.structure("user", 8, &[("s", pointer)]);
        } else {
            module.structure("user", 8, &[("s", POINTER)]);
        }
        module.bytes()
    };
    let another = compare(&base, false, &module(8, true), &module(16, true), &[]);
    assert!(another.differences.iter().any(|it| it.rule.is_none() && it.name == "s"), "{another:#?}");
    for (ours, shipped) in [(false, true), (true, false)] {
        let missing = compare(&base, false, &module(8, ours), &module(8, shipped), &[]);
        let open: Vec<_> = missing.differences.iter().filter(|it| it.rule.is_none()).collect();
        assert!(open.iter().any(|it| it.name == "s" && it.ours.is_some() == ours), "{missing:#?}");
    }
}

#[test]
fn copies_does_not_excuse_two_structs_of_one_name_taken_for_each_other() {
    let base = declaring_base();
    let btf = Btf::parse(&base).expect("valid");
    let module = |first: bool| {
        let mut module = Source::over(&btf);
        let small = module.structure("private", 8, &[("x", INT)]);
        let large = module.structure("private", 16, &[("x", INT), ("y", INT)]);
        let pointer = module.pointer(if first { small } else { large });
        module.structure("user", 8, &[("p", pointer)]);
        module.bytes()
    };
    let compared = compare(&base, false, &module(true), &module(false), &[]);
    assert!(compared.differences.iter().any(|it| it.rule.is_none() && it.name == "user"), "{compared:#?}");
}

/// A function `f` for each of these types of its parameter.
fn functions(base: &Btf<'_>, sizes: &[u32]) -> Vec<u8> {
    let mut source = Source::over(base);
    for size in [1, 2, 8] {
        source.int(&format!("int{size}"), size);
    }
    for size in sizes {
        let place = [1, 2, 8].iter().position(|known| known == size).expect("one of these");
        source.function("f", TypeId(4 + u32::try_from(place).expect("small")));
    }
    source.bytes()
}

#[test]
fn choice_another_or_one_more_of_the_functions_that_are_defined() {
    let base = declaring_base();
    let btf = Btf::parse(&base).expect("valid");
    let of = |sizes: &[u32]| functions(&btf, sizes);
    let compared = compare(&base, true, &of(&[1]), &of(&[1, 2]), &of(&[1, 2]));
    assert_eq!(outcome(&compared), (vec![("choice", "FUNC", false), ("choice", "FUNC_PROTO", false)], 0));
    let compared = compare(&base, true, &of(&[1]), &of(&[2]), &of(&[1, 2]));
    assert_eq!(outcome(&compared).0.len(), 4, "{compared:#?}");
    assert_eq!(outcome(&compared).1, 0);
}

#[test]
fn choice_is_among_what_is_defined_and_only_where_pahole_leaves_it_to_chance() {
    let base = declaring_base();
    let btf = Btf::parse(&base).expect("valid");
    let of = |sizes: &[u32]| functions(&btf, sizes);
    let open = |by_chance, ours: &[u32], shipped: &[u32], every: &[u32]| {
        outcome(&compare(&base, by_chance, &of(ours), &of(shipped), &of(every))).1
    };
    assert_eq!(open(true, &[1], &[1, 8], &[1, 2]), 2, "one that is not defined");
    assert_eq!(open(true, &[1], &[], &[1, 2]), 2, "the shipped has none");
    assert_eq!(open(true, &[], &[1], &[1, 2]), 2, "ours has none");
    assert_eq!(
        open(true, &[1], &[2], &[2]),
        3,
        "there is but one, and ours is another: a function each, and its prototypes"
    );
    assert_eq!(open(false, &[1], &[1, 2], &[1, 2]), 2, "a pahole that always writes the same");
}

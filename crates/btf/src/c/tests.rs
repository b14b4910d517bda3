//! The C that types are written as.

use super::*;
use crate::{Btf, Builder, Endian, IntData, Kind, Member, Record, StrOff};

/// Puts types together, with names instead of string offsets.
struct Types(Builder<'static>);

impl Types {
    fn new() -> Self {
        Self(Builder::new(Endian::NATIVE))
    }

    fn string(&mut self, name: &str) -> StrOff {
        self.0.add_string(name).unwrap()
    }

    fn int(&mut self, name: &str, size: u32) -> TypeId {
        let name = self.string(name);
        self.0.add(&Record::int(name, size, IntData::new(0, 0, (size * 8) as u8))).unwrap()
    }

    fn to(&mut self, kind: Kind, name: &str, target: TypeId) -> TypeId {
        let name = self.string(name);
        self.0.add(&Record::reference(kind, name, target)).unwrap()
    }

    fn ptr(&mut self, target: TypeId) -> TypeId {
        self.to(Kind::Ptr, "", target)
    }

    fn array(&mut self, element: TypeId, count: u32) -> TypeId {
        self.0.add(&Record::array(element, TypeId(1), count)).unwrap()
    }

    fn proto(&mut self, returns: TypeId, params: &[(&str, TypeId)]) -> TypeId {
        let mut record = Record::reference(Kind::FuncProto, StrOff::NONE, returns);
        for &(name, ty) in params {
            record = record.param(self.string(name), ty);
        }
        self.0.add(&record).unwrap()
    }

    fn values(&mut self, name: &str, values: &[(&str, i64)]) -> TypeId {
        let mut record = Record::sized(Kind::Enum, self.string(name), 4);
        for &(name, value) in values {
            record = record.enumerator(self.string(name), value);
        }
        self.0.add(&record).unwrap()
    }

    /// Members with their offset in bits and, of bit-fields, their width.
    fn composite(&mut self, kind: Kind, name: &str, size: u32, members: &[(&str, TypeId, u32, u8)]) -> TypeId {
        let mut record = Record::sized(kind, self.string(name), size).with_kflag(true);
        for &(name, ty, bit_offset, bitfield_size) in members {
            record = record.member(Member { name: self.string(name), ty, bit_offset, bitfield_size });
        }
        self.0.add(&record).unwrap()
    }

    fn strct(&mut self, name: &str, size: u32, members: &[(&str, TypeId, u32)]) -> TypeId {
        let members: Vec<_> = members.iter().map(|&(name, ty, offset)| (name, ty, offset, 0)).collect();
        self.composite(Kind::Struct, name, size, &members)
    }

    fn next(&self) -> TypeId {
        self.0.next_id()
    }

    fn read<T>(&self, read: impl FnOnce(View<'_>) -> T) -> T {
        let bytes = self.0.to_bytes().unwrap();
        read(Btf::parse(&bytes).unwrap().alone())
    }

    fn short(&self, id: TypeId) -> String {
        self.read(|view| short(view, id))
    }

    fn definition(&self, id: TypeId) -> String {
        self.read(|view| definition(view, id, Style::default()))
    }

    fn dump(&self) -> String {
        self.read(|view| {
            let mut text = String::new();
            dump(view, &mut text).unwrap();
            text
        })
    }
}

#[test]
fn declarators_are_written_around_what_has_them() {
    let mut t = Types::new();
    let int = t.int("int", 4);
    let pointer = t.ptr(int);
    let constant = t.to(Kind::Const, "", int);
    let to_constant = t.ptr(constant);
    let constant_pointer = t.to(Kind::Const, "", pointer);
    let array = t.array(pointer, 4);
    let to_array = t.ptr(array);
    let proto = t.proto(int, &[("data", pointer), ("", int), ("", TypeId::VOID)]);
    let function_pointer = t.ptr(proto);
    let handlers = t.array(function_pointer, 2);
    let returning = t.proto(function_pointer, &[]);
    let function = t.to(Kind::Func, "get", returning);
    let tagged = t.to(Kind::TypeTag, "rcu", int);
    let to_tagged = t.ptr(tagged);
    let expected = [
        (TypeId::VOID, "void"),
        (pointer, "int *"),
        (to_constant, "const int *"),
        (constant_pointer, "int *const"),
        (array, "int *[4]"),
        (to_array, "int *(*)[4]"),
        (function_pointer, "int (*)(int *data, int, ...)"),
        (handlers, "int (*[2])(int *data, int, ...)"),
        (function, "int (*get(void))(int *data, int, ...)"),
        (to_tagged, "int *"),
        (TypeId(4000), "/* no such type */"),
    ];
    for (id, text) in expected {
        assert_eq!(t.short(id), text);
    }
    assert_eq!(t.read(|view| declaration(view, handlers, "on")), "int (*on[2])(int *data, int, ...)");
    assert_eq!(t.read(|view| declaration(view, constant_pointer, "p")), "int *const p");
}

#[test]
fn what_has_no_name_is_written_inside() {
    let mut t = Types::new();
    let int = t.int("int", 4);
    let inner = t.strct("", 4, &[("x", int, 0)]);
    let values = t.values("", &[("ON", 1), ("OFF", -1)]);
    let list = t.array(inner, 2);
    let outer = t.composite(
        Kind::Struct,
        "outer",
        20,
        &[("", inner, 0, 0), ("state", values, 32, 0), ("list", list, 64, 0), ("flag", int, 128, 3)],
    );
    assert_eq!(
        t.definition(outer),
        "struct outer {\n\tstruct {\n\t\tint x;\n\t};\n\tenum {\n\t\tON = 1,\n\t\tOFF = 4294967295,\n\t} state;\n\
         \tstruct {\n\t\tint x;\n\t} list[2];\n\tint flag: 3;\n};"
    );
    let with_offsets = t.read(|view| definition(view, outer, Style { offsets: true }));
    assert!(with_offsets.contains("\n\tint flag: 3; /* 16:0 */\n} /* 20 bytes */;"), "{with_offsets}");
    assert_eq!(t.short(inner), "struct {…}");
    assert_eq!(t.short(outer), "struct outer");
}

#[test]
fn names_that_cannot_be_printed_are_escaped() {
    let mut t = Types::new();
    let int = t.0.add_string(b"\x01\xff\n").unwrap();
    let int = t.0.add(&Record::int(int, 4, IntData::new(0, 0, 32))).unwrap();
    let tag = t.strct("größe", 4, &[("\u{1b}[31m", int, 0)]);
    assert_eq!(t.definition(tag), "struct größe {\n\t\\x01\\xff\\n \\x1b[31m;\n};");
}

#[test]
fn a_dump_defines_what_is_contained_first() {
    let mut t = Types::new();
    let int = t.int("int", 4);
    // struct node { leaf_t leaf; node_t *next; void (*call)(struct other *); }, with what it contains after it.
    let next = t.next().0;
    let [node, leaf, leaf_t, node_t, to_node, proto, call, other] = core::array::from_fn(|i| TypeId(next + i as u32));
    t.strct("node", 24, &[("leaf", leaf_t, 0), ("next", to_node, 64), ("call", call, 128)]);
    t.strct("leaf", 4, &[("value", int, 0)]);
    t.to(Kind::Typedef, "leaf_t", leaf);
    t.to(Kind::Typedef, "node_t", node);
    t.ptr(node_t);
    let to_other = TypeId(other.0 + 1);
    t.proto(TypeId::VOID, &[("", to_other)]);
    t.ptr(proto);
    t.to(Kind::Fwd, "other", TypeId::VOID);
    t.ptr(other);
    let dump = t.dump();
    let place = |text: &str| dump.find(text).unwrap_or_else(|| panic!("no {text:?} in\n{dump}"));
    let order = [
        "struct other;\n",
        "typedef struct leaf leaf_t;",
        "struct leaf {\n",
        "typedef struct node node_t;",
        "struct node {\n\tleaf_t leaf;\n\tnode_t *next;\n\tvoid (*call)(struct other *);\n};",
    ];
    assert!(place("struct node;\n") < place("typedef struct leaf"), "{dump}");
    assert!(order.iter().is_sorted_by_key(|text| place(text)), "{dump}");
}

#[test]
fn a_dump_gives_each_name_once() {
    let mut t = Types::new();
    let int = t.int("int", 4);
    let first = t.strct("same", 4, &[("a", int, 0)]);
    let second = t.strct("same", 4, &[("b", int, 0)]);
    let forward = t.to(Kind::Fwd, "same", TypeId::VOID);
    let to_forward = t.ptr(forward);
    t.strct("holder", 16, &[("one", first, 0), ("two", second, 32), ("three", to_forward, 64)]);
    t.values("e", &[("VALUE", 0)]);
    t.values("", &[("VALUE", 1)]);
    let dump = t.dump();
    assert!(dump.contains("{\n\tstruct same one;\n\tstruct same___2 two;\n\tstruct same *three;\n};"), "{dump}");
    assert!(dump.contains("enum e {\n\tVALUE = 0,\n};") && dump.contains("enum {\n\tVALUE___2 = 1,\n};"), "{dump}");
}

#[test]
fn a_dump_keeps_sizes_and_offsets() {
    let mut t = Types::new();
    let char = t.int("char", 1);
    let int = t.int("int", 4);
    let long = t.int("long int", 8);
    t.strct("tight", 5, &[("a", char, 0), ("b", int, 8)]);
    t.strct("natural", 8, &[("a", char, 0), ("b", int, 32)]);
    t.strct("spread", 64, &[("a", char, 0), ("b", long, 128)]);
    t.composite(Kind::Struct, "bits", 4, &[("a", int, 0, 3), ("b", int, 5, 2), ("c", int, 7, 25)]);
    t.strct("wide", 512, &[("a", char, 0), ("b", char, 4088)]);
    t.composite(Kind::Union, "either", 16, &[("a", char, 0, 0), ("b", int, 0, 0)]);
    let dump = t.dump();
    for text in [
        "struct tight {\n\tchar a;\n\tint b;\n} __attribute__((packed));",
        "struct natural {\n\tchar a;\n\tint b;\n};",
        "struct spread {\n\tchar a;\n\tlong long: 56;\n\tlong long: 64;\n\tlong int b;\n\tlong long: 64;\n\tlong long: 64;\n",
        "struct bits {\n\tint a: 3;\n\tlong long: 2;\n\tint b: 2;\n\tint c: 25;\n};",
        "struct wide {\n\tchar a;\n\tchar __gap_1[510];\n\tchar b;\n};",
        "union either {\n\tchar a;\n\tint b;\n\tchar __size[16];\n};",
    ] {
        assert!(dump.contains(text), "no {text:?} in\n{dump}");
    }
}

#[test]
fn integers_that_c_does_not_know_get_a_typedef() {
    let mut t = Types::new();
    let odd = t.int("__u24", 4);
    t.strct("s", 4, &[("a", odd, 0)]);
    let dump = t.dump();
    assert!(dump.find("typedef unsigned int __u24;") < dump.find("struct s {"), "{dump}");
    assert!(dump.contains("typedef unsigned int __u24;"), "{dump}");
}

#[test]
fn what_cannot_be_written_in_c_is_cut_short() {
    let mut t = Types::new();
    let itself = t.next();
    t.ptr(itself);
    let inside = t.next();
    t.strct("", 4, &[("a", inside, 0), ("b", inside, 0)]);
    let calling = t.next();
    t.proto(calling, &[("a", calling), ("b", calling)]);
    let alias = t.next();
    t.to(Kind::Typedef, "alias", alias);
    t.strct("named", 4, &[("a", TypeId(alias.0 + 1), 0), ("b", inside, 0), ("c", calling, 0), ("d", alias, 0)]);
    for id in [itself, inside, calling] {
        let text = t.short(id);
        assert!(text.contains('…') && text.len() < 100_000, "{} bytes", text.len());
    }
    assert!(t.dump().len() < 64 << 20);
}

#[test]
fn one_long_name_does_not_make_the_text_long() {
    let mut t = Types::new();
    let name = "n".repeat(1 << 20);
    let forward = t.to(Kind::Fwd, &name, TypeId::VOID);
    let ptr = t.ptr(forward);
    for _ in 0..2000 {
        t.strct(&name, 8, &[(&name, ptr, 0)]);
    }
    let cut = format!("struct {}… *", "n".repeat(512));
    assert_eq!(t.short(ptr), cut);
    assert!(t.dump().len() < 8 << 20);
}

#[test]
fn a_name_may_be_cut_within_a_character() {
    let mut t = Types::new();
    let tag = t.strct(&("é".repeat(256) + "é"), 4, &[]);
    assert_eq!(t.short(tag), format!("struct {}…", "é".repeat(256)));
    let tag = t.strct(&("e".to_owned() + &"é".repeat(256)), 4, &[]);
    assert_eq!(t.short(tag), format!("struct e{}\\xc3…", "\\xc3\\xa9".repeat(255)));
}

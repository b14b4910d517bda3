//! Cases that are written to reach one check each.

use crate::case::{Case, Origin};
use crate::draft::Draft;
use crate::material::Material;

const INT: u32 = 1;
const PTR: u32 = 2;
const ARRAY: u32 = 3;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const FWD: u32 = 7;
const TYPEDEF: u32 = 8;
const VOLATILE: u32 = 9;
const CONST: u32 = 10;
const RESTRICT: u32 = 11;
const FUNC: u32 = 12;
const FUNC_PROTO: u32 = 13;
const VAR: u32 = 14;
const DATASEC: u32 = 15;
const FLOAT: u32 = 16;
const DECL_TAG: u32 = 17;
const TYPE_TAG: u32 = 18;
const ENUM64: u32 = 19;
const KFLAG: u32 = 1 << 31;
/// One more than the highest id.
const BEYOND_IDS: u32 = 0x10_0000;

fn info(kind: u32, vlen: u32) -> u32 {
    (kind << 24) | vlen
}

/// The strings of a directed case, and where each begins, from the first string of the module on.
struct Strings {
    bytes: Vec<u8>,
    first: u32,
}

impl Strings {
    fn new(first: u32) -> Self {
        Self { bytes: Vec::new(), first }
    }

    fn add(&mut self, text: &[u8]) -> u32 {
        let place = self.first + u32::try_from(self.bytes.len()).unwrap_or_default();
        self.bytes.extend_from_slice(text);
        self.bytes.push(0);
        place
    }
}

/// Collects cases over one base.
struct Collector {
    cases: Vec<Case>,
    strings: Vec<u8>,
}

impl Collector {
    fn add(&mut self, name: &str, types: &[u32]) {
        let draft = Draft::new(vec![types.to_vec()], self.strings.clone());
        self.add_bytes(name, draft.bytes(), None);
    }

    fn add_bytes(&mut self, name: &str, btf: Vec<u8>, base: Option<Vec<u8>>) {
        self.cases.push(Case { origin: Origin::Directed { name: name.to_owned() }, btf, base });
    }
}

/// Every directed case for a kernel.
#[must_use]
pub fn directed(material: &Material) -> Vec<Case> {
    let mut strings = Strings::new(material.first_string);
    let names = Names {
        name: strings.add(b"name"),
        digit: strings.add(b"9lives"),
        empty: strings.add(b""),
        dotted: strings.add(b"a.b"),
        latin: strings.add(b"\xe9t\xe9"),
        control: strings.add(b"a\x01\x1b\t"),
        newline: strings.add(b"line\nline\n"),
        space: strings.add(b"a b"),
        longest: strings.add(&[b'l'; 512]),
        too_long: strings.add(&[b'l'; 513]),
        record: strings.add(&[b'-'; 1100]),
        beyond: 0,
    };
    let names = Names { beyond: strings.first + u32::try_from(strings.bytes.len()).unwrap_or_default(), ..names };
    let mut cases = Collector { cases: Vec::new(), strings: strings.bytes };
    heads(&mut cases, &names);
    scalars(&mut cases, &names);
    references(&mut cases, &names, material.first_id);
    composites(&mut cases, &names);
    declarations(&mut cases, &names);
    sections(&mut cases, &names);
    names_shown(&mut cases, &names);
    headers(&mut cases);
    distilled(&mut cases, material);
    cases.cases
}

/// Offsets of strings with a property each.
struct Names {
    name: u32,
    digit: u32,
    empty: u32,
    dotted: u32,
    latin: u32,
    control: u32,
    newline: u32,
    space: u32,
    longest: u32,
    too_long: u32,
    record: u32,
    beyond: u32,
}

fn heads(cases: &mut Collector, names: &Names) {
    cases.add("no types", &[]);
    cases.add("a head that is cut", &[0, info(PTR, 0)]);
    cases.add("a reserved bit", &[0, info(PTR, 0) | 0x1_0000, 1]);
    cases.add("a vlen with 17 bits", &[0, info(STRUCT, 0x1_0000), 0]);
    cases.add("kind 0", &[0, info(0, 0), 1]);
    cases.add("kind 20", &[0, info(20, 0), 1]);
    cases.add("kind 127", &[0, 0x7f00_0000, 1]);
    cases.add("a name beyond the strings", &[names.beyond, info(PTR, 0), 1]);
    cases.add("a name offset with 25 bits", &[0x0100_0000, info(PTR, 0), 1]);
}

fn scalars(cases: &mut Collector, names: &Names) {
    let Names { name, .. } = *names;
    for (what, info, size, data) in [
        ("INT", info(INT, 0), 4, 32),
        ("INT with vlen", info(INT, 1), 4, 32),
        ("INT with kflag", info(INT, 0) | KFLAG, 4, 0x0102_0020),
        ("INT with reserved data", info(INT, 0), 4, 0x1000_0020),
        ("INT of 129 bits", info(INT, 0), 64, 0x0201_0080),
        ("INT of 9 bits in a byte", info(INT, 0), 1, 0x0400_0009),
        ("INT of two encodings", info(INT, 0), 4, 0x0300_0020),
        ("INT of encoding 8", info(INT, 0), 4, 0x0800_0020),
    ] {
        cases.add(what, &[name, info, size, data]);
    }
    cases.add("INT without data", &[name, info(INT, 0), 4]);
    cases.add("INT without a name", &[0, info(INT, 0), 4, 32]);
    for (what, info, size) in [
        ("FLOAT", info(FLOAT, 0), 8),
        ("FLOAT with vlen", info(FLOAT, 1), 4),
        ("FLOAT with kflag", info(FLOAT, 0) | KFLAG, 4),
        ("FLOAT of 5 bytes", info(FLOAT, 0), 5),
    ] {
        cases.add(what, &[name, info, size]);
    }
}

fn references(cases: &mut Collector, names: &Names, first: u32) {
    let Names { name, digit, empty, .. } = *names;
    for (what, words) in [
        ("PTR", [0, info(PTR, 0), 1]),
        ("PTR to nowhere", [0, info(PTR, 0), BEYOND_IDS - 1]),
        ("PTR with vlen", [0, info(PTR, 1), 1]),
        ("PTR with a name", [name, info(PTR, 0), 1]),
        ("RESTRICT with a name", [name, info(RESTRICT, 0), 1]),
        ("CONST with kflag", [0, info(CONST, 0) | KFLAG, 1]),
        ("VOLATILE beyond the ids", [0, info(VOLATILE, 0), BEYOND_IDS]),
        ("TYPEDEF without a name", [0, info(TYPEDEF, 0), 1]),
        ("TYPEDEF with a digit", [digit, info(TYPEDEF, 0), 1]),
        ("TYPEDEF with an empty name", [empty, info(TYPEDEF, 0), 1]),
        ("TYPE_TAG", [digit, info(TYPE_TAG, 0), 1]),
        ("TYPE_TAG with an empty name", [empty, info(TYPE_TAG, 0), 1]),
        ("TYPE_TAG with kflag", [name, info(TYPE_TAG, 0) | KFLAG, 1]),
        ("a modifier of itself", [0, info(CONST, 0), first]),
        ("a modifier of no type", [0, info(CONST, 0), first + 1]),
    ] {
        cases.add(what, &words);
    }
    let modifiers = |count: u32| -> Vec<u32> {
        let next = |nth: u32| if nth + 1 == count { 1 } else { first + nth + 1 };
        (0..count).flat_map(|nth| [0, info(CONST, 0), next(nth)]).collect()
    };
    cases.add("32 modifiers", &modifiers(32));
    cases.add("33 modifiers", &modifiers(33));
    cases.add("a tag after a modifier", &[0, info(CONST, 0), first + 1, name, info(TYPE_TAG, 0), 1]);
    cases.add("a tag before a modifier", &[name, info(TYPE_TAG, 0), first + 1, 0, info(CONST, 0), 1]);
    let array = |name, info, size, words: &[u32]| [&[name, info, size], words].concat();
    cases.add("ARRAY", &array(0, info(ARRAY, 0), 0, &[1, 1, 2]));
    cases.add("ARRAY that is cut", &array(0, info(ARRAY, 0), 0, &[1, 1]));
    cases.add("ARRAY with a name", &array(name, info(ARRAY, 0), 0, &[1, 1, 2]));
    cases.add("ARRAY with vlen", &array(0, info(ARRAY, 1), 0, &[1, 1, 2]));
    cases.add("ARRAY with kflag", &array(0, info(ARRAY, 0) | KFLAG, 0, &[1, 1, 2]));
    cases.add("ARRAY with a size", &array(0, info(ARRAY, 0), 9, &[1, 1, 2]));
    cases.add("ARRAY of void", &array(0, info(ARRAY, 0), 0, &[0, 1, 2]));
    cases.add("ARRAY with an index beyond the ids", &array(0, info(ARRAY, 0), 0, &[1, BEYOND_IDS, 2]));
}

fn composites(cases: &mut Collector, names: &Names) {
    let Names { name, digit, empty, beyond, .. } = *names;
    let of = |kind, members: &[u32]| [&[name, kind, 4], members].concat();
    let one = info(STRUCT, 1);
    for (what, words) in [
        ("STRUCT", of(one, &[name, 1, 32])),
        ("STRUCT that is cut", of(info(STRUCT, 2), &[name, 1, 0])),
        ("STRUCT with a digit", vec![digit, one, 4, name, 1, 0]),
        ("member with a name beyond the strings", of(one, &[beyond, 1, 0])),
        ("member with an empty name", of(one, &[empty, 1, 0])),
        ("member without a type", of(one, &[0, 0, 0])),
        ("member of a UNION with an offset", of(info(UNION, 1), &[name, 1, 8])),
        ("member before the one before", of(info(STRUCT, 2), &[name, 1, 8, name, 1, 0])),
        ("member beyond the end", of(one, &[name, 1, 33])),
        ("bit-field beyond the end", of(one | KFLAG, &[name, 1, 0x0700_0021])),
        ("ENUM", of(info(ENUM, 1) | KFLAG, &[name, 1])),
        ("ENUM that is cut", of(info(ENUM, 1), &[name])),
        ("ENUM64 that is cut", of(info(ENUM64, 1), &[name, 1])),
        ("ENUM with a digit", vec![digit, info(ENUM, 0), 4]),
        ("ENUM64 with a digit", vec![digit, info(ENUM64, 0), 4]),
        ("enumerator with a name beyond the strings", of(info(ENUM, 1), &[beyond, 1])),
        ("enumerator of 64 bits with a name beyond the strings", of(info(ENUM64, 1), &[beyond, 1, 0])),
        ("enumerator without a name", of(info(ENUM, 1), &[0, 1])),
        ("enumerator of 64 bits with a digit", of(info(ENUM64, 1), &[digit, 1, 2])),
        ("ENUM64", vec![name, info(ENUM64, 1) | KFLAG, 8, name, 1, 2]),
        ("ENUM of 3 bytes", vec![name, info(ENUM, 0), 3]),
        ("ENUM of 16 bytes", vec![name, info(ENUM, 0), 16]),
        ("ENUM64 of 0 bytes", vec![name, info(ENUM64, 0), 0]),
        ("ENUM with 17 bits of vlen", vec![name, info(ENUM, 0x1_0000), 4]),
    ] {
        cases.add(what, &words);
    }
}

fn declarations(cases: &mut Collector, names: &Names) {
    let Names { name, digit, empty, beyond, .. } = *names;
    for (what, words) in [
        ("FWD", vec![name, info(FWD, 0), 0]),
        ("FWD with vlen", vec![name, info(FWD, 1), 0]),
        ("FWD of a union with a type", vec![name, info(FWD, 0) | KFLAG, 1]),
        ("FWD without a name", vec![0, info(FWD, 0), 0]),
        ("FUNC of nothing", vec![name, info(FUNC, 0), 0xffff_ffff]),
        ("FUNC without a name", vec![0, info(FUNC, 0), 1]),
        ("FUNC of linkage 2", vec![name, info(FUNC, 2), 1]),
        ("FUNC with kflag", vec![name, info(FUNC, 1) | KFLAG, 1]),
        ("FUNC_PROTO that is cut", vec![0, info(FUNC_PROTO, 1), 1]),
        ("FUNC_PROTO with kflag", vec![0, info(FUNC_PROTO, 0) | KFLAG, 1]),
        ("FUNC_PROTO with a name", vec![name, info(FUNC_PROTO, 0), 1]),
        ("FUNC_PROTO with a name and `...`", vec![name, info(FUNC_PROTO, 1), 1, 0, 0]),
        ("FUNC_PROTO with a name and one parameter", vec![name, info(FUNC_PROTO, 1), 1, name, 1]),
        ("FUNC_PROTO with a name and three", vec![name, info(FUNC_PROTO, 3), 1, name, 1, beyond, 0, digit, 3]),
        ("FUNC_PROTO with a name, one and `...`", vec![name, info(FUNC_PROTO, 2), 1, name, 1, 0, 0]),
        ("VAR", vec![name, info(VAR, 0), 1, 1]),
        ("VAR that is cut", vec![name, info(VAR, 0), 1]),
        ("VAR with vlen", vec![name, info(VAR, 1), 1, 0]),
        ("VAR with kflag", vec![name, info(VAR, 0) | KFLAG, 1, 0]),
        ("VAR without a name", vec![0, info(VAR, 0), 1, 0]),
        ("VAR without a type", vec![name, info(VAR, 0), 0, 0]),
        ("VAR of linkage 2", vec![name, info(VAR, 0), 1, 2]),
        ("DECL_TAG", vec![name, info(DECL_TAG, 0), 1, 0xffff_ffff]),
        ("DECL_TAG that is cut", vec![name, info(DECL_TAG, 0), 1]),
        ("DECL_TAG with an empty text", vec![empty, info(DECL_TAG, 0), 1, 0]),
        ("DECL_TAG with vlen", vec![name, info(DECL_TAG, 1), 1, 0]),
        ("DECL_TAG with kflag", vec![name, info(DECL_TAG, 0) | KFLAG, 1, 0]),
        ("DECL_TAG of component -2", vec![name, info(DECL_TAG, 0), 1, 0xffff_fffe]),
    ] {
        cases.add(what, &words);
    }
}

fn sections(cases: &mut Collector, names: &Names) {
    let Names { name, digit, .. } = *names;
    let of = |size: u32, vars: &[u32]| {
        [&[name, info(DATASEC, u32::try_from(vars.len() / 3).unwrap_or_default()), size], vars].concat()
    };
    for (what, words) in [
        ("DATASEC", of(8, &[1, 0, 4, 1, 4, 4])),
        ("DATASEC that is cut", vec![name, info(DATASEC, 1), 8]),
        ("DATASEC of no size", vec![name, info(DATASEC, 0), 0]),
        ("DATASEC with kflag", vec![name, info(DATASEC, 0) | KFLAG, 8]),
        ("DATASEC with a digit", vec![digit, info(DATASEC, 0), 8]),
        ("DATASEC without a name", vec![0, info(DATASEC, 0), 8]),
        ("variable without a type", of(8, &[0, 0, 4])),
        ("variable beyond the end", of(8, &[1, 8, 4])),
        ("variable in the one before", of(8, &[1, 0, 4, 1, 2, 4])),
        ("variable of no size", of(8, &[1, 0, 0])),
        ("variable that ends too late", of(8, &[1, 5, 4])),
        ("variable whose end wraps", of(0xffff_fff0, &[1, 0xffff_ffe0, 0x30, 1, 0x10, 0xffff_ffe0])),
    ] {
        cases.add(what, &words);
    }
}

/// Names with unusual bytes, accepted or shown in a line.
fn names_shown(cases: &mut Collector, names: &Names) {
    let shown = [
        ("a dot", names.dotted),
        ("Latin letters", names.latin),
        ("control bytes", names.control),
        ("newlines", names.newline),
        ("a space", names.space),
        ("512 bytes", names.longest),
        ("513 bytes", names.too_long),
        ("1100 bytes", names.record),
    ];
    for (what, name) in shown {
        cases.add(&format!("STRUCT with {what}"), &[name, info(STRUCT, 0), 4]);
        cases.add(&format!("VAR with {what}"), &[name, info(VAR, 0), 1, 0]);
        cases.add(&format!("DATASEC with {what}"), &[name, info(DATASEC, 0), 8]);
        cases.add(&format!("member with {what}"), &[0, info(STRUCT, 1), 4, name, 1, 0]);
        cases.add(&format!("INT that is cut, with {what}"), &[name, info(INT, 0), 4]);
    }
}

fn headers(cases: &mut Collector) {
    let draft = Draft::new(vec![vec![0, info(PTR, 0), 1]], b"a\0".to_vec());
    let with = |bytes: &[(usize, u8)]| Draft { header_bytes: bytes.to_vec(), ..draft.clone() }.bytes();
    for (what, changes) in [
        ("another magic", &[(0, 0)][..]),
        ("version 2", &[(2, 2)]),
        ("a flag", &[(3, 1)]),
        ("a header of 4 bytes", &[(4, 4)]),
        ("a header of 0 bytes", &[(4, 0)]),
        ("a header that is longer than everything", &[(4, 200)]),
        ("types that begin later", &[(8, 4)]),
        ("types that begin far away", &[(11, 0x80)]),
        ("types that are longer", &[(12, 13)]),
        ("types that are shorter", &[(12, 8)]),
        ("strings in the types", &[(16, 8)]),
        ("strings far away", &[(19, 0x7f)]),
        ("strings that are longer", &[(20, 3)]),
        ("strings that are shorter", &[(20, 1)]),
        ("strings before types", &[(8, 2), (16, 0)]),
        ("strings without an end", &[(37, b'x')]),
    ] {
        cases.add_bytes(what, with(changes), None);
    }
    for length in [1, 4, 7, 8, 23, 24] {
        cases.add_bytes(&format!("{length} bytes"), Draft { cut: Some(length), ..draft.clone() }.bytes(), None);
    }
    cases.add_bytes("a byte too many", Draft { tail: vec![0], ..draft.clone() }.bytes(), None);
    cases.add_bytes("strings without an end", Draft { strings: b"ab".to_vec(), ..draft.clone() }.bytes(), None);
    let longer = |extra: &[u8], header: &[(usize, u8)], tail: &[u8]| {
        let (longer_header, header_bytes, tail) = (extra.to_vec(), header.to_vec(), tail.to_vec());
        Draft { longer_header, header_bytes, tail, ..draft.clone() }.bytes()
    };
    cases.add_bytes("a header of 32 bytes", longer(&[0; 8], &[], &[]), None);
    cases.add_bytes("a header of 40 bytes", longer(&[0; 16], &[], &[]), None);
    cases.add_bytes("a header of 40 bytes, used", longer(&[[0; 8], [1; 8]].concat(), &[], &[]), None);
    // The types have 12 bytes, the strings 2; the layout section follows.
    let layout = |offset: u8, length: u8| [offset, 0, 0, 0, length, 0, 0, 0];
    cases.add_bytes("a layout section", longer(&layout(14, 4), &[], &[0; 4]), None);
    cases.add_bytes("a layout section that overlaps", longer(&layout(12, 4), &[], &[0; 2]), None);
    cases.add_bytes("a layout section after a gap", longer(&layout(16, 4), &[], &[0; 6]), None);
    cases.add_bytes("a layout section too long", longer(&layout(14, 9), &[], &[0; 4]), None);
    cases.add_bytes("a layout section first", longer(&layout(0, 4), &[(8, 4), (16, 16)], &[0; 4]), None);
}

/// Distilled bases, which kernels before 6.11 do not look at.
fn distilled(cases: &mut Collector, material: &Material) {
    let base = |types: &[u32], strings: &[u8]| Draft::new(vec![types.to_vec()], strings.to_vec()).bytes();
    // The strings of the base are `\0int\0no_such_type\0`, so the module's begin at 18.
    let text: &[u8] = b"\0int\0no_such_type\0";
    let (int, missing, own) = (1, 5, 18);
    let module = |types: &[u32]| Draft::new(vec![types.to_vec()], b"a\0".to_vec()).bytes();
    let pointer = module(&[0, info(PTR, 0), 1]);
    let one_int = [int, info(INT, 0), 4, 0x0100_0020];
    let mut add = |what: &str, below: Vec<u8>, above: &[u8]| cases.add_bytes(what, above.to_vec(), Some(below));
    add("distilled INT", base(&one_int, text), &pointer);
    add("an empty distilled base", vec![], &pointer);
    add("a distilled base of a header", base(&[], b"")[..24].to_vec(), &pointer);
    add("a distilled base without types", base(&[], b"\0"), &module(&[18, info(FWD, 0), 0]));
    add("a distilled base without strings", base(&[0, info(PTR, 0), 0], b""), &pointer);
    add("distilled strings that do not begin with a NUL", base(&one_int, b"int\0"), &pointer);
    add("distilled PTR", base(&[0, info(PTR, 0), 0], text), &pointer);
    add("distilled ENUM64", base(&[int, info(ENUM64, 0), 8], text), &pointer);
    add("distilled STRUCT without a name", base(&[0, info(STRUCT, 0), 4], text), &pointer);
    add("distilled STRUCT that is not there", base(&[missing, info(STRUCT, 0), 4], text), &pointer);
    add("distilled INT of another size", base(&[int, info(INT, 0), 8, 0x0100_0020], text), &pointer);
    add("distilled INT of another encoding", base(&[int, info(INT, 0), 4, 32], text), &pointer);
    add("distilled ENUM named as an INT", base(&[int, info(ENUM, 0), 4], text), &pointer);
    add("distilled STRUCT named as an INT", base(&[int, info(STRUCT, 0), 4], text), &pointer);
    add("distilled FWD named as an INT", base(&[int, info(FWD, 0), 0], text), &pointer);
    let contains = module(&[own, info(STRUCT, 1), 9, own, 1, 0]);
    add("a distilled type by value, of another size", base(&[int, info(STRUCT, 0), 5], text), &contains);
    add("a distilled type by value", base(&[int, info(STRUCT, 0), 4], text), &contains);
    add("the same type twice", base(&[&one_int[..], &one_int].concat(), text), &pointer);
    add("a name in the distilled base that is no type's", base(&one_int, text), &module(&[missing, info(FUNC, 0), 1]));
    add("a name in the distilled base that is a type's", base(&one_int, text), &module(&[int, info(FUNC, 0), 1]));
    add("a parameter's name beyond all strings", base(&one_int, text), &module(&[0, info(FUNC_PROTO, 1), 1, 900, 1]));
    add("a refused distilled base", base(&[missing + 2, info(TYPEDEF, 0), 0], text), &pointer);
    add("a module refused over a distilled base", base(&one_int, text), &module(&[900, info(PTR, 0), 1]));
    if let Some((name, size)) = &material.ambiguous {
        let text = [b"\0", name.as_slice(), b"\0"].concat();
        add("a distilled type with two candidates", base(&[1, info(STRUCT, 0), *size], &text), &pointer);
    }
    let void_name = [0, info(INT, 0), 4, 32];
    add("a distilled type without a name", base(&void_name, text), &pointer);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ() {
        let material =
            Material { specimens: vec![], distilled: vec![], first_id: 10, first_string: 100, ambiguous: None };
        let cases = directed(&material);
        let mut names: Vec<_> = cases.iter().map(|case| format!("{:?} {:?}", case.origin, case.btf)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), cases.len());
        assert!(cases.len() > 150);
    }
}

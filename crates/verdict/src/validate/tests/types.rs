//! The checks of a type by itself, and of chains.

use super::*;

#[test]
fn a_head_is_checked_first() {
    let cases: &[(&[u32], &str)] = &[
        (&[0, info(PTR, 0)], "[2] meta_left:8 meta_needed:12"),
        (&[0, info(PTR, 0) | 0x10000, 1], "[2] Invalid btf_info:2010000"),
        (&[0, info(20, 0), 1], "[2] Invalid kind:20"),
        (&[0, info(0, 0), 1], "[2] Invalid kind:0"),
        (&[BEYOND, info(PTR, 0), 1], "[2] Invalid name_offset:10"),
        (&[0x0100_0000, info(PTR, 0), 1], "[2] Invalid name_offset:16777216"),
    ];
    for (types, reason) in cases {
        assert_eq!(verdict("6.1", types), plain(reason));
    }
    assert_eq!(verdict("7.2", &[0, info(PTR, 0) | 0x10000, 1]), of_type("PTR (anon)", "type_id=1", "vlen != 0"));
    assert_eq!(verdict("7.2", &[0, 0x7f00_0000, 1]), plain("[2] Invalid kind:127"));
    assert_eq!(verdict("6.1", &[0, 0x7f00_0000, 1]), plain("[2] Invalid btf_info:7f000000"));
    assert_eq!(verdict("5.15", &[0, info(DECL_TAG, 0), 1]), refused("BPF:[2] Invalid kind:17", 22));
}

#[test]
fn an_int_is_checked() {
    let int = |info, size, data: &[u32]| [&[NAME, info, size], data].concat();
    let cases = [
        (int(info(INT, 0), 4, &[]), basic("INT a", "meta_left:0 meta_needed:4")),
        (int(info(INT, 3), 4, &[32]), of_type("INT a", "size=4 bits_offset=0 nr_bits=32 encoding=(none)", "vlen != 0")),
        (
            int(info(INT, 0) | KFLAG, 4, &[0x0102_0020]),
            of_type("INT a", "size=4 bits_offset=2 nr_bits=32 encoding=SIGNED", "Invalid btf_info kind_flag"),
        ),
        (int(info(INT, 0), 4, &[0x1000_0020]), basic("INT a", "Invalid int_data:10000020")),
        (
            int(info(INT, 0), 64, &[0x0201_0080]),
            of_type("INT a", "size=64 bits_offset=1 nr_bits=128 encoding=CHAR", "nr_bits exceeds 128"),
        ),
        (
            int(info(INT, 0), 1, &[0x0400_0009]),
            of_type("INT a", "size=1 bits_offset=0 nr_bits=9 encoding=BOOL", "nr_bits exceeds type_size"),
        ),
    ];
    for (types, expected) in cases {
        assert_eq!(verdict("6.1", &types), expected);
    }
    let encoding =
        "BPF: [2] INT a |BPF: size=4 bits_offset=0 nr_bits=32 encoding=UNKN|BPF:  |BPF: Unsupported encoding|BPF: ";
    assert_eq!(verdict("6.1", &int(info(INT, 0), 4, &[0x0300_0020])), refused(encoding, 524));
    assert_eq!(verdict("6.1", &[0, info(INT, 0), 4, 32]), "accepted", "the name is not looked at");
}

#[test]
fn a_reference_is_checked() {
    for (types, expected) in [
        ([0, info(PTR, 1), 1], of_type("PTR (anon)", "type_id=1", "vlen != 0")),
        ([0, info(CONST, 0) | KFLAG, 1], of_type("CONST (anon)", "type_id=1", "Invalid btf_info kind_flag")),
        ([0, info(VOLATILE, 0), 0x10_0000], of_type("VOLATILE (anon)", "type_id=1048576", "Invalid type_id")),
        ([NAME, info(PTR, 0), 1], of_type("PTR a", "type_id=1", "Invalid name")),
        ([0, info(TYPEDEF, 0), 1], of_type("TYPEDEF (anon)", "type_id=1", "Invalid name")),
        ([DIGIT, info(TYPEDEF, 0), 1], of_type("TYPEDEF 9", "type_id=1", "Invalid name")),
        ([EMPTY, info(TYPEDEF, 0), 1], of_type("TYPEDEF ", "type_id=1", "Invalid name")),
        ([EMPTY, info(TYPE_TAG, 0), 1], of_type("TYPE_TAG ", "type_id=1", "Invalid name")),
        ([DIGIT, info(TYPE_TAG, 0), 1], "accepted".into()),
        ([0, info(PTR, 0), 0xf_ffff], "accepted".into()),
    ] {
        assert_eq!(verdict("6.1", &types), expected);
    }
    let tag = [NAME, info(TYPE_TAG, 0) | KFLAG, 1];
    assert_eq!(verdict("6.12", &tag), of_type("TYPE_TAG a", "type_id=1", "Invalid btf_info kind_flag"));
    assert_eq!(verdict("7.2", &tag), "accepted");
}

#[test]
fn an_array_is_checked() {
    let array = |name, info, size, words: &[u32]| [&[name, info, size], words].concat();
    let details = "type_id=1 index_type_id=1 nr_elems=2";
    for (types, expected) in [
        (array(0, info(ARRAY, 0), 0, &[1, 1]), basic("ARRAY (anon)", "meta_left:8 meta_needed:12")),
        (array(NAME, info(ARRAY, 0), 0, &[1, 1, 2]), of_type("ARRAY a", details, "Invalid name")),
        (array(0, info(ARRAY, 1), 0, &[1, 1, 2]), of_type("ARRAY (anon)", details, "vlen != 0")),
        (
            array(0, info(ARRAY, 0) | KFLAG, 0, &[1, 1, 2]),
            of_type("ARRAY (anon)", details, "Invalid btf_info kind_flag"),
        ),
        (array(0, info(ARRAY, 0), 9, &[1, 1, 2]), of_type("ARRAY (anon)", details, "size != 0")),
        (
            array(0, info(ARRAY, 0), 0, &[0, 1, 2]),
            of_type("ARRAY (anon)", "type_id=0 index_type_id=1 nr_elems=2", "Invalid elem"),
        ),
        (
            array(0, info(ARRAY, 0), 0, &[1, 0x10_0000, 2]),
            of_type("ARRAY (anon)", "type_id=1 index_type_id=1048576 nr_elems=2", "Invalid index"),
        ),
        (array(0, info(ARRAY, 0), 0, &[1, 1, 2]), "accepted".into()),
    ] {
        assert_eq!(verdict("6.1", &types), expected);
    }
}

#[test]
fn members_are_checked() {
    let of = |kind, members: &[u32]| [&[NAME, kind, 4], members].concat();
    let one = info(STRUCT, 1);
    for (types, expected) in [
        (of(info(STRUCT, 2), &[NAME, 1, 0]), basic("STRUCT a", "meta_left:12 meta_needed:24")),
        ([DIGIT, one, 4, NAME, 1, 0].to_vec(), of_type("STRUCT 9", "size=4 vlen=1", "Invalid name")),
        (
            of(one, &[BEYOND, 1, 0]),
            member("(invalid-name-offset) type_id=1 bits_offset=0", "Invalid member name_offset:10"),
        ),
        (of(one, &[EMPTY, 1, 0]), member(" type_id=1 bits_offset=0", "Invalid name")),
        (of(one, &[0, 0, 0]), member("(anon) type_id=0 bits_offset=0", "Invalid type_id")),
        (of(info(UNION, 1), &[NAME, 1, 8]), member("a type_id=1 bits_offset=8", "Invalid member bits_offset")),
        (
            of(info(STRUCT, 2), &[NAME, 1, 8, NAME, 1, 0]),
            member("a type_id=1 bits_offset=0", "Invalid member bits_offset"),
        ),
        (of(one, &[NAME, 1, 33]), member("a type_id=1 bits_offset=33", "Member bits_offset exceeds its struct size")),
        (
            of(one | KFLAG, &[NAME, 1, 0x0700_0021]),
            member("a type_id=1 bitfield_size=7 bits_offset=33", "Member bits_offset exceeds its struct size"),
        ),
        (of(one, &[NAME, 0xf_ffff, 32]), "accepted".into()),
    ] {
        assert_eq!(verdict("6.1", &types), expected);
    }
}

#[test]
fn enumerators_are_checked() {
    let of = |kind, size, values: &[u32]| [&[NAME, kind, size], values].concat();
    for (types, expected) in [
        (of(info(ENUM, 1), 4, &[NAME]), basic("ENUM a", "meta_left:4 meta_needed:8")),
        (of(info(ENUM64, 1), 8, &[NAME, 0]), basic("ENUM64 a", "meta_left:8 meta_needed:12")),
        (of(info(ENUM, 0), 3, &[]), of_type("ENUM a", "size=3 vlen=0", "Unexpected size")),
        (of(info(ENUM, 0), 16, &[]), of_type("ENUM a", "size=16 vlen=0", "Unexpected size")),
        (of(info(ENUM, 0), 0, &[]), of_type("ENUM a", "size=0 vlen=0", "Unexpected size")),
        ([DIGIT, info(ENUM, 0), 4].to_vec(), of_type("ENUM 9", "size=4 vlen=0", "Invalid name")),
        (of(info(ENUM, 1), 4, &[BEYOND, 1]), plain("\tInvalid name_offset:10")),
        (of(info(ENUM, 1), 4, &[0, 1]), of_type("ENUM a", "size=4 vlen=1", "Invalid name")),
        (of(info(ENUM64, 1), 8, &[DIGIT, 1, 2]), of_type("ENUM64 a", "size=8 vlen=1", "Invalid name")),
        (of(info(ENUM64, 1) | KFLAG, 8, &[NAME, 1, 2]), "accepted".into()),
    ] {
        assert_eq!(verdict("6.1", &types), expected);
    }
}

#[test]
fn declarations_are_checked() {
    for (types, expected) in [
        (vec![NAME, info(FWD, 1), 0], of_type("FWD a", "struct", "vlen != 0")),
        (vec![NAME, info(FWD, 0) | KFLAG, 1], of_type("FWD a", "union", "type != 0")),
        (vec![0, info(FWD, 0), 0], of_type("FWD (anon)", "struct", "Invalid name")),
        (vec![0, info(FUNC, 0), 1], of_type("FUNC (anon)", "type_id=1", "Invalid name")),
        (vec![NAME, info(FUNC, 2), 1], of_type("FUNC a", "type_id=1", "Invalid func linkage")),
        (vec![NAME, info(FUNC, 1) | KFLAG, 1], of_type("FUNC a", "type_id=1", "Invalid btf_info kind_flag")),
        (vec![NAME, info(FUNC, 0), 0xffff_ffff], "accepted".into()),
        (vec![NAME, info(VAR, 0), 1], basic("VAR a", "meta_left:0 meta_needed:4")),
        (vec![NAME, info(VAR, 1), 1, 0], of_type("VAR a", "type_id=1 linkage=0", "vlen != 0")),
        (vec![NAME, info(VAR, 0) | KFLAG, 1, 0], of_type("VAR a", "type_id=1 linkage=0", "Invalid btf_info kind_flag")),
        (vec![0, info(VAR, 0), 1, 0], of_type("VAR (anon)", "type_id=1 linkage=0", "Invalid name")),
        (vec![NAME, info(VAR, 0), 0, 0], of_type("VAR a", "type_id=0 linkage=0", "Invalid type_id")),
        (vec![NAME, info(VAR, 0), 1, 2], of_type("VAR a", "type_id=1 linkage=2", "Linkage not supported")),
        (vec![NAME, info(FLOAT, 1), 4], of_type("FLOAT a", "size=4", "vlen != 0")),
        (vec![NAME, info(FLOAT, 0) | KFLAG, 4], of_type("FLOAT a", "size=4", "Invalid btf_info kind_flag")),
        (vec![NAME, info(FLOAT, 0), 5], of_type("FLOAT a", "size=5", "Invalid type_size")),
        (vec![NAME, info(DECL_TAG, 0), 1], basic("DECL_TAG a", "meta_left:0 meta_needed:4")),
        (vec![EMPTY, info(DECL_TAG, 0), 1, 0], of_type("DECL_TAG ", "type=1 component_idx=0", "Invalid value")),
        (vec![NAME, info(DECL_TAG, 1), 1, 0], of_type("DECL_TAG a", "type=1 component_idx=0", "vlen != 0")),
        (
            vec![NAME, info(DECL_TAG, 0), 1, 0xffff_fffe],
            of_type("DECL_TAG a", "type=1 component_idx=-2", "Invalid component_idx"),
        ),
        (vec![NAME, info(DECL_TAG, 0), 1, 0xffff_ffff], "accepted".into()),
    ] {
        assert_eq!(verdict("6.1", &types), expected);
    }
}

#[test]
fn a_prototype_is_shown_part_by_part() {
    let proto = |arguments: &[u32]| {
        let vlen = arguments.len() as u32 / 2;
        let lines = verdict("6.1", &[&[NAME, info(FUNC_PROTO, vlen), 1], arguments].concat());
        let inner = lines.strip_prefix("BPF: [2] FUNC_PROTO a |BPF: ").unwrap();
        inner.split("|BPF:  |").next().unwrap().replace("|BPF: ", "")
    };
    assert_eq!(proto(&[]), "return=1 args=(void)");
    assert_eq!(proto(&[0, 0]), "return=1 args=(vararg)");
    assert_eq!(proto(&[NAME, 1]), "return=1 args=(1 a)");
    assert_eq!(proto(&[NAME, 1, BEYOND, 0, NAME, 3]), "return=1 args=(1 a, 0 (invalid-name-offset), 3 a)");
    assert_eq!(proto(&[NAME, 1, 0, 0]), "return=1 args=(1 a, vararg)");
    let cut = verdict("6.1", &[0, info(FUNC_PROTO, 1), 1]);
    assert_eq!(cut, basic("FUNC_PROTO (anon)", "meta_left:0 meta_needed:8"));
}

#[test]
fn variables_of_a_section_are_checked() {
    let of = |vars: &[u32]| [&[NAME, info(DATASEC, vars.len() as u32 / 3), 8], vars].concat();
    let var = |line: &str, reason: &str| member(&format!(" {line}"), reason);
    for (types, expected) in [
        (vec![NAME, info(DATASEC, 1), 8], basic("DATASEC a", "meta_left:0 meta_needed:12")),
        (vec![NAME, info(DATASEC, 0), 0], of_type("DATASEC a", "size=0 vlen=0", "size == 0")),
        (vec![NAME, info(DATASEC, 0) | KFLAG, 8], of_type("DATASEC a", "size=8 vlen=0", "Invalid btf_info kind_flag")),
        (vec![DIGIT, info(DATASEC, 0), 8], of_type("DATASEC 9", "size=8 vlen=0", "Invalid name")),
        (of(&[0, 0, 4]), var("type_id=0 offset=0 size=4", "Invalid type_id")),
        (of(&[1, 8, 4]), var("type_id=1 offset=8 size=4", "Invalid offset")),
        (of(&[1, 0, 4, 1, 2, 4]), var("type_id=1 offset=2 size=4", "Invalid offset")),
        (of(&[1, 0, 0]), var("type_id=1 offset=0 size=0", "Invalid size")),
        (of(&[1, 5, 4]), var("type_id=1 offset=5 size=4", "Invalid offset+size")),
        (of(&[1, 0, 4, 1, 4, 4]), "accepted".into()),
    ] {
        assert_eq!(verdict("6.1", &types), expected);
    }
    assert_eq!(verdict("6.12", &[DIGIT, info(DATASEC, 0), 8]), "accepted", "any printable name");
}

#[test]
fn the_end_of_a_variable_wraps() {
    let size = 0xffff_fff0;
    let types = [NAME, info(DATASEC, 2), size, 1, 0xffff_ffe0, 0x30, 1, 0x10, 0xffff_ffe0];
    assert_eq!(verdict("6.1", &types), of_type("DATASEC a", "size=4294967280 vlen=2", "Invalid btf_info size"));
}

#[test]
fn chains_are_followed() {
    let modifiers = |count: u32, last: u32| {
        (0..count)
            .flat_map(|nth| [0, info(CONST, 0), if nth + 1 == count { last } else { 3 + nth }])
            .collect::<Vec<_>>()
    };
    let chain = refused("BPF: Max chain length or cycle detected", 40);
    assert_eq!(verdict("6.1", &modifiers(32, 1)), "accepted");
    assert_eq!(verdict("6.1", &modifiers(40, 1)), chain);
    assert_eq!(verdict("6.1", &modifiers(1, 2)), chain, "a modifier of itself");
    assert_eq!(verdict("6.1", &modifiers(1, 3)), refused("", 22).trim_start_matches('|'), "no such type, no line");
    assert_eq!(verdict("5.15", &modifiers(1, 2)), "accepted", "chains were not followed");
    let tag_after = [0, info(CONST, 0), 3, NAME, info(TYPE_TAG, 0), 1];
    assert_eq!(verdict("6.12", &tag_after), plain("Type tags don't precede modifiers"));
    assert_eq!(verdict("7.2", &tag_after), "accepted");
    let tag_first = [NAME, info(TYPE_TAG, 0), 3, 0, info(CONST, 0), 1];
    assert_eq!(verdict("6.12", &tag_first), "accepted");
}

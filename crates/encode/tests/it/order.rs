//! The order of types and strings.

use encode::Options;

use crate::support::{Source, parse};

/// Names in the order of the types that have them, and the strings in theirs: what a pahole of that version would write.
fn written(options: Options) -> (Vec<String>, Vec<String>) {
    let mut source = Source::new();
    for (function, other, variable) in [("second", "left_out", "v1"), ("first", "another", "v2")] {
        let mut unit = source.unit();
        let int = unit.int();
        let own = unit.composite(gimli::DW_TAG_structure_type, &format!("of_{function}"), 4);
        unit.member(own, "member", int, 0);
        let ty = unit.to(gimli::DW_TAG_typedef, &format!("t_{variable}"), own);
        unit.variable(variable, ty, if variable == "v1" { 0 } else { 8 });
        unit.function(function, &[("argument", int)]);
        // Both units define it, with parameters of other types and names: it is written by neither.
        let ty = if other == "left_out" { int } else { own };
        unit.function("inconsistent", &[(other, ty)]);
    }
    for name in ["first", "second", "inconsistent"] {
        source.function_symbol(name);
    }
    source.per_cpu_symbol("v1", 0, 4);
    source.per_cpu_symbol("v2", 8, 4);
    let encoded = source.encode(options);
    let btf = parse(&encoded);
    let view = btf.alone();
    let named = view.own_types().filter_map(|(_, ty)| view.name(&ty)).map(ToString::to_string);
    let strings = btf.strings().split(|&byte| byte == 0).map(|string| String::from_utf8_lossy(string).into_owned());
    (named.filter(|name| !name.is_empty()).collect(), strings.filter(|string| !string.is_empty()).collect())
}

#[test]
fn types_and_strings_stand_in_the_order_in_which_pahole_comes_upon_them() {
    let (types, strings) = written(Options::kernel());
    assert_eq!(
        types,
        ["int", "of_second", "t_v1", "v1", "of_first", "t_v2", "v2", "first", "second", ".data..percpu"],
        "variables with their unit; functions last, by name"
    );
    assert_eq!(
        strings,
        [
            "int",
            "of_second",
            "member",
            "t_v1",
            "argument",
            "left_out",
            "v1",
            "of_first",
            "t_v2",
            "another",
            "v2",
            "first",
            "second",
            ".data..percpu",
        ],
        "the parameters of every function that was considered, with its unit"
    );
    let (types, strings) = written(Options::pahole_1_24());
    assert_eq!(
        types,
        [
            "int",
            "of_second",
            "t_v1",
            "second",
            "inconsistent",
            "v1",
            "of_first",
            "t_v2",
            "first",
            "v2",
            ".data..percpu"
        ],
        "functions with their unit, and the first definition of a name"
    );
    assert!(!strings.contains(&"another".to_owned()));
}

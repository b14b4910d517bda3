//! The order of types and strings.

use encode::Options;

use crate::support::{Source, parse};

/// Encodes two CUs like the pahole version of `options`. Returns the names of the types and the strings, each in their
/// order in the BTF.
fn names_and_strings(options: Options) -> (Vec<String>, Vec<String>) {
    let mut source = Source::new();
    for (function, other, variable) in [("second", "left_out", "v1"), ("first", "another", "v2")] {
        let mut cu = source.unit();
        let int = cu.int();
        let own = cu.composite(gimli::DW_TAG_structure_type, &format!("of_{function}"), 4);
        cu.member(own, "member", int, 0);
        let ty = cu.to(gimli::DW_TAG_typedef, &format!("t_{variable}"), own);
        cu.variable(variable, ty, if variable == "v1" { 0 } else { 8 });
        cu.function(function, &[("argument", int)]);
        // Both CUs define it, with different parameter types and names. pahole writes neither; pahole 1.24 writes the first.
        let ty = if other == "left_out" { int } else { own };
        cu.function("inconsistent", &[(other, ty)]);
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
fn types_and_strings_have_pahole_s_order() {
    let (types, strings) = names_and_strings(Options::kernel());
    assert_eq!(
        types,
        ["int", "of_second", "t_v1", "v1", "of_first", "t_v2", "v2", "first", "second", ".data..percpu"],
        "variables after the types of their CU; functions last, by name"
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
        "the parameters of all functions, also of those that are not written, with their CU"
    );
    let (types, strings) = names_and_strings(Options::pahole_1_24());
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
        "functions after the types of their CU; the first definition of each name"
    );
    assert!(!strings.contains(&"another".to_owned()));
}

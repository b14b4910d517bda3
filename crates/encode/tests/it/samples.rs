//! Small ELF files with DWARF.

use crate::support::Source;

/// A file with a struct that refers to itself, an array, a function and a per-CPU variable.
pub fn sample() -> Vec<u8> {
    sample_of(Source::new())
}

fn sample_of(mut source: Source) -> Vec<u8> {
    let mut cu = source.unit();
    let int = cu.int();
    let composite = cu.composite(gimli::DW_TAG_structure_type, "sample", 24);
    let array = cu.array(int, &[3]);
    let pointer = cu.to(gimli::DW_TAG_pointer_type, "", composite);
    cu.member(composite, "numbers", array, 0);
    cu.member(composite, "next", pointer, 16);
    cu.function("f", &[("x", pointer)]);
    cu.variable("v", int, 0);
    source.function_symbol("f");
    source.per_cpu_symbol("v", 0, 4);
    source.elf()
}

/// A number of CUs that is large enough for the encoder to use several threads.
pub const MANY: u64 = 70;

/// Files with several DWARF versions and with many CUs, by name.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let declared = {
        let mut source = Source::new();
        for is_declared in [true, false] {
            let mut cu = source.unit();
            let held = if is_declared {
                cu.declare(gimli::DW_TAG_structure_type, "held")
            } else {
                cu.composite(gimli::DW_TAG_structure_type, "held", 8)
            };
            let pointer = cu.to(gimli::DW_TAG_pointer_type, "", held);
            let holder = cu.composite(gimli::DW_TAG_union_type, "holder", 8);
            cu.member(holder, "held", pointer, 0);
        }
        source.elf()
    };
    let many = {
        let mut source = Source::new();
        for number in 0..MANY {
            let mut cu = source.unit();
            let int = cu.int();
            let own = cu.composite(gimli::DW_TAG_structure_type, &format!("own_{}", number % 7), number % 3 * 4);
            let pointer = cu.to(gimli::DW_TAG_pointer_type, "", own);
            cu.member(own, "own", pointer, 0);
            cu.function("f", &[("x", int)]);
        }
        source.function_symbol("f");
        source.elf()
    };
    vec![("many", many), ("version-5", sample()), ("version-4", sample_of(Source::version(4))), ("declared", declared)]
}

//! Small files with debug information.

use crate::support::Source;

/// A file with a struct that refers to itself, an array, a function and a per-CPU variable.
pub fn sample() -> Vec<u8> {
    sample_of(Source::new())
}

fn sample_of(mut source: Source) -> Vec<u8> {
    let mut unit = source.unit();
    let int = unit.int();
    let composite = unit.composite(gimli::DW_TAG_structure_type, "sample", 24);
    let array = unit.array(int, &[3]);
    let pointer = unit.to(gimli::DW_TAG_pointer_type, "", composite);
    unit.member(composite, "numbers", array, 0);
    unit.member(composite, "next", pointer, 16);
    unit.function("f", &[("x", pointer)]);
    unit.variable("v", int, 0);
    source.function_symbol("f");
    source.per_cpu_symbol("v", 0, 4);
    source.elf()
}

/// More units than one thread is left to read alone.
pub const MANY: u64 = 70;

/// Files of several versions and with many units, by name.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let declared = {
        let mut source = Source::new();
        for is_declared in [true, false] {
            let mut unit = source.unit();
            let held = if is_declared {
                unit.declare(gimli::DW_TAG_structure_type, "held")
            } else {
                unit.composite(gimli::DW_TAG_structure_type, "held", 8)
            };
            let pointer = unit.to(gimli::DW_TAG_pointer_type, "", held);
            let holder = unit.composite(gimli::DW_TAG_union_type, "holder", 8);
            unit.member(holder, "held", pointer, 0);
        }
        source.elf()
    };
    let many = {
        let mut source = Source::new();
        for number in 0..MANY {
            let mut unit = source.unit();
            let int = unit.int();
            let own = unit.composite(gimli::DW_TAG_structure_type, &format!("own_{}", number % 7), number % 3 * 4);
            let pointer = unit.to(gimli::DW_TAG_pointer_type, "", own);
            unit.member(own, "own", pointer, 0);
            unit.function("f", &[("x", int)]);
        }
        source.function_symbol("f");
        source.elf()
    };
    vec![("many", many), ("version-5", sample()), ("version-4", sample_of(Source::version(4))), ("declared", declared)]
}

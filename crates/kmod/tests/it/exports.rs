//! Tests of the exports of modules and kernels.

use kmod::{Export, KernelImage};

use crate::build::{Read as _, module};
use test_elf::{ABS, Builder, TARGETS, Target, X86_64};

type Row<'a> = (&'a str, bool, Option<&'a str>, Option<u32>);

fn rows<'a>(exports: &[Export<'a>]) -> Vec<Row<'a>> {
    exports.iter().map(|export| (export.symbol, export.gpl_only, export.namespace, export.crc)).collect()
}

#[test]
fn exports_of_a_module_carry_licence_namespace_and_crc() {
    for target in TARGETS {
        let module = module(target).read();
        let expected = [("fancy", true, Some("NS"), Some(0x9abc_def0)), ("plain", false, None, Some(0x1234_5678))];
        assert_eq!(rows(&module.exports().unwrap()), expected, "{target:?}");
    }
}

#[test]
fn crcs_of_older_kernels_and_flags_of_newer_ones_are_read() {
    let module = Builder::new(X86_64)
        .section("__ksymtab", &[0; 48])
        .section(".rodata", &[0, 0, 0, 0, 9, 0, 0, 0])
        .section("__kflagstab", &[0, 1])
        .section(".text", &[0; 8])
        .symbol("__ksymtab_absolute", 0, 1)
        .symbol("__crc_absolute", 0xabcd, ABS)
        .symbol("__ksymtab_relative", 12, 1)
        .symbol("__crc_relative", 4, 2)
        .symbol("__ksymtab_flagged", 24, 1)
        .symbol("__flags_flagged", 1, 3)
        .symbol("__ksymtab_unversioned", 36, 1)
        .symbol("__crc_unversioned", 6, 2)
        .symbol("__flags_unversioned", 0, 3)
        .symbol("__crc_not_exported", 0, 2)
        .symbol("__ksymtab_of_code", 0, 4)
        .symbol("__ksymtab_undefined", 0, 0)
        .read();
    let expected = [
        ("absolute", false, None, Some(0xabcd)),
        ("flagged", true, None, None),
        ("relative", false, None, Some(9)),
        ("unversioned", false, None, None),
    ];
    assert_eq!(rows(&module.exports().unwrap()), expected);
}

const TABLE_AT: u64 = 0x8000_1000;
const GPL_TABLE_AT: u64 = 0x8000_2000;
const STRINGS_AT: u64 = 0x8000_0000;

/// Records of three references each: the symbol, its name and its namespace. The last two are offsets into the
/// strings.
fn relative(target: Target, table: u64, records: &[(u64, u64)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for &(name, namespace) in records {
        bytes.extend(target.u32(0));
        for offset in [name, namespace] {
            let here = table + bytes.len() as u64;
            bytes.extend(target.u32((STRINGS_AT + offset).wrapping_sub(here) as u32));
        }
    }
    bytes
}

fn pointers(target: Target, records: &[(u64, u64)]) -> Vec<u8> {
    let words = records.iter().flat_map(|&(name, space)| [0, STRINGS_AT + name, STRINGS_AT + space]);
    words.flat_map(|word| target.word(word)).collect()
}

fn kernel(target: Target, table: &[u8], gpl_table: &[u8]) -> Vec<u8> {
    Builder::new(target)
        .elf_type(2)
        .section_at("__ksymtab_strings", STRINGS_AT, b"one\0\0two\0three\0NS\0")
        .section_at("__ksymtab", TABLE_AT, table)
        .section_at("__ksymtab_gpl", GPL_TABLE_AT, gpl_table)
        .section("__kcrctab", &[target.u32(1), target.u32(2)].concat())
        .section("__kcrctab_gpl", &target.u32(0xffff_ffff))
        .bytes()
}

#[test]
fn exports_of_a_kernel_are_read_from_its_tables() {
    let (plain, gpl) = ([(0, 4), (5, 4)], [(9, 15)]);
    let expected =
        [("one", false, None, Some(1)), ("three", true, Some("NS"), Some(0xffff_ffff)), ("two", false, None, Some(2))];
    for target in TARGETS {
        let image = KernelImage::from_bytes(kernel(target, &pointers(target, &plain), &pointers(target, &gpl)));
        assert_eq!(rows(&image.unwrap().exports().unwrap()), expected, "{target:?}");
        if target.is_64 {
            let tables = (relative(target, TABLE_AT, &plain), relative(target, GPL_TABLE_AT, &gpl));
            let image = KernelImage::from_bytes(kernel(target, &tables.0, &tables.1));
            assert_eq!(rows(&image.unwrap().exports().unwrap()), expected, "{target:?}");
        }
    }
}

#[test]
fn tables_that_do_not_go_together_are_errors() {
    let gpl = pointers(X86_64, &[(0, 0)]);
    let odd = KernelImage::from_bytes(kernel(X86_64, &[0; 50], &gpl)).unwrap();
    let error = odd.exports().unwrap_err().to_string();
    assert!(error.contains("its 50 bytes do not go with 2 CRCs"), "{error}");
    let outside = pointers(X86_64, &[(0, 0), (1000, 0)]);
    let outside = KernelImage::from_bytes(kernel(X86_64, &outside, &gpl)).unwrap();
    let error = outside.exports().unwrap_err().to_string();
    assert!(error.contains("record 1 of section __ksymtab: there is no string at address 0x800003e8"), "{error}");
}

#[test]
fn a_kernel_without_versions_has_no_exports_to_compare() {
    let bytes = Builder::new(X86_64).elf_type(2).section(".BTF", b"\x9f\xeb").bytes();
    assert_eq!(KernelImage::from_bytes(bytes).unwrap().exports().unwrap(), []);
}

//! Tests of modules: sections, information, versions, and files that are refused.

use std::fs;

use kmod::{Compression, Error, Module};

use crate::build::{Read as _, module, version_records, without_bytes};
use crate::pack::{gzip, xz};
use test_elf::{Builder, TARGETS, Target, X86_64};

fn versions(module: &Module) -> Vec<(&str, u32)> {
    module.versions().unwrap().iter().map(|version| (version.symbol, version.crc)).collect()
}

#[test]
fn a_module_is_read_in_every_class_and_byte_order() {
    for target in TARGETS {
        let module = module(target).read();
        assert_eq!(
            (module.elf().is_64(), module.elf().is_little_endian()),
            (target.is_64, target.endian == util::Endian::Little)
        );
        assert_eq!(module.btf(), Some(&b"\x9f\xebtypes"[..]), "{target:?}");
        assert_eq!((module.btf_base(), module.btf_ids(), module.section("types")), (None, None, None));
        assert_eq!(module.name().as_deref(), Some("sample"));
        assert_eq!(module.modinfo().depends(), ["libx", "y_z"]);
        assert_eq!(module.vermagic().unwrap().release, "6.1.0-56");
        assert_eq!(versions(&module), [("module_layout", 0xfedc_ba98), ("used", 7)], "{target:?}");
        let imports: Vec<_> = module.imports().unwrap().iter().map(|import| (import.symbol, import.weak)).collect();
        assert_eq!(imports, [("used", false), ("perhaps", true)], "{target:?}");
        assert!(!module.is_signed());
        assert_eq!(module.signature(), None);
    }
}

#[test]
fn the_magic_decides_and_not_the_name() {
    let plain = module(X86_64).bytes();
    let cases = [
        ("a.ko.xz", plain.clone(), None),
        ("b.ko", xz(&plain), Some(Compression::Xz)),
        ("c.ko.gz", zstd::encode_all(&plain[..], 1).unwrap(), Some(Compression::Zstd)),
        ("d", gzip(&plain), Some(Compression::Gzip)),
    ];
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes, compression) in cases {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let module = Module::open(&path).unwrap();
        assert_eq!(module.compression(), compression, "{name}");
        assert_eq!(module.bytes(), plain);
    }
}

#[test]
fn the_name_comes_from_modinfo_then_the_struct_then_the_file() {
    for target in TARGETS {
        let mut this_module = vec![0; 200];
        let at = if target.is_64 { 24 } else { 12 };
        this_module[at..at + 5].copy_from_slice(b"inner");
        let with_struct = || Builder::new(target).section(".gnu.linkonce.this_module", &this_module);
        assert_eq!(with_struct().read().name().as_deref(), Some("inner"), "{target:?}");
        let both = with_struct().section(".modinfo", b"name=outer\0").read();
        assert_eq!(both.name().as_deref(), Some("outer"));
        let short = Builder::new(target).section(".gnu.linkonce.this_module", &this_module[..40]).read();
        assert_eq!(short.name(), None);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("some-file.ko.xz");
    fs::write(&path, Builder::new(X86_64).bytes()).unwrap();
    assert_eq!(Module::open(&path).unwrap().name().as_deref(), Some("some_file"));
}

#[test]
fn a_section_without_bytes_is_none_and_of_two_the_first_counts() {
    let module = Builder::new(X86_64)
        .add_section(without_bytes(".BTF", 4096))
        .section("x", b"first")
        .section("x", b"second")
        .section(".BTF.base", b"")
        .section("prefix.BTF", b"other")
        .add_section(without_bytes("y", 8))
        .section("y", b"bytes")
        .read();
    assert_eq!(module.btf(), None);
    assert_eq!(module.section(".BTF"), None);
    assert_eq!(module.section("y"), Some(&b"bytes"[..]));
    assert_eq!(module.btf_base(), None);
    assert_eq!(module.section("x"), Some(&b"first"[..]));
    let sections: Vec<_> = module.elf().sections().map(|section| (section.name, section.data.len())).collect();
    assert_eq!(sections[..3], [(&b""[..], 0), (b".BTF", 0), (b"x", 5)]);
}

#[test]
fn sections_beyond_65535_would_be_counted_in_the_first_header() {
    for target in TARGETS {
        let module = module(target).count_in_first().read();
        assert_eq!(module.btf(), Some(&b"\x9f\xebtypes"[..]), "{target:?}");
        assert_eq!(module.exports().unwrap().len(), 2);
    }
}

#[test]
fn extended_versions_win_over_basic_ones() {
    for target in TARGETS {
        let long = "a_name_of_rust".repeat(10);
        let crcs = [target.u32(0xffff_fffe), target.u32(3)].concat();
        let module = Builder::new(target)
            .section("__versions", &version_records(target, &[("short", 1)]))
            .section("__version_ext_crcs", &crcs)
            .section("__version_ext_names", format!("{long}\0short\0\0").as_bytes())
            .read();
        assert_eq!(versions(&module), [(long.as_str(), 0xffff_fffe), ("short", 3)], "{target:?}");
    }
}

#[test]
fn damaged_versions_are_errors() {
    let crc = X86_64.u32(1);
    let basic = |bytes: &[u8]| Builder::new(X86_64).section("__versions", bytes);
    let extended = |crcs: &[u8], names: &[u8]| {
        Builder::new(X86_64).section("__version_ext_crcs", crcs).section("__version_ext_names", names)
    };
    let good = version_records(X86_64, &[("f", 1), ("g", 2)]);
    let mut wide = good.clone();
    wide[64 + 4] = 1;
    let mut endless = good.clone();
    endless[72..128].fill(b'x');
    let mut nameless = good.clone();
    nameless[72] = 0;
    let mut not_text = good.clone();
    not_text[72] = 0xff;
    let cases = [
        ("not whole records", basic(&good[..100]), "100 bytes are not whole records"),
        ("wide CRC", basic(&wide), "record 1 of section __versions: the CRC 0x100000002 has more than 32 bits"),
        ("no NUL", basic(&endless), "record 1 of section __versions: the name is empty, or has no closing NUL"),
        ("no name", basic(&nameless), "the name is empty"),
        ("no text", basic(&not_text), r"the name \xff is not UTF-8"),
        ("CRCs alone", Builder::new(X86_64).section("__version_ext_crcs", &crc), "only one of them is there"),
        ("not whole CRCs", extended(&crc[..3], b"f\0"), "3 bytes are not whole CRCs"),
        (
            "too few names",
            extended(&[crc.clone(), crc.clone()].concat(), b"f\0\0"),
            "there is a CRC, but no name for it",
        ),
        ("too many names", extended(&crc, b"f\0g\0"), "there are more names than the 1 CRCs"),
        ("cut name", extended(&crc, b"f"), "there is a CRC, but no name for it"),
    ];
    for (case, builder, expected) in cases {
        let module = builder.read();
        let error = module.versions().unwrap_err().to_string();
        assert!(error.contains(expected), "{case}: {error}");
    }
}

#[test]
fn a_signature_is_seen_and_measured() {
    let plain = module(X86_64).bytes();
    let signed = |id_type: u8, claimed: u32| {
        let record = [&[0, 0, id_type, 0, 0, 0, 0, 0][..], &claimed.to_be_bytes()].concat();
        Module::from_bytes([&plain[..], &[7; 30], &record, b"~Module signature appended~\n"].concat()).unwrap()
    };
    let module = signed(2, 30);
    let signature = module.signature().unwrap();
    assert!(module.is_signed());
    assert_eq!((signature.id_type, signature.signature_len, signature.content_len), (2, 30, plain.len()));
    assert_eq!(module.btf(), Some(&b"\x9f\xebtypes"[..]));
    let lying = signed(2, u32::MAX);
    assert!(lying.is_signed());
    assert_eq!(lying.signature(), None);
}

#[test]
fn from_bytes_refuses_files_that_are_no_modules() {
    let not_relocatable = module(X86_64).elf_type(2).bytes();
    assert!(matches!(Module::from_bytes(not_relocatable), Err(Error::NotAModule { elf_type: 2 })));
    let told = [
        (&b""[..], "the file is empty"),
        (b"\x7fELF", "64 bytes at offset 0x0 are needed, but there are only 4"),
        (b"\x7fELF\x01\x01\x01", "52 bytes at offset 0x0 are needed, but there are only 7"),
        (b"#!/bin/sh\n", "it begins with 23212f62696e2f73, not with"),
        (&[0; 64], "no ELF file"),
    ];
    for (bytes, why) in told {
        let error = Module::from_bytes(bytes.to_vec()).unwrap_err().to_string();
        assert!(error.contains(why), "{bytes:?}: {error}");
    }
    let whole = module(X86_64).bytes();
    let cut = whole[..whole.len() - 1].to_vec();
    assert!(matches!(Module::from_bytes(cut), Err(Error::OutOfBounds { .. })));
}

/// The offset of the section headers.
fn table_at(bytes: &[u8]) -> usize {
    u64::from_le_bytes(bytes[40..48].try_into().unwrap()) as usize
}

#[test]
fn headers_that_lead_outside_are_errors_with_the_offending_value() {
    let good = module(X86_64).bytes();
    let table = table_at(&good);
    let patch = |at: usize, bytes: &[u8]| {
        let mut patched = good.clone();
        patched[at..at + bytes.len()].copy_from_slice(bytes);
        Module::from_bytes(patched).unwrap_err().to_string()
    };
    let section = table + 64;
    assert!(patch(section + 32, &u64::MAX.to_le_bytes()).contains("an ELF section: 18446744073709551615 bytes"));
    assert!(patch(section + 24, &u64::MAX.to_le_bytes()).contains("at offset 0xffffffffffffffff"));
    assert!(patch(40, &u64::MAX.to_le_bytes()).contains("the first section header"));
    assert!(patch(58, &63_u16.to_le_bytes()).contains("63 bytes instead of 64"));
    assert!(patch(60, &0xfff0_u16.to_le_bytes()).contains("the section headers: 4193280 bytes"));
    assert!(patch(62, &999_u16.to_le_bytes()).contains("the section names are in section 999"));
    assert!(patch(section, &0xff_ffff_u32.to_le_bytes()).contains("the name of section 1 is at 0xffffff"));
}

#[test]
fn a_section_may_end_with_the_file_and_not_a_byte_later() {
    let good = module(X86_64).bytes();
    let section = table_at(&good) + 64;
    let offset = u64::from_le_bytes(good[section + 24..section + 32].try_into().unwrap());
    let with_len = |len: u64| {
        let mut patched = good.clone();
        patched[section + 32..section + 40].copy_from_slice(&len.to_le_bytes());
        Module::from_bytes(patched)
    };
    let room = good.len() as u64 - offset;
    assert_eq!(with_len(room).unwrap().btf().unwrap().len() as u64, room);
    assert!(matches!(with_len(room + 1), Err(Error::OutOfBounds { what: "an ELF section", .. })));
}

#[test]
fn a_count_in_the_first_header_allocates_nothing_before_it_is_checked() {
    let mut bytes = module(X86_64).count_in_first().bytes();
    let table = table_at(&bytes);
    for count in [u64::MAX, 1 << 58, 1 << 40] {
        bytes[table + 32..table + 40].copy_from_slice(&count.to_le_bytes());
        let error = Module::from_bytes(bytes.clone()).unwrap_err();
        assert!(matches!(error, Error::OutOfBounds { what: "the section headers", .. }), "{error:?}");
    }
}

#[test]
fn symbols_with_names_from_nowhere_are_errors() {
    let target: Target = X86_64;
    let endless = "x".repeat(5000);
    let module = Builder::new(target).symbol(&endless, 0, 0).read();
    assert!(matches!(module.imports(), Err(Error::OutOfBounds { what: "a symbol's name", .. })));
    let mut bytes = Builder::new(target).symbol("f", 0, 0).bytes();
    let second_symbol = 64 + 24;
    bytes[second_symbol..second_symbol + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let module = Module::from_bytes(bytes).unwrap();
    assert!(matches!(module.imports(), Err(Error::OutOfBounds { offset: 0xffff_ffff, .. })));
}

#[test]
fn an_error_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("broken.ko");
    fs::write(&path, "not a module").unwrap();
    for path in [path, dir.path().join("missing.ko")] {
        let error = Module::open(&path).unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert!(std::error::Error::source(&error).is_some());
    }
}

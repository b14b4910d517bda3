//! Tests of adding, replacing and removing sections: everything else stays unchanged.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use goblin::elf::Elf as Goblin;
use goblin::elf::section_header::{SHF_ALLOC, SHT_NULL};
use kmod::{Compression, Error, Module, SectionEdits};
use proptest::prelude::*;

use crate::build::{self, NOBITS, without_bytes};
use crate::sample::SAMPLE;
use test_elf::{Builder, Section, TARGETS, Target, X86_64};

/// A section's properties apart from its place in the file: name, type, flags, address, link, info, entry size,
/// alignment, content.
type Seen = (String, u32, u64, u64, u32, u32, u64, u64, Vec<u8>);

/// The sections by number, parsed by another reader.
fn sections(bytes: &[u8]) -> BTreeMap<usize, Seen> {
    let elf = Goblin::parse(bytes).unwrap();
    let see = |(index, section): (usize, &goblin::elf::SectionHeader)| {
        let name = elf.shdr_strtab.get_at(section.sh_name).unwrap().to_owned();
        let content = section.file_range().map_or(Vec::new(), |range| bytes[range].to_vec());
        let s = section;
        (index, (name, s.sh_type, s.sh_flags, s.sh_addr, s.sh_link, s.sh_info, s.sh_entsize, s.sh_addralign, content))
    };
    elf.section_headers.iter().enumerate().map(see).collect()
}

fn section<'a>(seen: &'a BTreeMap<usize, Seen>, name: &str) -> Option<&'a Seen> {
    seen.values().find(|seen| seen.0 == name)
}

/// Checks that two files differ only in these sections and in the section names.
fn assert_only(old: &[u8], new: &[u8], changed: &[&str]) {
    let (before, after) = (sections(old), sections(new));
    for (index, seen) in &before {
        if changed.contains(&seen.0.as_str()) || *index == 0 {
            continue;
        }
        let now = &after[index];
        if seen.0 == ".shstrtab" {
            assert!(now.8.starts_with(&seen.8));
        } else {
            assert_eq!(now, seen, "section {index}");
        }
    }
    let added = after.iter().filter(|(index, seen)| !before.contains_key(index) && seen.1 != SHT_NULL);
    assert!(added.clone().all(|(_, seen)| changed.contains(&seen.0.as_str())), "{:?}", added.collect::<Vec<_>>());
    let elf = Goblin::parse(new).unwrap();
    let mut extents: Vec<_> = elf.section_headers.iter().filter_map(goblin::elf::SectionHeader::file_range).collect();
    let entry = if elf.is_64 { 64 } else { 40 };
    let table = elf.header.e_shoff as usize;
    assert_eq!(table + entry * elf.section_headers.len(), new.len(), "the table comes last");
    assert_eq!(table % if elf.is_64 { 8 } else { 4 }, 0);
    extents.retain(|range| !range.is_empty());
    extents.sort_by_key(|range| range.start);
    assert!(extents.windows(2).all(|pair| pair[0].end <= pair[1].start), "{extents:?}");
}

fn module(target: Target) -> Vec<u8> {
    build::module(target).add_section(without_bytes(".bss", 64)).bytes()
}

#[test]
fn a_section_is_replaced_or_added_in_every_class_and_byte_order() {
    for target in TARGETS {
        let old = module(target);
        for content in [&b""[..], b"x", &[7; 5000]] {
            let edits = SectionEdits::new().set(".BTF", content).set(".BTF.base", b"the base");
            let new = edits.apply(&old).unwrap();
            assert_only(&old, &new, &[".BTF", ".BTF.base"]);
            let seen = sections(&new);
            assert_eq!(section(&seen, ".BTF").unwrap().8, content);
            let base = section(&seen, ".BTF.base").unwrap();
            assert_eq!((base.1, base.2, base.7, base.8.as_slice()), (1, 0, 8, &b"the base"[..]));
            assert_eq!(edits.apply(&new).unwrap(), new, "twice is as once");
            let module = Module::from_bytes(new).unwrap();
            assert_eq!(module.btf_base(), Some(&b"the base"[..]));
            let exports: Vec<_> = module.exports().unwrap().iter().map(|export| export.symbol).collect();
            assert_eq!(exports, ["fancy", "plain"]);
        }
    }
}

#[test]
fn replaced_content_is_not_left_in_the_file() {
    let old = module(X86_64);
    let short = SectionEdits::new().set(".BTF", b"short").apply(&old).unwrap();
    let long = SectionEdits::new().set(".BTF", &[9; 9000]).apply(&old).unwrap();
    assert_eq!(SectionEdits::new().set(".BTF", b"short").apply(&long).unwrap(), short);
    assert!(old.windows(7).any(|window| window == b"\x9f\xebtypes"));
    assert!(!short.windows(7).any(|window| window == b"\x9f\xebtypes"));
}

#[test]
fn a_section_is_taken_out_without_renumbering() {
    let old = module(X86_64);
    let with_base = SectionEdits::new().set(".BTF.base", b"the base").apply(&old).unwrap();
    let without = SectionEdits::new().remove(".BTF.base").apply(&with_base).unwrap();
    assert_only(&old, &without, &[]);
    assert_eq!(sections(&without).len(), sections(&old).len(), "the last one goes with its header");
    let amidst = SectionEdits::new().remove("__versions").remove("not there").apply(&old).unwrap();
    assert_only(&old, &amidst, &["__versions"]);
    assert_eq!(section(&sections(&amidst), "__versions"), None);
    assert_eq!(sections(&amidst).len(), sections(&old).len());
    let refused = SectionEdits::new().remove(".shstrtab").apply(&old);
    assert!(matches!(refused, Err(Error::Elf { .. })), "{refused:?}");
}

#[test]
fn a_linked_file_keeps_everything_that_is_loaded_in_its_place() {
    for target in TARGETS {
        let old = linked(target);
        let new = SectionEdits::new().set(".BTF", &[3; 333]).apply(&old).unwrap();
        assert_only(&old, &new, &[".BTF"]);
        let text = find(&old, b"the text").unwrap();
        assert_eq!(old[64..text + 8], new[64..text + 8]);
        let refused = SectionEdits::new().set(".text", b"").apply(&old).unwrap_err();
        assert!(matches!(refused, Error::LoadedSection { address: 0x1000, .. }), "{refused}");
        assert!(SectionEdits::new().remove(".text").apply(&old).is_err());
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// An executable file with a loaded section, and debug information before and after it.
fn linked(target: Target) -> Vec<u8> {
    let builder = Builder::new(target).elf_type(2).section(".debug_info", b"debug");
    let mut bytes = builder.section_at(".text", 0x1000, b"the text").section(".debug_str", b"strings").bytes();
    // The builder cannot set flags: `.text` is section 2, and sh_flags is the third field of a header.
    let (entry, at) = if target.is_64 { (64, 8) } else { (40, 8) };
    let table = Goblin::parse(&bytes).unwrap().header.e_shoff as usize;
    let flags = target.word(u64::from(SHF_ALLOC));
    bytes[table + 2 * entry + at..][..flags.len()].copy_from_slice(&flags);
    bytes
}

/// Sections that share bytes would each get a copy of them, so a small file would become very large.
#[test]
fn sections_that_overlap_are_refused() {
    for (one, other) in [(2, 3), (5, 6)] {
        let mut bytes = module(X86_64);
        let elf = Goblin::parse(&bytes).unwrap();
        let (table, offset) = (elf.header.e_shoff as usize, elf.section_headers[one].sh_offset);
        bytes[table + 64 * other + 24..][..8].copy_from_slice(&offset.to_le_bytes());
        for edits in [SectionEdits::new().set(".BTF", b"types"), SectionEdits::new().set("new", b"types")] {
            let error = edits.apply(&bytes).unwrap_err();
            assert!(error.to_string().contains("overlaps"), "{error}");
        }
    }
}

#[test]
fn very_many_sections_are_counted_in_the_first_header() {
    let old = build::module(X86_64).count_in_first().bytes();
    let new = SectionEdits::new().set(".BTF.base", b"base").apply(&old).unwrap();
    assert_only(&old, &new, &[".BTF.base"]);
    assert_eq!(Goblin::parse(&new).unwrap().header.e_shnum, 0);
    assert_eq!(Module::from_bytes(new).unwrap().elf().sections().count(), sections(&old).len() + 1);

    let mut builder = Builder::new(X86_64);
    for _ in 0..0xfeff - 2 {
        builder = builder.section(".x", b"");
    }
    let old = builder.bytes();
    assert_eq!(Goblin::parse(&old).unwrap().header.e_shnum, 0xfeff);
    let new = SectionEdits::new().set(".BTF", b"types").apply(&old).unwrap();
    let module = Module::from_bytes(new.clone()).unwrap();
    assert_eq!((module.elf().sections().count(), module.btf()), (0xff00, Some(&b"types"[..])));
    assert_eq!(Goblin::parse(&new).unwrap().header.e_shnum, 0);
}

#[test]
fn a_signed_module_is_refused_or_loses_its_signature() {
    let signed = Compression::Xz.decompress(SAMPLE, 1 << 20).unwrap();
    let edits = SectionEdits::new().set(".BTF", b"other types");
    assert!(matches!(edits.apply(&signed), Err(Error::Signed)));
    let new = edits.clone().drop_signature(true).apply(&signed).unwrap();
    let module = Module::from_bytes(new.clone()).unwrap();
    assert!(!module.is_signed());
    assert_eq!(module.btf(), Some(&b"other types"[..]));
    assert_only(&signed, &new, &[".BTF"]);
    let old = Module::from_bytes(signed).unwrap();
    assert_eq!(module.versions().unwrap(), old.versions().unwrap());
    assert_eq!(edits.apply(&new).unwrap(), new, "it is no longer signed");
    let mut broken = old.bytes().to_vec();
    let lengths = broken.len() - 28 - 4;
    broken[lengths] = 0xff;
    assert!(matches!(edits.clone().drop_signature(true).apply(&broken), Err(Error::BrokenSignature)));
    broken.truncate(old.bytes().len() - 28);
    let error = edits.apply(&broken).unwrap_err();
    assert!(error.to_string().contains("behind the last section"), "{error}");
}

#[test]
fn a_real_module_is_changed_and_changed_back() {
    let signed = Compression::Xz.decompress(SAMPLE, 1 << 20).unwrap();
    let plain = SectionEdits::new().drop_signature(true).apply(&signed).unwrap();
    let types = Module::from_bytes(plain.clone()).unwrap().btf().unwrap().to_vec();
    let other = SectionEdits::new().set(".BTF", &[1; 4097]).set(".BTF.base", b"b").apply(&plain).unwrap();
    let back = SectionEdits::new().set(".BTF", &types).remove(".BTF.base").apply(&other).unwrap();
    assert_only(&plain, &back, &[]);
    let canonical = SectionEdits::new().set(".BTF", &types).apply(&plain).unwrap();
    let shorter = canonical.len().abs_diff(back.len());
    assert!(shorter <= 16, "but for the name of .BTF.base the two are alike, {shorter} bytes");
}

fn file_names(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn a_file_is_changed_as_bytes_are_and_keeps_its_mode_and_compression() {
    let plain = module(X86_64);
    let edits = SectionEdits::new().set(".BTF", b"the types").durable(true);
    let expected = edits.apply(&plain).unwrap();
    for compression in [None, Some(Compression::Gzip), Some(Compression::Xz), Some(Compression::Zstd)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sample.ko");
        fs::write(&path, compression.map_or(plain.clone(), |c| c.compress(&plain).unwrap())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        edits.apply_to_file(&path).unwrap();
        let module = Module::open(&path).unwrap();
        assert_eq!((module.bytes(), module.compression()), (expected.as_slice(), compression));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let first = fs::read(&path).unwrap();
        edits.apply_to_file(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
        assert_eq!(file_names(dir.path()), ["sample.ko"]);
    }
}

#[test]
fn a_file_that_cannot_be_changed_stays_as_it_was() {
    let signed = Compression::Xz.decompress(SAMPLE, 1 << 20).unwrap();
    let cut = &module(X86_64)[..300];
    for content in [signed.as_slice(), SAMPLE, cut, b"no module", b""] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.ko");
        fs::write(&path, content).unwrap();
        let error = SectionEdits::new().set(".BTF", b"types").apply_to_file(&path).unwrap_err();
        assert!(error.to_string().contains("x.ko"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), content);
        assert_eq!(file_names(dir.path()), ["x.ko"]);
    }
    let lzma = Compression::Lz4Legacy.compress(b"x");
    assert!(matches!(lzma, Err(Error::NotForModules { compression: Compression::Lz4Legacy })));
}

#[test]
fn modules_are_compressed_as_the_kernel_decompresses_them() {
    // The data is long, because the dictionary does not affect short data.
    let content: Vec<u8> = (0..400_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let xz = Compression::Xz.compress(&content).unwrap();
    assert_eq!(xz[6..8], [0, 1], "the stream's flags name CRC32");
    // Block header: its size, flags, then filter 0x21 (LZMA2) with one byte of properties, where 16 means 1 MiB.
    let filter = xz[12..32].windows(2).position(|pair| pair == [0x21, 1]).unwrap();
    assert_eq!(xz[12 + filter + 2], 16);
    let zstd = Compression::Zstd.compress(&content).unwrap();
    let descriptor = zstd[4];
    assert_ne!(descriptor >> 6, 0, "the frame gives its content's length");
    assert_ne!(descriptor & 4, 0, "and a checksum");
    let gzip = Compression::Gzip.compress(&content).unwrap();
    assert_eq!(gzip[3..8], [0; 5], "no name, no time");
    for (compression, bytes) in [(Compression::Xz, xz), (Compression::Zstd, zstd), (Compression::Gzip, gzip)] {
        assert_eq!(compression.decompress(&bytes, 1 << 24).unwrap(), content);
        assert_eq!(compression.compress(&content).unwrap(), bytes, "{compression}: the same each time");
    }
}

#[derive(Debug, Clone)]
struct Drawn {
    target: usize,
    elf_type: u16,
    sections: Vec<(usize, u8, Vec<u8>)>,
    edits: Vec<(usize, Option<Vec<u8>>)>,
}

const NAMES: [&str; 6] = [".BTF", ".BTF.base", ".data", ".debug_info", ".BTF_ids", "BTF"];

fn drawn() -> impl Strategy<Value = Drawn> {
    let content = || proptest::collection::vec(any::<u8>(), 0..40);
    let sections = proptest::collection::vec((0..NAMES.len(), 0u8..3, content()), 0..8);
    let edits = proptest::collection::vec((0..NAMES.len(), proptest::option::of(content())), 1..4);
    (0..TARGETS.len(), 1u16..3, sections, edits).prop_map(|(target, elf_type, sections, edits)| Drawn {
        target,
        elf_type,
        sections,
        edits,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edits_change_only_the_given_sections(drawn in drawn()) {
        let target = TARGETS[drawn.target];
        let mut builder = Builder::new(target).elf_type(drawn.elf_type).symbol("a", 1, 1).symbol("b", 2, 0);
        for (name, kind, content) in &drawn.sections {
            builder = builder.add_section(Section { kind: if *kind == 0 { NOBITS } else { 1 }, ..Section::new(NAMES[*name], content.as_slice()) });
        }
        let old = builder.bytes();
        let mut edits = SectionEdits::new();
        let mut wanted = BTreeMap::new();
        for (name, content) in &drawn.edits {
            wanted.insert(NAMES[*name], content.as_ref());
        }
        for (name, content) in &wanted {
            edits = match content {
                Some(content) => edits.set(name, content),
                None => edits.remove(name),
            };
        }
        let new = edits.apply(&old).unwrap();
        let names: Vec<_> = wanted.keys().copied().collect();
        assert_only(&old, &new, &names);
        prop_assert_eq!(edits.apply(&new).unwrap(), new.clone());
        let read = kmod::Elf::parse(new.clone()).unwrap();
        for (name, content) in wanted {
            prop_assert_eq!(read.section(name), content.map(Vec::as_slice));
        }
        let symbols = |bytes: &[u8]| -> Vec<_> {
            let elf = Goblin::parse(bytes).unwrap();
            elf.syms.iter().map(|symbol| (symbol.st_name, symbol.st_shndx, symbol.st_value)).collect()
        };
        prop_assert_eq!(symbols(&old), symbols(&new));
    }
}

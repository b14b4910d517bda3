//! Tests of `.BTF_ids`: resolving, remapping, and refusing.

use kmod::{BtfIdSymbol, BtfIds, Elf, ElfFile, Error};

use test_elf::{Builder, TARGETS, Target, X86_64};

/// Symbols of `.BTF_ids`: name, offset, size.
type Symbols<'a> = &'a [(&'a str, u64, u64)];

/// A list of two, a set of three, and a set of two with flags.
const SYMBOLS: Symbols<'static> = &[
    ("__BTF_ID__struct__sock__1", 0, 4),
    ("__BTF_ID__func__vfs__read__2", 4, 4),
    ("__BTF_ID__set__hooks", 8, 16),
    ("__BTF_ID__func__c__3", 12, 4),
    ("__BTF_ID__func__a__4", 16, 4),
    ("__BTF_ID__func__b__5", 20, 4),
    ("__BTF_ID__set8__kfuncs", 24, 24),
    ("__BTF_ID__func__b__6", 32, 4),
    ("__BTF_ID__func__a__7", 40, 4),
];

/// The words as the compiler writes them: only flags are set.
const UNRESOLVED: [u32; 12] = [0, 0, 0, 0, 0, 0, 0, 1, 0, 70, 0, 60];

/// The words if a, b, c, `vfs__read` and sock have the ids 11, 12, 13, 14 and 5.
const RESOLVED: [u32; 12] = [5, 14, 3, 11, 12, 13, 2, 1, 11, 60, 12, 70];

/// A file with these words in its first section, at an address.
fn file(target: Target, address: u64, words: &[u32], symbols: Symbols<'_>) -> Elf {
    let bytes: Vec<u8> = words.iter().flat_map(|&word| target.u32(word)).collect();
    let mut builder = Builder::new(target).section_at(".BTF_ids", address, &bytes).section("other", &[0; 8]);
    for &(name, offset, size) in symbols {
        builder = builder.sized_symbol(name, address.wrapping_add(offset), size, 1);
    }
    Elf::parse(builder.sized_symbol("__BTF_ID__func__elsewhere__9", 0, 4, 2).bytes()).unwrap()
}

fn read(words: &[u32], symbols: Symbols<'_>) -> Result<Option<BtfIds>, Error> {
    BtfIds::read(&file(X86_64, 0, words, symbols))
}

fn bytes(target: Target, words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|&word| target.u32(word)).collect()
}

fn id_of(symbol: &BtfIdSymbol) -> u32 {
    match (symbol.kind.as_slice(), symbol.name.as_slice()) {
        (b"func", b"a") => 11,
        (b"func", b"b") => 12,
        (b"func", b"c") => 13,
        (b"func", b"vfs__read") => 14,
        (b"struct", b"sock") => 5,
        _ => panic!("{symbol}"),
    }
}

#[test]
fn resolve_writes_ids_counts_and_sorted_sets() {
    for target in TARGETS {
        // A module's section has address 0. A linked kernel's has another, and symbols are relative to it.
        for address in [0, 0x8100_0000] {
            let elf = file(target, address, &UNRESOLVED, SYMBOLS);
            let mut ids = BtfIds::read(&elf).unwrap().unwrap();
            assert_eq!(BtfIds::read_file(&ElfFile::from_bytes(elf.into_bytes()).unwrap()).unwrap(), Some(ids.clone()));
            assert!(!ids.is_resolved());
            let symbols: Vec<_> = ids.symbols().map(ToString::to_string).collect();
            let expected = ["struct sock", "func vfs__read", "func c", "func a", "func b", "func b", "func a"];
            assert_eq!(symbols, expected);
            ids.resolve(id_of).unwrap();
            assert!(ids.is_resolved());
            assert_eq!(ids.bytes(), bytes(target, &RESOLVED), "{target:?}");
        }
    }
}

#[test]
fn resolve_refuses_what_is_resolved() {
    let mut ids = read(&RESOLVED, SYMBOLS).unwrap().unwrap();
    let error = ids.resolve(id_of).unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot read section .BTF_ids: its ids are resolved already, so they no longer lie where their symbols are"
    );
    assert_eq!(ids.into_bytes(), bytes(X86_64, &RESOLVED));
}

#[test]
fn resolve_leaves_0_for_what_is_missing() {
    let mut ids = read(&UNRESOLVED, SYMBOLS).unwrap().unwrap();
    ids.resolve(|symbol| if symbol.name == b"a" { 0 } else { id_of(symbol) }).unwrap();
    assert_eq!(ids.bytes(), bytes(X86_64, &[5, 14, 3, 0, 12, 13, 2, 1, 0, 60, 12, 70]));
}

#[test]
fn remap_sorts_again_and_keeps_flags_with_their_ids() {
    for target in TARGETS {
        let mut ids = BtfIds::read(&file(target, 0, &RESOLVED, SYMBOLS)).unwrap().unwrap();
        let mut asked = Vec::new();
        ids.remap(|id| {
            asked.push(id);
            Ok::<_, String>(if id < 10 { id } else { 100 - id })
        })
        .unwrap();
        assert_eq!(asked, [5, 14, 11, 12, 13, 11, 12]);
        assert_eq!(ids.bytes(), bytes(target, &[5, 86, 3, 87, 88, 89, 2, 1, 88, 70, 89, 60]), "{target:?}");
    }
}

#[test]
fn remap_leaves_0_and_all_else_if_one_id_is_refused() {
    let words = [5, 0, 3, 0, 12, 13, 2, 1, 0, 60, 12, 70];
    let mut ids = read(&words, SYMBOLS).unwrap().unwrap();
    assert_eq!(ids.remap(|id| if id == 13 { Err(id) } else { Ok(id + 1) }), Err(13));
    assert_eq!(ids.bytes(), bytes(X86_64, &words));
    ids.remap(|id| Ok::<_, ()>(id + 1)).unwrap();
    assert_eq!(ids.bytes(), bytes(X86_64, &[6, 0, 3, 0, 13, 14, 2, 1, 0, 60, 13, 70]));
}

#[test]
fn read_gives_nothing_without_the_section_or_its_content() {
    assert!(read(&[], &[]).unwrap().is_none());
    assert!(BtfIds::read(&Elf::parse(Builder::new(X86_64).bytes()).unwrap()).unwrap().is_none());
    // A list with an unused entry, which has no symbol.
    assert!(!read(&[0, 0], &[]).unwrap().unwrap().is_resolved());
}

#[test]
fn read_refuses_what_contradicts_itself() {
    let (func, set, set8) = ("__BTF_ID__func__a__1", "__BTF_ID__set__s", "__BTF_ID__set8__s");
    let cases: [(&[u32], Symbols<'_>, &str); 17] = [
        (&[0], &[(func, 4, 4)], "lies outside"),
        (&[0], &[(func, 1, 4)], "lies outside"),
        (&[0], &[(func, u64::MAX, 4)], "lies outside"),
        (&[0, 0], &[(func, 2, 4)], "not aligned"),
        (&[0], &[("__BTF_ID__func__a", 0, 4)], "is none of an id or a set"),
        (&[0], &[("__BTF_ID__set__", 0, 4)], "is none of an id or a set"),
        (&[0], &[("__BTF_ID__func____1", 0, 4)], "is none of an id or a set"),
        (&[0], &[("__BTF_ID__", 0, 4)], "is none of an id or a set"),
        (&[0], &[(func, 0, 4), ("__BTF_ID__func__b__1", 0, 4)], "is at 0x0, as is that of another type, func a"),
        (&[0, 0], &[(set, 0, 12)], "is a set of 2 ids, which reaches past the end"),
        (&[2, 0], &[(set, 0, 0)], "is a set of 2 ids, which reaches past the end"),
        (&[u32::MAX, 0], &[(set8, 0, 0)], "which reaches past the end"),
        (&[0, 0], &[(set, 0, u64::MAX)], "which reaches past the end"),
        (&[2, 0], &[(set, 0, 8)], "is a set for 1 ids, but says that it has 2"),
        (&[0, 0, 0, 0], &[(set, 0, 12), ("__BTF_ID__set__t", 8, 8)], "the set at 0x0 overlaps the one at 0x8"),
        (&[0, 0, 0, 0], &[(set8, 0, 16), (func, 12, 4)], "the id at 0xc is no entry of the set at 0x0"),
        (&[0, 7], &[(func, 0, 4)], "the word at 0x4 is not 0, but no symbol describes it"),
    ];
    for (words, symbols, expected) in cases {
        let error = read(words, symbols).unwrap_err().to_string();
        assert!(error.starts_with("cannot read section .BTF_ids: ") && error.contains(expected), "{error}");
    }
    let error = BtfIds::read(&file(X86_64, 0x1000, &[0], &[(func, 0u64.wrapping_sub(8), 4)])).unwrap_err();
    assert!(error.to_string().contains("lies outside"), "{error}");
}

/// Many sets that each span the whole section would take time quadratic in the section's length.
#[test]
fn read_refuses_many_sets_in_one_place() {
    let names: Vec<String> = (0..1000).map(|number| format!("__BTF_ID__set__{number}")).collect();
    let symbols: Vec<_> = names.iter().map(|name| (name.as_str(), 0, 8)).collect();
    assert_eq!(read(&[1, 0], &symbols).unwrap().unwrap().len(), 8, "all are one");
    let symbols: Vec<_> = names.iter().zip(0..).map(|(name, number)| (name.as_str(), number * 4, 8)).collect();
    let error = read(&[0; 2000], &symbols).unwrap_err();
    assert!(error.to_string().contains("overlaps"), "{error}");
}

//! Input that is damaged: an error or an answer, never a panic.

use encode::{EncodeError, Encoder, Options, PreparedBase};
use kmod::ElfFile;

use crate::exercise;
use crate::samples::{self, sample};
use crate::support::Source;

fn try_encode(bytes: Vec<u8>) -> Result<Vec<u8>, EncodeError> {
    let elf = ElfFile::from_bytes(bytes)?;
    Ok(Encoder::new(Options::kernel()).encode_elf(&elf)?.btf)
}

#[test]
fn any_byte_may_be_any_other() {
    let file = sample();
    let good = try_encode(file.clone()).expect("it is well-formed");
    let mut outcomes = [0usize; 3];
    for place in 0..file.len() {
        for value in [0, 1, 0x7f, 0xff, file[place] ^ 0x10] {
            let mut bytes = file.clone();
            bytes[place] = value;
            match try_encode(bytes) {
                Ok(btf) if btf == good => outcomes[0] += 1,
                Ok(btf) => {
                    btf::Btf::parse(&btf).expect("what is written can always be read");
                    outcomes[1] += 1;
                }
                Err(_) => outcomes[2] += 1,
            }
        }
    }
    assert!(outcomes.iter().all(|&count| count > 50), "same, other, refused: {outcomes:?}");
}

#[test]
fn a_file_may_end_anywhere() {
    let file = sample();
    for length in 0..file.len() {
        assert!(try_encode(file[..length].to_vec()).is_err(), "{length} bytes of {}", file.len());
    }
}

/// A value of an enum has two words, a member three: in each other's place they would make types that cannot be read.
#[test]
fn what_is_in_the_wrong_place_is_passed_over() {
    let mut source = Source::new();
    let mut unit = source.unit();
    let int = unit.int();
    let pointer = unit.to(gimli::DW_TAG_pointer_type, "", int);
    let holders = [gimli::DW_TAG_structure_type, gimli::DW_TAG_enumeration_type, gimli::DW_TAG_subroutine_type];
    let inside = [gimli::DW_TAG_member, gimli::DW_TAG_enumerator, gimli::DW_TAG_formal_parameter];
    for holder in holders {
        let holder = unit.composite(holder, "holder", 4);
        for tag in inside {
            let id = unit.add_in(holder, tag, "inside");
            unit.typed(id, pointer);
        }
    }
    let encoded = source.encode(Options::kernel());
    let btf = btf::Btf::parse(&encoded.btf).expect("what is written can be read");
    let counts: Vec<u32> = btf.iter().skip(2).map(|ty| ty.vlen()).collect();
    assert_eq!(counts, [1, 1, 1]);
}

/// Types that refer to each other without a struct between them: no language has them, and libbpf ends with `-ELOOP`.
#[test]
fn a_cycle_of_types_is_cut_and_the_rest_is_encoded() {
    let make = || {
        let mut source = Source::new();
        for _ in 0..100 {
            let mut unit = source.unit();
            let own = unit.add(gimli::DW_TAG_typedef, "of_itself");
            unit.typed(own, own);
            let ends: Vec<_> = [gimli::DW_TAG_pointer_type, gimli::DW_TAG_const_type, gimli::DW_TAG_volatile_type]
                .map(|tag| unit.add(tag, ""))
                .into();
            for (place, &id) in ends.iter().enumerate() {
                unit.typed(id, ends[(place + 1) % ends.len()]);
            }
            let prototype = unit.add(gimli::DW_TAG_subroutine_type, "");
            let callback = unit.to(gimli::DW_TAG_pointer_type, "", prototype);
            for _ in 0..2 {
                let parameter = unit.add_in(prototype, gimli::DW_TAG_formal_parameter, "");
                unit.typed(parameter, callback);
            }
            let int = unit.int();
            let holder = unit.composite(gimli::DW_TAG_structure_type, "holder", 24);
            for (at, ty) in [own, ends[1], callback].into_iter().enumerate() {
                unit.member(holder, "m", ty, 8 * at as u64);
            }
            unit.function("f", &[("x", int), ("y", own)]);
        }
        source.function_symbol("f");
        source.elf()
    };
    let elf = ElfFile::from_bytes(make()).expect("usable");
    let encode = |threads| Encoder::new(Options::kernel()).with_threads(threads).encode_elf(&elf).expect("encoded");
    let (encoded, other) = (encode(1), encode(4));
    assert!(encoded.btf == other.btf && encoded.report == other.report);
    assert_eq!((encoded.report.cycles, encoded.report.functions), (300, 1));
    let expected = "300 × reference that closes a cycle of types, taken for void";
    assert!(encoded.report.to_string().contains(expected), "{}", encoded.report);
    let btf = btf::Btf::parse(&encoded.btf).expect("what is written can be read");
    let typedef = btf.iter().find(|ty| ty.kind() == btf::Kind::Typedef).expect("it is written");
    assert_eq!(typedef.target(), Some(btf::TypeId::VOID));
    let kinds: Vec<_> = btf.iter().map(|ty| ty.kind()).collect();
    assert!(kinds.contains(&btf::Kind::Struct) && kinds.contains(&btf::Kind::Func), "{kinds:?}");
    exercise::file(&make());
}

/// Not all who write DWARF end the lists at the end of a unit.
#[test]
fn the_end_of_a_unit_ends_its_lists() {
    let file = sample();
    let good = try_encode(file.clone()).expect("well-formed");
    let mut parts = exercise::split(&file).expect("it has debug information");
    let end = 4 + usize::try_from(u32::from_le_bytes(parts[..4].try_into().expect("4 bytes"))).expect("small");
    assert_eq!(parts[end - 1], 0, "the end of the unit's children");
    parts.remove(end - 1);
    for length in [0, 4] {
        parts[length] -= 1;
    }
    let shorter = try_encode(exercise::join(&parts)).expect("well-formed");
    let kinds = |bytes: &[u8]| btf::Btf::parse(bytes).expect("valid").iter().map(|ty| ty.kind()).collect::<Vec<_>>();
    // Without symbols and per-CPU data, what is joined has the types alone.
    assert!(kinds(&good).starts_with(&kinds(&shorter)) && kinds(&shorter).len() >= 4);
}

/// Up to Linux 6.12, BTF counts members in 16 bits.
#[test]
fn a_struct_of_too_many_members_is_an_error() {
    let encode = |count: u64| {
        let mut source = Source::new();
        let mut unit = source.unit();
        let int = unit.int();
        let holder = unit.composite(gimli::DW_TAG_structure_type, "holder", 4);
        for _ in 0..count {
            unit.member(holder, "m", int, 0);
        }
        try_encode(source.elf())
    };
    assert!(encode(0xffff).is_ok());
    assert!(matches!(encode(0x1_0000), Err(EncodeError::TooLarge { .. })));
}

/// The file with one of its sections compressed by zlib.
fn with_compressed(file: &[u8], section: &str) -> Vec<u8> {
    let elf = ElfFile::from_bytes(file.to_vec()).expect("usable");
    let head = elf.find(section).expect("it is there");
    let content = elf.read_all(&head).expect("it can be read");
    let mut packed = [&1u64.to_le_bytes()[..], &(content.len() as u64).to_le_bytes(), &1u64.to_le_bytes()].concat();
    let mut encoder = flate2::write::ZlibEncoder::new(&mut packed, flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, &content).expect("it goes to memory");
    encoder.finish().expect("it goes to memory");
    let mut file = file.to_vec();
    let at = file.len() as u64;
    file.extend(&packed);
    let table = usize::try_from(u64::from_le_bytes(file[40..48].try_into().expect("8 bytes"))).expect("small");
    let header = table + 64 * head.index;
    for (place, number) in [(8, head.flags | 1 << 11), (24, at), (32, packed.len() as u64)] {
        file[header + place..header + place + 8].copy_from_slice(&number.to_le_bytes());
    }
    file
}

#[test]
fn sections_may_be_compressed() {
    let file = sample();
    let good = try_encode(file.clone()).expect("well-formed");
    let mut packed = file;
    for section in [".debug_info", ".debug_abbrev", ".debug_str"] {
        packed = with_compressed(&packed, section);
        assert_eq!(try_encode(packed.clone()).expect("well-formed"), good, "{section}");
    }
    let last = packed.len() - 20;
    packed[last] ^= 0xff;
    assert!(try_encode(packed).is_err());
}

#[test]
fn type_units_are_counted() {
    let mut source = Source::new();
    source.unit().int();
    // Two units of 7 and of 3 bytes behind their length.
    let units = [&[7, 0, 0, 0, 4, 0, 0, 0, 0, 0, 8][..], &[3, 0, 0, 0, 4, 0, 0]].concat();
    source.section(".debug_types", 0, units);
    let encoded = source.encode(Options::kernel());
    assert_eq!(encoded.report.skipped_units.get("a type unit"), Some(&2));
}

#[test]
fn nothing_to_encode_is_an_error() {
    let error = try_encode(Source::new().elf()).expect_err("there is no DWARF");
    assert!(matches!(error, EncodeError::NoDwarf));
}

#[test]
fn a_base_must_be_btf() {
    assert!(matches!(PreparedBase::new(b"not BTF at all"), Err(EncodeError::Base(_))));
}

#[test]
fn sections_taken_apart_and_joined_say_the_same() {
    for (name, file) in samples::all() {
        let parts = exercise::split(&file).expect("it has debug information");
        let joined = ElfFile::from_bytes(exercise::join(&parts)).expect("usable");
        let elf = ElfFile::from_bytes(file).expect("usable");
        let head = joined.find(".debug_info").expect("it is there");
        let content = elf.find(".debug_info").map(|head| elf.read_all(&head).expect("readable"));
        assert_eq!(Some(joined.read_all(&head).expect("readable")), content, "{name}");
    }
}

#[test]
fn damaged_samples_are_survived() {
    for (_, file) in samples::all() {
        exercise::file(&file);
        let parts = exercise::split(&file).expect("it has debug information");
        for place in (0..parts.len()).step_by(1 + parts.len() / 2_000) {
            let mut parts = parts.clone();
            parts[place] = parts[place].wrapping_mul(5).wrapping_add(place as u8);
            exercise::file(&exercise::join(&parts));
        }
    }
}

/// What refers to many types that come later is gone through twice, not once for each of them.
#[test]
fn a_prototype_may_refer_to_many_types_that_come_later() {
    const PARAMETERS: usize = 60_000;
    let mut source = Source::new();
    let mut unit = source.unit();
    let prototype = unit.add(gimli::DW_TAG_subroutine_type, "");
    // A declaration that turns out to be a struct has all types settled once more.
    let declared = unit.declare(gimli::DW_TAG_structure_type, "held");
    unit.to(gimli::DW_TAG_const_type, "", declared);
    let parameters: Vec<_> =
        (0..PARAMETERS).map(|_| unit.add_in(prototype, gimli::DW_TAG_formal_parameter, "")).collect();
    let mut ty = unit.int();
    for parameter in parameters {
        ty = unit.to(gimli::DW_TAG_pointer_type, "", ty);
        unit.typed(parameter, ty);
    }
    source.unit().composite(gimli::DW_TAG_structure_type, "held", 8);
    let encoded = source.encode(Options::kernel());
    let btf = btf::Btf::parse(&encoded.btf).expect("what is written can be read");
    // The prototype, the pointers, int, the struct and what is const of it.
    assert_eq!(btf.len() as usize, PARAMETERS + 4);
}

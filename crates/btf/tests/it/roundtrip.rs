//! Tests that parsed BTF is written back byte by byte.

use crate::common::{FROZEN, SAMPLES, every_kind, full_layout};
use crate::exercise;
use btf::compare::{Comparison, Strength};
use btf::{
    Btf, Builder, Endian, HEADER_LEN, HEADER_LEN_LAYOUT, Kind, Record, Section, StrOff, TypeId, Value, is_compact,
};

#[test]
fn real_modules() {
    for (name, bytes) in SAMPLES {
        let btf = Btf::parse(bytes).unwrap();
        assert!(is_compact(&btf), "{name}");
        assert!(btf.len() > 3, "{name}");
        exercise::alone(bytes).unwrap();
    }
}

#[test]
fn every_kind_header_and_byte_order() {
    for endian in [Endian::Little, Endian::Big] {
        let mut builder = every_kind(endian);
        for length in [HEADER_LEN, HEADER_LEN_LAYOUT] {
            if length == HEADER_LEN_LAYOUT {
                builder.set_layout(full_layout());
            }
            let bytes = builder.to_bytes().unwrap();
            let btf = Btf::parse(&bytes).unwrap();
            assert_eq!((btf.endian(), btf.header().length), (endian, length));
            assert!(btf.iter().map(|ty| ty.kind()).eq(Kind::KNOWN.iter().skip(1).copied()));
            assert!(is_compact(&btf));
            exercise::alone(&bytes).unwrap();
        }
    }
}

/// A change of the writer's output must be noticed.
#[test]
fn the_synthetic_samples_are_what_the_writer_gives() {
    for (endian, layout, frozen) in FROZEN {
        let mut builder = every_kind(endian);
        if layout {
            builder.set_layout(full_layout());
        }
        assert_eq!(builder.to_bytes().unwrap(), frozen, "{endian:?}");
    }
}

#[test]
fn swapping_gives_what_the_other_machine_writes() {
    let [little, big] = [Endian::Little, Endian::Big].map(|endian| {
        let mut builder = every_kind(endian);
        builder.set_layout(full_layout());
        builder.to_bytes().unwrap()
    });
    let btf = Btf::parse(&little).unwrap();
    assert_eq!(Builder::copy_in(btf.alone(), Endian::Big).unwrap().to_bytes().unwrap(), big);
}

/// A module without its own types has only a header.
#[test]
fn header_only() {
    for length in [HEADER_LEN, HEADER_LEN_LAYOUT] {
        let mut bytes = vec![0; length as usize];
        bytes[..5].copy_from_slice(&[0x9f, 0xeb, 1, 0, u8::try_from(length).unwrap()]);
        let btf = Btf::parse(&bytes).unwrap();
        assert!(btf.is_empty() && is_compact(&btf));
        exercise::alone(&bytes).unwrap();
    }
}

#[test]
fn sections_in_another_order_stay_so() {
    let mut builder = every_kind(Endian::Little);
    builder.set_layout(full_layout());
    let bytes = builder.to_bytes().unwrap();
    let btf = Btf::parse(&bytes).unwrap();
    let sections = [
        (Section::Layout, btf.layout().bytes()),
        (Section::Types, btf.types_bytes()),
        (Section::Strings, btf.strings()),
    ];
    let mut moved = bytes[..32].to_vec();
    for (section, content) in sections {
        let field = match section {
            Section::Types => 8,
            Section::Strings => 16,
            Section::Layout => 24,
        };
        let offset = u32::try_from(moved.len() - 32).unwrap();
        moved[field..field + 4].copy_from_slice(&offset.to_le_bytes());
        moved.extend_from_slice(content);
    }
    assert_ne!(moved, bytes);
    let btf = Btf::parse(&moved).unwrap();
    assert_eq!(Builder::copy_of(btf.alone()).unwrap().to_bytes().unwrap(), moved);
}

#[test]
fn gaps_and_overlaps_are_not_kept() {
    let bytes = every_kind(Endian::Little).to_bytes().unwrap();
    let mut trailing = bytes.clone();
    trailing.extend([0; 5]);
    let mut overlap = bytes.clone();
    overlap[16] -= 4;
    overlap[20] += 4;
    for odd in [trailing, overlap] {
        assert!(!is_compact(&Btf::parse(&odd).unwrap()));
        exercise::alone(&odd).unwrap();
    }
}

/// Increments every id, inserts a string before each, and changes the byte order.
#[test]
fn renumbered_types_say_the_same() {
    let bytes = every_kind(Endian::Little).to_bytes().unwrap();
    let btf = Btf::parse(&bytes).unwrap();
    let mut copy = Builder::new(Endian::Big);
    let first = copy.add_string("first").unwrap();
    copy.add(&Record::sized(Kind::Float, first, 8)).unwrap();
    for string in btf.strings().split(|&byte| byte == 0) {
        copy.add_string(string).unwrap();
    }
    for ty in btf.iter() {
        let renumber = |field: btf::Field| match field.value() {
            Value::Name(StrOff::NONE) | Value::Type(TypeId::VOID) => 0,
            Value::Name(StrOff(offset)) => offset + 6,
            Value::Type(TypeId(id)) => id + 1,
            Value::Number(number) => number,
        };
        copy.add_mapped(&ty, renumber).unwrap();
    }
    let copy = copy.to_bytes().unwrap();
    let copy = Btf::parse(&copy).unwrap();
    let comparison = Comparison::new(btf.alone(), copy.alone());
    for (id, ty) in btf.alone().own_types() {
        assert_eq!(comparison.difference(id, TypeId(id.0 + 1), Strength::Closure), None, "{}", ty.kind());
    }
}

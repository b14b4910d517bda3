//! Tests of parsing: accepted and refused input, and the errors.

use crate::{common, exercise};
use btf::{Btf, Builder, Endian, Header, Kind, KindLayout, ParseError, Record, Role, Scan, Section, StrOff};

fn every_kind() -> Vec<u8> {
    common::every_kind(Endian::Little).to_bytes().unwrap()
}

fn set(bytes: &mut [u8], offset: usize, value: u32) {
    bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn every_cut_is_refused() {
    let bytes = every_kind();
    for length in 0..bytes.len() {
        assert!(Btf::parse(&bytes[..length]).is_err(), "cut to {length} bytes");
    }
}

#[test]
fn a_wrong_magic_is_named() {
    let error = Btf::parse(b"\x7fELF\x02\x01\x01\0").unwrap_err();
    assert_eq!(error, ParseError::Magic { found: 0x457f });
    assert!(error.to_string().contains("0x457f"), "{error}");
}

#[test]
fn another_version_is_refused_but_its_header_can_be_read() {
    let mut bytes = every_kind();
    bytes[2] = 2;
    assert_eq!(Btf::parse(&bytes).unwrap_err(), ParseError::Version { found: 2 });
    assert_eq!(Header::parse(&bytes).unwrap().version, 2);
}

#[test]
fn flags_are_kept() {
    let mut bytes = every_kind();
    bytes[3] = 0x80;
    let btf = Btf::parse(&bytes).unwrap();
    assert_eq!(btf.header().flags, 0x80);
    assert_eq!(Builder::copy_of(btf.alone()).unwrap().to_bytes().unwrap(), bytes);
}

#[test]
fn a_header_longer_than_the_bytes_is_refused() {
    let mut bytes = every_kind();
    set(&mut bytes, 4, u32::MAX);
    let expected = ParseError::ShortHeader { available: bytes.len(), needed: u64::from(u32::MAX) };
    assert_eq!(Btf::parse(&bytes).unwrap_err(), expected);
    set(&mut bytes, 4, 7);
    assert_eq!(Btf::parse(&bytes).unwrap_err(), ParseError::HeaderLength { length: 7 });
}

#[test]
fn a_section_outside_is_refused_with_its_place() {
    let mut bytes = every_kind();
    set(&mut bytes, 16, u32::MAX);
    let length = u32::from_le_bytes(bytes[20..24].try_into().unwrap());
    let offset = u64::from(u32::MAX) + 24;
    let expected = ParseError::SectionBounds { section: Section::Strings, offset, length, available: bytes.len() };
    assert_eq!(Btf::parse(&bytes).unwrap_err(), expected);
}

#[test]
fn a_type_that_does_not_end_is_refused_with_its_place() {
    let mut btf = Builder::new(Endian::Little);
    btf.add(&Record::new(Kind::Ptr)).unwrap();
    btf.add(&Record::sized(Kind::Struct, StrOff::NONE, 0)).unwrap();
    let mut bytes = btf.to_bytes().unwrap();
    set(&mut bytes, 24 + 12 + 4, (4 << 24) | 0x00ff_ffff);
    let needed = 12 + 12 * 0x00ff_ffff;
    assert_eq!(
        Btf::parse(&bytes).unwrap_err(),
        ParseError::ShortType { ordinal: 2, offset: 36, needed, available: 12 }
    );
}

#[test]
fn an_unknown_kind_needs_a_layout() {
    let unknown = Kind::Other(20);
    let mut btf = Builder::new(Endian::Little);
    btf.add(&Record::new(Kind::Ptr)).unwrap();
    btf.add(&Record::new(unknown).with_vlen(3)).unwrap();
    let refused = btf.to_bytes().unwrap();
    assert_eq!(Btf::parse(&refused).unwrap_err(), ParseError::UnknownKind { ordinal: 2, offset: 36, kind: 20 });

    btf.set_layout(common::full_layout().chain([KindLayout { fixed: 0, element: 0, flags: 7 }]));
    btf.add(&Record::new(Kind::Const)).unwrap();
    let bytes = btf.to_bytes().unwrap();
    let parsed = Btf::parse(&bytes).unwrap();
    assert!(parsed.iter().map(|ty| ty.kind()).eq([Kind::Ptr, unknown, Kind::Const]));
    assert_eq!(parsed.layout().get(20).unwrap().flags, 7);
    assert_eq!(Builder::copy_of(parsed.alone()).unwrap().to_bytes().unwrap(), bytes);
    assert!(Builder::copy_in(parsed.alone(), Endian::Big).is_err(), "nothing is known of the fields of kind 20");
}

#[test]
fn a_layout_tells_the_length_of_unknown_types() {
    let mut btf = Builder::new(Endian::Little);
    btf.set_layout(common::full_layout().chain([KindLayout { fixed: 3, element: 2, flags: 0 }]));
    btf.add(&Record::new(Kind::Other(20)).with_vlen(2)).unwrap();
    let mut bytes = btf.to_bytes().unwrap();
    bytes.splice(44..44, *b"1234567");
    for offset in [12, 16, 24] {
        let old = u32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap());
        set(&mut bytes, offset, old + 7);
    }
    let btf = Btf::parse(&bytes).unwrap();
    let [ty] = btf.iter().collect::<Vec<_>>()[..] else { panic!("{} types", btf.len()) };
    assert_eq!(&ty.bytes()[12..], b"1234567");
    assert!(ty.fields().skip(2).all(|field| field.role == Role::Opaque));
    exercise::alone(&bytes).unwrap();
}

#[test]
fn a_short_header_reads_as_zeros() {
    let bytes = [0x9f, 0xeb, 1, 0, 8, 0, 0, 0];
    let btf = Btf::parse(&bytes).unwrap();
    assert!(btf.is_empty() && !btf::is_compact(&btf));
    assert_eq!(Builder::copy_of(btf.alone()).unwrap().to_bytes().unwrap().len(), 24, "a usual header is written");
}

#[test]
fn headers_of_any_length_can_be_rewritten() {
    let mut parsed = 0;
    for length in 0..=64 {
        let mut bytes = every_kind();
        set(&mut bytes, 4, length);
        parsed += usize::from(exercise::alone(&bytes).is_ok());
        bytes[8..64].fill(0);
        parsed += usize::from(exercise::alone(&bytes).is_ok());
    }
    assert!(parsed >= 57, "{parsed}: with no sections every length from 8 on");
}

#[test]
fn a_longer_header_is_kept() {
    let mut bytes = every_kind();
    set(&mut bytes, 4, 24 + 12);
    bytes.splice(24..24, [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
    let btf = Btf::parse(&bytes).unwrap();
    assert_eq!(btf.len(), 19);
    assert_eq!(Builder::copy_of(btf.alone()).unwrap().to_bytes().unwrap(), bytes);
    assert!(Builder::copy_in(btf.alone(), Endian::Big).is_err(), "nothing is known of the last 4 bytes");
}

#[test]
fn parse_accepts_what_only_a_checker_refuses() {
    let mut btf = common::every_kind(Endian::Little);
    btf.add(&Record::reference(Kind::Ptr, StrOff(0x00ff_ffff), btf::TypeId(u32::MAX))).unwrap();
    btf.add(&Record::new(Kind::Void)).unwrap();
    let mut bytes = btf.to_bytes().unwrap();
    *bytes.last_mut().unwrap() = b'x';
    let btf = Btf::parse(&bytes).unwrap();
    let dangling = btf.nth(19).unwrap();
    assert_eq!(btf.alone().name(&dangling), None);
    assert!(btf.alone().get(dangling.target().unwrap()).is_none());
    assert_eq!(btf.nth(20).unwrap().kind(), Kind::Void);
    let last = u32::try_from(btf.strings().len() - 2).unwrap();
    assert_eq!(btf.alone().string(StrOff(last)), None, "a string without an end");
}

#[test]
fn a_scan_shows_what_comes_before_the_error() {
    let mut bytes = every_kind();
    let second = 24 + 16;
    set(&mut bytes, second + 4, 0x7f << 24);
    let mut scan = Scan::new(Header::parse(&bytes).unwrap(), &bytes).unwrap();
    assert_eq!(scan.next().unwrap().unwrap().ty.kind(), Kind::Int);
    let expected = ParseError::UnknownKind { ordinal: 2, offset: second as u64, kind: 0x7f };
    assert_eq!(scan.next().unwrap().unwrap_err(), expected);
    assert!(scan.next().is_none());
}

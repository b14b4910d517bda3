//! Does with any bytes what can be done with a file that is to be encoded, and holds what must be true of it.

use std::sync::OnceLock;

use encode::{EncodeError, Encoder, Options, PreparedBase};
use kmod::ElfFile;
use test_elf::Builder;

/// Encodes a file, alone and over a base, with one thread and with several. What comes out can be read, and is the same.
pub fn file(bytes: &[u8]) {
    static BASE: OnceLock<PreparedBase> = OnceLock::new();
    let Ok(elf) = ElfFile::from_bytes(bytes.to_vec()) else { return };
    let options = [Options::kernel(), Options { distilled_base: true, ..Options::pahole_1_24() }];
    for options in options {
        let encode = |threads| Encoder::new(options.clone()).with_threads(threads).encode_elf(&elf);
        let (one, other) = match (encode(1), encode(3)) {
            (Ok(one), Ok(other)) => (one, other),
            (one, other) => {
                let [one, other] = [one, other].map(|result| format!("{:?}", result.map(|encoded| encoded.report)));
                assert_eq!(one, other, "the same error");
                continue;
            }
        };
        assert_eq!((&one.btf, &one.base, &one.report), (&other.btf, &other.base, &other.report));
        let whole = btf::Btf::parse(&one.btf).expect("what is written can be read");
        check(whole.alone());
        // Over itself nothing is new, but what a base may not have; over another one all may be.
        if let Ok(base) = PreparedBase::new(&one.btf) {
            let split = Encoder::over(&base, options.clone()).encode_elf(&elf).expect("it could be encoded before");
            assert!(split.btf.len() <= one.btf.len());
        }
        let base = BASE.get_or_init(|| PreparedBase::new(EMPTY).expect("it is valid"));
        // Over a base without types everything is new, as it is without a base.
        match Encoder::over(base, options).encode_elf(&elf) {
            Ok(split) => {
                assert_eq!(split.report, one.report, "over an empty base");
                let base = split.base.as_deref().unwrap_or(EMPTY);
                let base = btf::Btf::parse(base).expect("a base can be read");
                check(btf::Btf::parse(&split.btf).expect("what is written can be read").over(&base));
            }
            Err(EncodeError::ByteOrder) => assert!(!elf.is_little_endian(), "the empty base is little-endian"),
            Err(error) => panic!("it could be encoded before: {error:?}"),
        }
    }
}

/// BTF without types.
const EMPTY: &[u8] = &[0x9f, 0xeb, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];

/// Every reference leads to a type, and every name to a string.
fn check(view: btf::View<'_>) {
    for (id, ty) in view.own_types() {
        for field in ty.fields() {
            match field.value() {
                btf::Value::Type(other) => assert!(view.get(other).is_some(), "{id} refers to {other}"),
                btf::Value::Name(name) => assert!(view.string(name).is_some(), "{id} has a name at {name}"),
                btf::Value::Number(_) => {}
            }
        }
    }
}

/// The sections that [`join`] puts into a file.
const SECTIONS: [&str; 6] =
    [".debug_info", ".debug_abbrev", ".debug_str", ".debug_line_str", ".debug_str_offsets", ".debug_loclists"];

/// A file with these sections: each is preceded by its length, in 4 bytes; what is left is the last one's.
pub fn join(mut bytes: &[u8]) -> Vec<u8> {
    let mut elf = Builder::linked();
    for name in SECTIONS {
        let (length, rest) = bytes.split_first_chunk().map_or((0, &[][..]), |(length, rest)| {
            (usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX), rest)
        });
        let (part, rest) = rest.split_at(length.min(rest.len()));
        elf = elf.section(name, part);
        bytes = rest;
    }
    elf.bytes()
}

/// The reverse of [`join`], for a file that has debug information.
pub fn split(file: &[u8]) -> Option<Vec<u8>> {
    let elf = ElfFile::from_bytes(file.to_vec()).ok()?;
    let mut bytes = Vec::new();
    for name in SECTIONS {
        let part = elf.find(name).map_or(Some(Vec::new()), |head| elf.content(&head).ok()?.into_bytes().ok())?;
        bytes.extend(u32::try_from(part.len()).ok()?.to_le_bytes());
        bytes.extend(part);
    }
    elf.find(SECTIONS[0]).map(|_| bytes)
}

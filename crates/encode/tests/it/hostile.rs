//! Input that is damaged: an error or an answer, never a panic.

use encode::{EncodeError, Encoder, Options, PreparedBase};
use kmod::ElfFile;

use crate::support::Source;

fn sample() -> Vec<u8> {
    let mut source = Source::new();
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

#[test]
fn nothing_to_encode_is_an_error() {
    let error = try_encode(Source::new().elf()).expect_err("there is no DWARF");
    assert!(matches!(error, EncodeError::NoDwarf));
}

#[test]
fn a_base_must_be_btf() {
    assert!(matches!(PreparedBase::new(b"not BTF at all"), Err(EncodeError::Base(_))));
}

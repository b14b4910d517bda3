//! Verifies the section that was written, before it leaves the encoder.

use btf::{Btf, Endian, Info};

use crate::encoded::{FieldRole, FieldRoles};
use crate::ids::{CanonicalId, StrOffset};

/// What the section must contain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// The first type.
    pub(super) first: CanonicalId,
    /// How many types there are.
    pub(super) types: u32,
    /// Where the base's strings end.
    pub(super) base_strings: StrOffset,
}

/// Whether the section can be read, has as many types as expected, every reference leads to a type of it or of the base, and
/// every name is a string of it or of the base. What is wrong, if anything.
pub(super) fn verify(bytes: &[u8], expected: Expected) -> Result<(), &'static str> {
    let btf = Btf::parse(bytes).map_err(|_| "what was written is not BTF")?;
    if btf.len() != expected.types {
        return Err("what was written has another number of types");
    }
    let end = u64::from(expected.first.raw()) + u64::from(expected.types);
    let strings = btf.strings();
    // A name of its own begins behind the end of another string, and has an end.
    let is_string = |offset: u32| match offset.checked_sub(expected.base_strings.raw()) {
        None | Some(0) => true,
        Some(own) => strings.get(own as usize - 1) == Some(&0) && (own as usize) < strings.len(),
    };
    if expected.base_strings == StrOffset::EMPTY && strings.first() != Some(&0)
        || strings.last().is_some_and(|&last| last != 0)
    {
        return Err("the strings that were written have no end or no empty string");
    }
    let read = |bytes: [u8; 4]| match btf.endian() {
        Endian::Little => u32::from_le_bytes(bytes),
        Endian::Big => u32::from_be_bytes(bytes),
    };
    let mut rest = btf.types_bytes().as_chunks::<4>().0;
    while let Some(&info) = rest.get(1) {
        let info = read(info);
        let roles = FieldRoles::with_info(info);
        let words = rest.split_at_checked(roles.len(Info::from_raw(info).vlen() as usize));
        let (words, behind) = words.ok_or("the last type that was written has no end")?;
        rest = behind;
        let is_sound = roles.all(words, |role, word| match role {
            FieldRole::Number => true,
            FieldRole::Name => is_string(read(word)),
            FieldRole::Reference | FieldRole::Index => u64::from(read(word)) < end,
        });
        if !is_sound {
            return Err("a name that was written is not a string, or a reference leads to no type");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use btf::{Endian, Kind};

    use super::*;
    use crate::encoded::{head, make_info};
    use crate::ids::NameId;
    use crate::section::{assemble, write_u32};

    fn id(id: u32) -> CanonicalId {
        CanonicalId::from_word(id).expect("not void")
    }

    fn section(words: &[u32], strings: &[u8]) -> Vec<u8> {
        let types: Vec<u8> = words.iter().flat_map(|&word| write_u32(Endian::Little, word)).collect();
        assemble(&types, strings, Endian::Little).expect("small")
    }

    #[test]
    fn verify_refuses_what_leads_nowhere() {
        let alone = Expected { first: id(1), types: 2, base_strings: StrOffset::EMPTY };
        let written = |name: u32, target: u32, strings: &[u8]| {
            let int = [1, make_info(Kind::Int, 0, false), 4, 32];
            let typedef = head(Kind::Typedef, NameId::from_raw(name), 0, false, target);
            verify(&section(&[&int[..], &typedef].concat(), strings), alone)
        };
        assert_eq!(written(5, 2, b"\0int\0t\0"), Ok(()));
        assert!(written(5, 3, b"\0int\0t\0").is_err(), "no type");
        assert!(written(3, 1, b"\0int\0t\0").is_err(), "the middle of a string");
        assert!(written(7, 1, b"\0int\0t\0").is_err(), "behind the strings");
        assert!(written(5, 1, b"\0int\0t").is_err(), "no end");
        assert!(verify(b"not BTF", alone).is_err());
        let one = section(&[1, make_info(Kind::Int, 0, false), 4, 32], b"\0int\0");
        assert!(verify(&one, alone).is_err(), "one type less");
    }

    #[test]
    fn verify_accepts_names_and_types_of_the_base() {
        let split = Expected { first: id(100), types: 1, base_strings: StrOffset::from_raw(50) };
        let check = |name, target, strings: &[u8]| {
            verify(&section(&head(Kind::Typedef, NameId::from_raw(name), 0, false, target), strings), split)
        };
        assert_eq!(check(7, 99, b""), Ok(()));
        assert_eq!(check(50, 100, b"own\0"), Ok(()));
        assert!(check(7, 101, b"").is_err());
        assert!(check(51, 1, b"own\0").is_err());
    }
}

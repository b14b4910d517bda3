//! Comparing encodings of the same file by meaning.
//!
//! A parallel encoder numbers types in the order in which its threads reach them. So two encodings are compared as
//! sets: the named data types, each with everything that it reaches, and the functions. For functions only the names
//! must agree. The kernel has functions of the same name with several prototypes (a system call, and the stub in
//! kernel/sys_ni.c that replaces it if it is off), and which one an encoder keeps depends on the thread that comes
//! first.

use std::collections::BTreeMap;

use btf::compare::{Comparison, Strength};
use btf::{BStr, Btf, Kind, TypeId, View};

use super::module::sha256;
use super::transcript::{EncodedBtf, EncodingDifference};

/// Compares an encoding with the first one.
///
/// # Errors
///
/// One of the two cannot be parsed; the text says which and why.
pub(super) fn compare(first: &[u8], other: &[u8]) -> Result<EncodedBtf, String> {
    let parse = |bytes, which| Btf::parse(bytes).map_err(|error| format!("{which} cannot be parsed: {error}"));
    let (left, right) = (parse(first, "the first encoding")?, parse(other, "the encoding")?);
    let against = if first == other { EncodingDifference::default() } else { against(&left, &right) };
    Ok(EncodedBtf { size: other.len(), sha256: sha256(other), types: right.len(), against })
}

fn against<'a>(left: &'a Btf<'a>, right: &'a Btf<'a>) -> EncodingDifference {
    let comparison = Comparison::new(left.alone(), right.alone());
    let (first, other) = (TypesByName::of(left.alone()), TypesByName::of(right.alone()));
    let same = |left, right| comparison.same(left, right, Strength::Closure);
    let swapped = |right, left| same(left, right);
    let (data_lost, lost) = first.without_equal_in(&other, same);
    let (data_gained, gained) = other.without_equal_in(&first, swapped);
    EncodingDifference {
        data_lost,
        data_gained,
        functions_lost: first.functions_not_in(&other),
        functions_gained: other.functions_not_in(&first),
        other_prototypes: lost + gained,
    }
}

/// The named types, by kind and name.
struct TypesByName<'a>(BTreeMap<(Kind, &'a BStr), Vec<TypeId>>);

impl<'a> TypesByName<'a> {
    fn of(view: View<'a>) -> Self {
        let mut named: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, ty) in view.own_types() {
            if let Some(name) = view.name(&ty).filter(|name| !name.is_empty()) {
                named.entry((ty.kind(), name)).or_default().push(id);
            }
        }
        Self(named)
    }

    /// The number of data types without an equal on the other side, and of functions that have only others of their
    /// name there.
    fn without_equal_in(&self, other: &Self, same: impl Fn(TypeId, TypeId) -> bool) -> (usize, usize) {
        let (mut data, mut functions) = (0, 0);
        for (key, ids) in &self.0 {
            let candidates = other.0.get(key).map(Vec::as_slice).unwrap_or_default();
            let missing = ids.iter().filter(|&&id| !candidates.iter().any(|&candidate| same(id, candidate))).count();
            if key.0 != Kind::Func {
                data += missing;
            } else if !candidates.is_empty() {
                functions += missing;
            }
        }
        (data, functions)
    }

    fn functions_not_in(&self, other: &Self) -> usize {
        self.0.keys().filter(|key| key.0 == Kind::Func && !other.0.contains_key(*key)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use btf::{Builder, Endian, IntData, Record, StrOff};

    /// Integers, such as `("int", 4)`, and functions without parameters that return one of them.
    fn encoded(ints: &[(&str, u32)], functions: &[(&str, usize)]) -> Vec<u8> {
        let mut builder = Builder::new(Endian::Little);
        let mut ids = Vec::new();
        for (name, size) in ints {
            let name = builder.add_string(name).unwrap();
            ids.push(builder.add(&Record::int(name, *size, IntData::new(IntData::SIGNED, 0, 32))).unwrap());
        }
        for (name, returns) in functions {
            let prototype = builder.add(&Record::reference(Kind::FuncProto, StrOff::NONE, ids[*returns])).unwrap();
            let name = builder.add_string(name).unwrap();
            builder.add(&Record::reference(Kind::Func, name, prototype)).unwrap();
        }
        builder.add(&Record::reference(Kind::Ptr, StrOff::NONE, ids[0])).unwrap();
        builder.to_bytes().unwrap()
    }

    #[test]
    fn the_order_of_types_does_not_matter() {
        let first = encoded(&[("int", 4), ("long", 8)], &[("f", 0), ("g", 1)]);
        let other = encoded(&[("long", 8), ("int", 4)], &[("g", 0), ("f", 1)]);
        assert_ne!(first, other);
        let encoded = compare(&first, &other).unwrap();
        assert_eq!((encoded.against, encoded.types), (EncodingDifference::default(), 7));
    }

    #[test]
    fn compare_counts_missing_and_different_types() {
        let first = encoded(&[("int", 4), ("long", 8), ("char", 1)], &[("f", 0), ("g", 1)]);
        let other = encoded(&[("int", 4), ("long", 4)], &[("f", 1), ("h", 0)]);
        let expected = EncodingDifference {
            data_lost: 2,
            data_gained: 1,
            functions_lost: 1,
            functions_gained: 1,
            // f returns int in one encoding and long in the other.
            other_prototypes: 2,
        };
        assert_eq!(compare(&first, &other).unwrap().against, expected);
        assert!(compare(&first, b"").unwrap_err().starts_with("the encoding cannot"));
    }
}

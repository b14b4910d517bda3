//! New type ids for `.BTF_ids` after a module's types were encoded again.
//!
//! An id is looked up in its own BTF, and found in the other BTF by kind and name, as `resolve_btfids` does.
//! [`kmod::BtfIds`] reads and writes the section.

use std::collections::HashMap;

use btf::{BStr, Btf, Kind, TypeId, View};
use kmod::{BtfIds, Module};

/// The content of `.BTF_ids` for a module whose BTF is replaced by `other` over the same base; `None` if it has no
/// ids.
///
/// # Errors
///
/// The section or BTF cannot be read, or the other BTF lacks the type of an id.
pub(super) fn remapped(module: &Module, base: &Btf<'_>, other: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let ids = BtfIds::read(module.elf()).map_err(|error| util::error::one_line(&error))?;
    let (Some(mut ids), Some(own)) = (ids, module.btf()) else { return Ok(None) };
    let parse = |what, bytes| Btf::parse(bytes).map_err(|error| format!("cannot read the {what} BTF: {error}"));
    let (own, other) = (parse("module's own", own)?, parse("encoded", other)?);
    let map = IdMap::new(View::over(&own, base), View::over(&other, base));
    ids.remap(|id| map.id(id))?;
    Ok(Some(ids.into_bytes()))
}

/// Maps the ids of one BTF to those of another over the same base.
struct IdMap<'a> {
    from: View<'a>,
    to: HashMap<(Kind, &'a BStr), TypeId>,
}

impl<'a> IdMap<'a> {
    fn new(from: View<'a>, to: View<'a>) -> Self {
        let named = to.own_types().filter_map(|(id, ty)| Some(((ty.kind(), to.name(&ty)?), id)));
        // The first type of a name counts, as in resolve_btfids.
        let mut ids = HashMap::new();
        named.for_each(|(name, id)| {
            ids.entry(name).or_insert(id);
        });
        Self { from, to: ids }
    }

    /// An id of the base does not change, and neither does 0, which marks a type that did not exist at build time.
    fn id(&self, id: u32) -> Result<u32, String> {
        if !self.from.is_own(TypeId(id)) {
            return Ok(id);
        }
        let ty = self.from.get(TypeId(id)).ok_or_else(|| format!("the BTF has no type {id}"))?;
        let name = self.from.name(&ty).unwrap_or_default();
        match self.to.get(&(ty.kind(), name)) {
            Some(TypeId(id)) => Ok(*id),
            None => Err(format!(".BTF_ids refers to {} {}, which was not encoded", ty.kind(), name.escape_ascii())),
        }
    }
}

#[cfg(test)]
mod tests {
    use btf::{Builder, Endian, Record, StrOff};

    use super::*;

    fn functions(base: &Btf<'_>, names: &[&str]) -> Vec<u8> {
        let mut builder = Builder::over(base);
        let prototype = builder.add(&Record::reference(Kind::FuncProto, StrOff::NONE, TypeId::VOID)).unwrap();
        for name in names {
            let name = builder.add_string(*name).unwrap();
            builder.add(&Record::reference(Kind::Func, name, prototype)).unwrap();
        }
        builder.to_bytes().unwrap()
    }

    #[test]
    fn id_map_finds_functions_by_name_and_keeps_ids_of_the_base() {
        let mut builder = Builder::new(Endian::Little);
        let int = builder.add_string("int").unwrap();
        builder.add(&Record::int(int, 4, btf::IntData::new(0, 0, 32))).unwrap();
        let base = builder.to_bytes().unwrap();
        let base = Btf::parse(&base).unwrap();
        let (own, other) = (functions(&base, &["a", "b"]), functions(&base, &["b", "x", "a"]));
        let (own, other) = (Btf::parse(&own).unwrap(), Btf::parse(&other).unwrap());
        let map = IdMap::new(own.over(&base), other.over(&base));
        assert_eq!([0, 1, 3, 4].map(|id| map.id(id)), [Ok(0), Ok(1), Ok(5), Ok(3)]);
        let lacking = functions(&base, &["a"]);
        let lacking = Btf::parse(&lacking).unwrap();
        let error = IdMap::new(own.over(&base), lacking.over(&base)).id(4).unwrap_err();
        assert_eq!(error, ".BTF_ids refers to FUNC b, which was not encoded");
    }
}

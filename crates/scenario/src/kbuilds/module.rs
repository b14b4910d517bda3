//! Inspecting the BTF of a module with our own parser.

use std::path::Path;

use btf::{Btf, Value, View};
use sha2::{Digest as _, Sha256};

use super::transcript::{BtfBase, FoundModule, ModuleBtf};

/// Inspects the module in a file. `vmlinux` is read if the module has no distilled base.
pub(super) fn look(path: &Path, vmlinux: &Path) -> FoundModule {
    if !path.exists() {
        return FoundModule::Nothing;
    }
    let module = match kmod::Module::open(path) {
        Ok(module) => module,
        Err(error) => return FoundModule::Unusable(in_words(&error)),
    };
    let Some(own) = module.btf() else { return FoundModule::NoBtf };
    let looked = match module.btf_base() {
        Some(base) => parse(own, base, true),
        None => match kmod::kernel_btf(vmlinux) {
            Ok(base) => parse(own, &base.bytes, false),
            Err(error) => Err(in_words(&error)),
        },
    };
    looked.map_or_else(FoundModule::Unusable, FoundModule::Btf)
}

/// An error without file names, which differ between runs.
fn in_words(error: &kmod::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn parse(own: &[u8], base: &[u8], distilled: bool) -> Result<ModuleBtf, String> {
    let base = Btf::parse(base).map_err(|error| format!("the base cannot be parsed: {error}"))?;
    let split = Btf::parse(own).map_err(|error| format!(".BTF cannot be parsed: {error}"))?;
    Ok(ModuleBtf {
        over: if distilled { BtfBase::Distilled { types: base.len() } } else { BtfBase::Vmlinux },
        size: own.len(),
        sha256: sha256(own),
        types: split.len(),
        dangling: dangling(split.over(&base)),
    })
}

/// The number of dangling references and names in the view's own types.
fn dangling(view: View<'_>) -> usize {
    let resolves = |value| match value {
        Value::Name(name) => view.string(name).is_some(),
        Value::Type(id) => view.get(id).is_some(),
        Value::Number(_) => true,
    };
    let fields = view.own_types().flat_map(|(_, ty)| ty.fields());
    fields.filter(|field| !resolves(field.value())).count()
}

/// The SHA-256 of some bytes.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use btf::{Builder, Endian, IntData, Kind, Record, StrOff, TypeId};

    fn base() -> Vec<u8> {
        let mut builder = Builder::new(Endian::Little);
        let name = builder.add_string("int").unwrap();
        builder.add(&Record::int(name, 4, IntData::new(IntData::SIGNED, 0, 32))).unwrap();
        builder.to_bytes().unwrap()
    }

    fn split(target: TypeId) -> Vec<u8> {
        let base = base();
        let base = Btf::parse(&base).unwrap();
        let mut builder = Builder::over(&base);
        builder.add(&Record::reference(Kind::Ptr, StrOff::NONE, target)).unwrap();
        builder.to_bytes().unwrap()
    }

    #[test]
    fn dangling_references_and_names_are_counted() {
        let looked = parse(&split(TypeId(1)), &base(), false).unwrap();
        assert_eq!((looked.over, looked.types, looked.dangling), (BtfBase::Vmlinux, 1, 0));
        let looked = parse(&split(TypeId(77)), &base(), true).unwrap();
        assert_eq!((looked.over, looked.types, looked.dangling), (BtfBase::Distilled { types: 1 }, 1, 1));
        assert!(parse(b"no BTF", &base(), false).unwrap_err().starts_with(".BTF cannot"));
        assert!(parse(&split(TypeId(1)), b"no BTF", false).unwrap_err().starts_with("the base cannot"));
    }

    #[test]
    fn look_reports_files_that_are_no_modules() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.ko");
        assert_eq!(look(&path, &path), FoundModule::Nothing);
        std::fs::write(&path, "text").unwrap();
        assert!(matches!(look(&path, &path), FoundModule::Unusable(why) if !why.contains("x.ko")));
    }
}

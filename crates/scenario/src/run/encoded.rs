//! Prebuilt modules whose BTF is replaced by BTF that we encode from their debug information.

mod ids;

use std::path::{Path, PathBuf};

use btf::Btf;
use encode::{Encoder, Options, PreparedBase};
use kernels::kbuild::Symbols;
use kmod::{Module, ModuleTree, SectionEdits};
use rayon::prelude::*;
use util::error::one_line;

use super::Error;
use super::module_file::ModuleFile;

/// Encodes the BTF of every module that has BTF, from its debug information (below `debug`, at the module's path),
/// with the options of the kernel's build. The module with the new BTF is stored in [`ModuleFile::replaced`] and
/// loaded instead of its file.
///
/// # Errors
///
/// The BTF of a module cannot be encoded or replaced. No module is left with its original BTF.
pub(super) fn encode(
    modules: &mut [ModuleFile],
    tree: &ModuleTree,
    debug: &Path,
    base: &[u8],
    config: &Path,
) -> Result<(), Error> {
    let parsed = Btf::parse(base).map_err(|source| Error::Btf { what: "the base".into(), source })?;
    let prepared = PreparedBase::new(base).map_err(|error| wrong(config, one_line(&error)))?;
    let encoder = Encoder::over(&prepared, options(config)?);
    let with_btf = modules.par_iter_mut().filter(|module| module.btf.is_some());
    with_btf.try_for_each(|module| {
        let path = tree.dir().join(&module.path);
        let encoded =
            encoder.encode(debug.join(unpacked(&module.path))).map_err(|error| wrong(&path, one_line(&error)))?;
        let file = Module::open(&path)?;
        let ids = ids::remapped(&file, &parsed, &encoded.btf).map_err(|what| wrong(&path, what))?;
        // The signature would be invalid. A kernel that requires signatures does not load these modules, and reports
        // that.
        let mut edits = SectionEdits::new().set(".BTF", &encoded.btf).drop_signature(true);
        if let Some(ids) = &ids {
            edits = edits.set(".BTF_ids", ids);
        }
        module.replaced = Some(edits.apply(file.bytes())?);
        module.btf = Some(encoded.btf);
        Ok(())
    })
}

fn wrong(path: &Path, what: String) -> Error {
    Error::Encoded { path: path.to_owned(), what }
}

/// The options that the kernel's build passed to pahole.
fn options(config: &Path) -> Result<Options, Error> {
    let symbols = Symbols::load(config)?;
    let version = symbols.get("CONFIG_PAHOLE_VERSION");
    let options = version.parse().ok().and_then(Options::of_pahole);
    options.ok_or_else(|| wrong(config, format!("how its pahole, version {version}, encodes is not known")))
}

/// A module's path without the suffix of its compression.
fn unpacked(path: &Path) -> PathBuf {
    match path.extension() {
        Some(extension) if extension != "ko" => path.with_extension(""),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_information_of_a_module_is_not_compressed() {
        for path in ["kernel/fs/a.ko", "kernel/fs/a.ko.xz", "kernel/fs/a.ko.zst"] {
            assert_eq!(unpacked(Path::new(path)), Path::new("kernel/fs/a.ko"));
        }
    }

    #[test]
    fn a_pahole_whose_ways_are_not_known_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("config");
        std::fs::write(&config, "CONFIG_PAHOLE_VERSION=130\n").unwrap();
        assert_eq!(options(&config).unwrap(), Options::kernel());
        for text in ["CONFIG_PAHOLE_VERSION=117\n", "CONFIG_X=y\n"] {
            std::fs::write(&config, text).unwrap();
            assert!(options(&config).is_err(), "{text}");
        }
    }
}

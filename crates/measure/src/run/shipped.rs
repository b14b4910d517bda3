//! The modules of a kernel, and their shipped BTF.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kmod::{Module, ModuleTree};
use rayon::prelude::*;

use crate::{Error, Shipped};

/// Every module in an installed directory by its [`key`], with its BTF. If two files have the same key, neither is
/// included.
///
/// # Errors
///
/// The directory cannot be listed.
pub(super) fn modules(root: &Path) -> Result<BTreeMap<String, Shipped>, Error> {
    let tree = open(root)?;
    let found: Vec<_> =
        tree.files().par_iter().map(|file| (file, key(&file.to_string_lossy()), btf(&root.join(file)))).collect();
    let (mut modules, mut first) = (BTreeMap::new(), BTreeMap::new());
    for (file, key, shipped) in found {
        match first.get(&key) {
            None => {
                first.insert(key.clone(), file);
                modules.insert(key, shipped);
            }
            Some(other) => {
                let why = format!("both {} and {} are this module", other.display(), file.display());
                modules.insert(key, Shipped::Unreadable(why));
            }
        }
    }
    Ok(modules)
}

/// The kernel's own BTF in its image.
pub(super) fn base(image: &Path) -> Shipped {
    match kmod::kernel_btf(image) {
        Ok(btf) => Shipped::Bytes(btf.bytes.len() as u64),
        Err(error) => Shipped::Unreadable(util::error::one_line(&error)),
    }
}

/// Every module with debug information below a directory, relative to it.
///
/// # Errors
///
/// The directory cannot be listed.
pub(super) fn files(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let is_plain = |file: &&PathBuf| file.extension().is_some_and(|extension| extension == "ko");
    Ok(open(root)?.files().iter().filter(is_plain).cloned().collect())
}

/// The reason why pahole may have failed on a file, as far as it can be seen.
pub(super) fn why_not(module: &Path) -> Option<&'static str> {
    match Module::open(module) {
        Ok(module) if module.section(".debug_info").is_none_or(<[u8]>::is_empty) => Some("it has no DWARF"),
        Ok(_) => None,
        Err(_) => Some("it is no module that can be read"),
    }
}

fn open(root: &Path) -> Result<ModuleTree, Error> {
    ModuleTree::open(root).map_err(|source| Error::Kmod { path: root.to_owned(), source })
}

fn btf(file: &Path) -> Shipped {
    match Module::open(file) {
        Ok(module) => module.btf().map_or(Shipped::WithoutBtf, |btf| Shipped::Bytes(btf.len() as u64)),
        Err(error) => Shipped::Unreadable(util::error::one_line(&error)),
    }
}

/// An installed module's path without `kernel/` and without the suffix of a compression. This is its path in the
/// build tree.
pub(super) fn key(installed: &str) -> String {
    let path = installed.strip_prefix("kernel/").unwrap_or(installed);
    match path.rfind(".ko.") {
        Some(at) => path[..at + ".ko".len()].to_owned(),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_module_is_the_same_wherever_and_however_it_lies() {
        let keys = ["kernel/fs/a.ko", "kernel/fs/a.ko.xz", "fs/a.ko", "kernel/kernel/trace/b.ko.zst"].map(key);
        assert_eq!(keys, ["fs/a.ko", "fs/a.ko", "fs/a.ko", "kernel/trace/b.ko"]);
    }

    #[test]
    fn modules_lists_unreadable_files_with_the_reason() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("kernel")).unwrap();
        fs::write(root.path().join("kernel/a.ko"), "no ELF").unwrap();
        let modules = modules(root.path()).unwrap();
        assert!(matches!(&modules["a.ko"], Shipped::Unreadable(why) if !why.contains('\n')), "{modules:?}");
        fs::write(root.path().join("kernel/a.ko.xz"), "no ELF either").unwrap();
        let modules = super::modules(root.path()).unwrap();
        assert!(matches!(&modules["a.ko"], Shipped::Unreadable(why) if why.starts_with("both kernel/a.ko and")));
        assert!(why_not(&root.path().join("kernel/a.ko")).is_some());
        assert!(matches!(base(&root.path().join("kernel/a.ko")), Shipped::Unreadable(_)));
    }
}

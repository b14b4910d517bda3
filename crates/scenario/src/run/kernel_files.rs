//! The data of one kernel that a run needs, read once for all scenarios.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use btf::Btf;
use kmod::abi::{ModuleVersions, SymbolCrcs};
use kmod::{Export, KernelImage, LoadGraph, Module, ModuleInfo, ModuleTree};
use rayon::prelude::*;

use super::kernel_paths::KernelPaths;
use super::module_file::ModuleFile;
use super::{Error, encoded};
use crate::boots::transcript::KernelId;
use crate::definition::Modules;

/// A kernel: its image's BTF, and everything about its modules except their code.
#[derive(Debug)]
pub struct KernelFiles {
    /// Its origin.
    pub id: KernelId,
    /// Its boot image.
    pub image: PathBuf,
    /// Whether its configuration has `CONFIG_MODULE_ALLOW_BTF_MISMATCH`.
    pub allows_btf_mismatch: bool,
    /// Whether its configuration has `CONFIG_MODVERSIONS`.
    pub modversions: bool,
    /// Whether its configuration has `CONFIG_PRINTK_CALLER`.
    pub printk_caller: bool,
    /// The BTF in its image: the base of its modules.
    pub base: Vec<u8>,
    /// Its modules, in the order of [`ModuleTree::files`].
    pub modules: Vec<ModuleFile>,
    /// The CRC of every known symbol.
    pub crcs: SymbolCrcs,
    /// The symbols that the image exports, with their CRCs. Empty if the image has no CRCs.
    pub exports: HashMap<String, Option<u32>>,
    tree: ModuleTree,
    graph: LoadGraph,
}

impl KernelFiles {
    /// Reads a kernel's image and all its modules.
    ///
    /// # Errors
    ///
    /// An image or a module cannot be read or parsed, or the modules cannot be ordered.
    pub fn read(parts: &KernelPaths) -> Result<Self, Error> {
        let image = KernelImage::open(&parts.image)?;
        let tree = ModuleTree::open(&parts.modules)?;
        let read = |path: &PathBuf| -> Result<(ModuleFile, ModuleInfo), kmod::Error> {
            let module = Module::open(tree.dir().join(path))?;
            let info = ModuleInfo::new(&module, path);
            let file = ModuleFile {
                name: info.name.clone(),
                path: path.clone(),
                btf: module.btf().map(<[u8]>::to_vec),
                btf_base: module.btf_base().map(<[u8]>::to_vec),
                versions: ModuleVersions::new(info.name.clone(), &module.versions()?),
                vermagic: module.modinfo().get("vermagic").map(|text| text.into_owned()),
                imports: module.imports()?.iter().map(|import| (import.symbol.to_owned(), import.weak)).collect(),
                exports: owned(&module.exports()?).collect(),
                compressed: module.compression().is_some(),
                replaced: None,
            };
            Ok((file, info))
        };
        let read: Vec<_> = tree.files().par_iter().map(read).collect::<Result<_, _>>()?;
        let (mut modules, infos): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        let base = image.btf()?.to_vec();
        if let Some(debug) = &parts.debug {
            tracing::info_span!("encode")
                .in_scope(|| encoded::encode(&mut modules, &tree, debug, &base, &parts.config))?;
        }

        let mut crcs = SymbolCrcs::from_modules(modules.iter().map(|module| &module.versions));
        let exports = image.exports()?;
        crcs.add_exports("vmlinux", &exports);
        let exports = owned(&exports).collect();
        let config = fs::read_to_string(&parts.config).map_err(Error::io("read", &parts.config))?;
        let has = |option: &str| config.lines().any(|line| line.strip_suffix("=y") == Some(option));
        Ok(Self {
            id: parts.id.clone(),
            image: parts.image.clone(),
            allows_btf_mismatch: has("CONFIG_MODULE_ALLOW_BTF_MISMATCH"),
            modversions: has("CONFIG_MODVERSIONS"),
            printk_caller: has("CONFIG_PRINTK_CALLER"),
            base,
            exports,
            graph: LoadGraph::new(infos)?,
            modules,
            crcs,
            tree,
        })
    }

    /// The modules that a scenario loads, in load order.
    ///
    /// # Errors
    ///
    /// The kernel lacks a module.
    pub fn to_load(&self, which: &Modules) -> Result<Vec<&ModuleFile>, Error> {
        let mut infos: Vec<&ModuleInfo> = Vec::new();
        match which {
            Modules::All => infos.extend(self.graph.order()),
            Modules::Named(names) => {
                for name in names {
                    for info in self.graph.closure(name)? {
                        if !infos.iter().any(|known| known.name == info.name) {
                            infos.push(info);
                        }
                    }
                }
            }
        }
        let find = |info: &ModuleInfo| self.modules.iter().find(|module| module.path == info.path);
        Ok(infos.into_iter().filter_map(find).collect())
    }

    /// The absolute path of a module's file.
    #[must_use]
    pub fn path_of(&self, module: &ModuleFile) -> PathBuf {
        self.tree.dir().join(&module.path)
    }

    /// The base, parsed.
    ///
    /// # Errors
    ///
    /// The BTF cannot be parsed.
    pub fn parsed_base(&self) -> Result<Btf<'_>, Error> {
        let what = || format!("the BTF of {}", self.image.display());
        Btf::parse(&self.base).map_err(|source| Error::Btf { what: what(), source })
    }
}

/// Whether a kernel's configuration has `CONFIG_MODULE_ALLOW_BTF_MISMATCH`.
/// Exports with their CRCs, owned.
fn owned(exports: &[Export<'_>]) -> impl Iterator<Item = (String, Option<u32>)> {
    exports.iter().map(|export| (export.symbol.to_owned(), export.crc))
}

//! The kernel whose validation of BTF is compared with the model, and the module that is loaded into it.

use std::fs;
use std::path::PathBuf;

use kmod::Module;
use scenario::run::{KernelFiles, KernelPaths};
use verdict::Rules;

use crate::error::Error;

/// A kernel, and one of its modules, whose BTF the cases replace.
#[derive(Debug)]
pub struct Subject {
    /// Its name: series and configuration, or release.
    pub name: String,
    /// The rules by which it validates BTF.
    pub rules: Rules,
    /// Its boot image.
    pub image: PathBuf,
    /// Its BTF.
    pub base: Vec<u8>,
    /// The `.BTF` of its modules.
    pub modules: Vec<Vec<u8>>,
    /// The module that is loaded: its name and its file.
    pub template: (String, Vec<u8>),
}

impl Subject {
    /// Reads a kernel's files.
    ///
    /// # Errors
    /// A file cannot be read, the version cannot be parsed, or no module can be loaded alone.
    pub fn read(name: String, paths: &KernelPaths) -> Result<Self, Error> {
        let files = KernelFiles::read(paths)?;
        let config = fs::read_to_string(&paths.config).map_err(Error::io("read", &paths.config))?;
        let version = files.id.version.parse().map_err(Error::Version)?;
        let mut rules = Rules::new(version, files.allows_btf_mismatch);
        rules.printk_caller = config.lines().any(|line| line == "CONFIG_PRINTK_CALLER=y");
        let mut candidates = Vec::new();
        for module in &files.modules {
            let file = Module::open(files.path_of(module))?;
            if is_inert(&file)? {
                candidates.push((file.bytes().len(), module.name.clone(), file.bytes().to_vec()));
            }
        }
        let smallest = candidates.into_iter().min().map(|(_, name, bytes)| (name, bytes));
        let template = smallest.ok_or_else(|| Error::NoTemplate { release: files.id.release.clone() })?;
        let modules = files.modules.into_iter().filter_map(|module| module.btf).collect();
        Ok(Self { name, rules, image: files.image, base: files.base, modules, template })
    }
}

/// Whether a module does nothing when it is loaded and can be unloaded, needs no other module, and has BTF.
fn is_inert(module: &Module) -> Result<bool, kmod::Error> {
    let runs = module.elf().symbols()?.filter_map(Result::ok).any(|symbol| symbol.name == b"init_module");
    let needs = !module.modinfo().depends().is_empty();
    Ok(!runs && !needs && module.btf().is_some())
}

//! Measuring the size of modules' BTF.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kernels::archive::{Debug, Kernel};
use kernels::kbuild::{Build, BuildEnv};

use super::encode::{Results, Task, encode};
use super::flags::flags;
use super::{shipped, stage, tools};
use crate::{Base, Encoded, Error, KernelSizes, ModuleSizes, Shipped};

/// A kernel whose modules are measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    release: String,
    origin: String,
    dwarf: String,
    config: PathBuf,
    /// The boot image, which contains the kernel's BTF.
    image: PathBuf,
    /// The shipped modules.
    modules: PathBuf,
    /// The kernel with its debug information.
    vmlinux: PathBuf,
    /// The directory of the modules with their debug information.
    dwarf_modules: PathBuf,
    /// Whether these were installed, below `kernel/`, or are in the build tree.
    installed: bool,
}

impl Subject {
    /// A kernel built from source, with its output tree, which contains the debug information.
    #[must_use]
    pub fn built(build: &Build, tree: &Path) -> Self {
        let manifest = &build.manifest;
        let upgrade = manifest.upgrade.as_ref().map(|upgrade| format!(", changed by {upgrade}")).unwrap_or_default();
        Self {
            release: manifest.release.clone(),
            origin: format!(
                "built from source {} {}, configuration {}{upgrade}",
                manifest.source.series, manifest.source.version, manifest.config
            ),
            dwarf: "the output tree of that build".into(),
            config: build.config.clone(),
            image: build.vmlinux.clone(),
            modules: build.modules.clone(),
            vmlinux: tree.join("vmlinux"),
            dwarf_modules: tree.to_owned(),
            installed: false,
        }
    }

    /// A distribution's kernel, with the package of its debug information.
    #[must_use]
    pub fn prebuilt(kernel: &Kernel, debug: &Debug) -> Self {
        let release = kernel.pin.release.clone();
        let name = |package: &str, version: &str| format!("{package} {version}");
        Self {
            origin: name(&kernel.pin.package, &kernel.pin.version),
            dwarf: name(&debug.pin.package, &debug.pin.version),
            config: kernel.directory.join("boot").join(format!("config-{release}")),
            image: kernel.image.clone(),
            modules: kernel.modules.clone(),
            vmlinux: debug.vmlinux.clone(),
            dwarf_modules: debug.modules.clone(),
            installed: true,
            release,
        }
    }
}

/// Encodes the BTF of a kernel's modules without a base and against the kernel's BTF, both with the image's pahole,
/// and compares it with the shipped BTF. Failures for single modules are in the result, see
/// [`KernelSizes::troubles`].
///
/// # Errors
///
/// A failure that prevents measuring any module.
pub fn sizes(build_env: &BuildEnv<'_>, subject: &Subject) -> Result<KernelSizes, Error> {
    let (flags, tools) = (flags(&subject.release)?, tools(&subject.config)?);
    let shipped = shipped::modules(&subject.modules)?;
    let files = shipped::files(&subject.dwarf_modules)?;
    let task = Task {
        release: &subject.release,
        vmlinux: &subject.vmlinux,
        modules: &subject.dwarf_modules,
        count: files.len(),
        flags: &flags,
    };
    let what = format!("encoding the BTF of {} of {}", util::number::of(files.len(), "module"), subject.release);
    let results = stage(build_env.context, what, || encode(build_env, &task))?;
    let (base, modules) = join(subject, shipped, &files, results);
    Ok(KernelSizes {
        release: subject.release.clone(),
        origin: subject.origin.clone(),
        dwarf: subject.dwarf.clone(),
        compiler: tools.compiler,
        shipped_by: tools.pahole,
        base: Base { shipped: shipped::base(&subject.image), encoded: base },
        flags,
        modules,
    })
}

/// Combines the shipped modules, those with debug information, and the results of encoding. None is dropped: the
/// second file of a module, and a result for an unknown file, are reported as failed modules.
fn join(
    subject: &Subject,
    shipped: BTreeMap<String, Shipped>,
    files: &[PathBuf],
    mut results: Results,
) -> (Encoded, Vec<ModuleSizes>) {
    let base = results.base.unwrap_or_else(|| Encoded::Failed("no word came of it".into()));
    let lacking = || Encoded::Failed("there is no debug information of it".into());
    let mut modules: BTreeMap<String, ModuleSizes> = shipped
        .into_iter()
        .map(|(path, shipped)| (path.clone(), ModuleSizes { path, shipped, full: lacking(), split: lacking() }))
        .collect();
    let mut taken = BTreeSet::new();
    for file in files {
        let name = file.to_string_lossy();
        let path = if subject.installed { shipped::key(&name) } else { name.clone().into_owned() };
        let (full, split) = match results.modules.remove(name.as_ref()) {
            Some(both) => explain(&subject.dwarf_modules.join(file), both),
            None => untold(&base),
        };
        if !taken.insert(path.clone()) {
            let why = format!("there is debug information of {path} in another file as well");
            modules.insert(name.clone().into_owned(), unwanted(&name, why));
            continue;
        }
        let module = modules.entry(path.clone()).or_insert_with(|| ModuleSizes {
            path,
            shipped: Shipped::NotShipped,
            full: lacking(),
            split: lacking(),
        });
        (module.full, module.split) = (full, split);
    }
    for name in results.modules.into_keys() {
        let module = unwanted(&name, "it was encoded, but is not among the files that were found before".into());
        modules.insert(name, module);
    }
    (base, modules.into_values().collect())
}

/// A module whose encoding does not count.
fn unwanted(path: &str, why: String) -> ModuleSizes {
    let (full, split) = (Encoded::Failed(why.clone()), Encoded::Failed(why));
    ModuleSizes { path: path.to_owned(), shipped: Shipped::NotShipped, full, split }
}

/// pahole reports `Invalid argument` for many causes. If the reason can be seen, it is put before that message.
fn explain(file: &Path, (full, split): (Encoded, Encoded)) -> (Encoded, Encoded) {
    let why = match (&full, &split) {
        (Encoded::Bytes(_), Encoded::Bytes(_)) => None,
        _ => shipped::why_not(file),
    };
    let explained = |encoded| match (encoded, why) {
        (Encoded::Failed(said), Some(why)) => Encoded::Failed(format!("{why}; {said}")),
        (encoded, _) => encoded,
    };
    (explained(full), explained(split))
}

/// A module for which the script printed no line.
fn untold(base: &Encoded) -> (Encoded, Encoded) {
    let why = match base {
        Encoded::Failed(_) => "it was not tried, since the kernel's own BTF could not be encoded",
        Encoded::Bytes(_) => "no word came of it",
    };
    (Encoded::Failed(why.into()), Encoded::Failed(why.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(installed: bool) -> Subject {
        Subject {
            release: "6.1.0".into(),
            origin: String::new(),
            dwarf: String::new(),
            config: PathBuf::new(),
            image: PathBuf::new(),
            modules: PathBuf::new(),
            vmlinux: PathBuf::new(),
            dwarf_modules: "nowhere".into(),
            installed,
        }
    }

    fn results(base: Option<u64>, modules: &[&str]) -> Results {
        let both = || (Encoded::Bytes(20), Encoded::Bytes(10));
        let modules = modules.iter().map(|name| ((*name).to_owned(), both())).collect();
        Results { base: base.map(Encoded::Bytes), modules }
    }

    #[test]
    fn a_module_of_which_anything_lacks_is_there_all_the_same() {
        let shipped = ["fs/a.ko", "fs/b.ko", "fs/c.ko"].map(|path| (path.to_owned(), Shipped::Bytes(9)));
        let files = ["kernel/fs/a.ko", "kernel/fs/b.ko", "kernel/fs/d.ko"].map(PathBuf::from);
        let results = results(Some(5), &["kernel/fs/a.ko", "kernel/fs/d.ko"]);
        let (base, modules) = join(&subject(true), shipped.into(), &files, results);
        assert_eq!(base, Encoded::Bytes(5));
        let paths: Vec<_> = modules.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, ["fs/a.ko", "fs/b.ko", "fs/c.ko", "fs/d.ko"]);
        assert_eq!(modules[0].both(), Some((20, 10)));
        assert!(matches!(&modules[1].full, Encoded::Failed(why) if why == "no word came of it"));
        assert!(matches!(&modules[2].split, Encoded::Failed(why) if why.starts_with("there is no debug information")));
        assert_eq!((modules[3].both(), &modules[3].shipped), (Some((20, 10)), &Shipped::NotShipped));
    }

    #[test]
    fn a_second_file_of_a_module_and_what_nobody_looked_for_are_troubles() {
        let files = ["fs/a.ko", "kernel/fs/a.ko"].map(PathBuf::from);
        let results = results(Some(5), &["fs/a.ko", "kernel/fs/a.ko", "stray.ko"]);
        let (_, modules) = join(&subject(true), [("fs/a.ko".to_owned(), Shipped::Bytes(9))].into(), &files, results);
        let paths: Vec<_> = modules.iter().map(|it| (it.path.as_str(), it.both().is_some())).collect();
        assert_eq!(paths, [("fs/a.ko", true), ("kernel/fs/a.ko", false), ("stray.ko", false)]);
        let kernel = crate::sizes::tests::kernel(modules);
        assert_eq!((kernel.troubles().len(), kernel.totals().measured), (2, 1));
    }

    #[test]
    fn in_a_tree_the_directory_kernel_is_one_like_any_other() {
        let shipped = [("kernel/trace/a.ko".to_owned(), Shipped::Bytes(9))];
        let files = [PathBuf::from("kernel/trace/a.ko")];
        let (_, modules) = join(&subject(false), shipped.into(), &files, results(Some(5), &["kernel/trace/a.ko"]));
        assert_eq!((modules.len(), modules[0].both()), (1, Some((20, 10))));
    }

    #[test]
    fn without_a_base_every_module_says_so() {
        let (base, modules) = join(&subject(false), BTreeMap::new(), &["a.ko".into()], results(None, &[]));
        assert!(matches!(base, Encoded::Failed(_)));
        assert!(matches!(&modules[0].full, Encoded::Failed(why) if why.contains("not tried")));
    }
}

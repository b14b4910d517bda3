//! One kernel: its vmlinux and all its modules.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use btf::Btf;
use encode::{Options, PreparedBase};
use kmod::ElfFile;
use rayon::prelude::*;
use util::error::{Class, Classified, one_line};
use walkdir::WalkDir;

use crate::report::VMLINUX;
use crate::{FileChecker, FileOutcome, FileReport, Identical, KernelReport};

/// A kernel with its DWARF and its BTF.
#[derive(Debug, Clone)]
pub struct KernelFiles {
    /// What `uname -r` says.
    pub release: String,
    /// The package, and its version.
    pub package: String,
    /// The version of the pahole that made the BTF, as a kernel's configuration has it: 124.
    pub pahole: u32,
    /// The kernel with its DWARF and its `.BTF`.
    pub vmlinux: PathBuf,
    /// What the modules with theirs lie below.
    pub modules: PathBuf,
    /// How many files have to be byte for byte what was shipped; nothing if that is recorded nowhere.
    pub recorded: Option<Identical>,
}

/// Why a kernel could not be checked at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The BTF was made by a pahole whose behaviour is not known.
    #[error(
        "cannot check {release}: its BTF was made by pahole {}, and only the behaviour of 1.24 and 1.30 is known",
        version(*.pahole)
    )]
    Pahole {
        /// The kernel.
        release: String,
        /// The version, as a kernel's configuration has it.
        pahole: u32,
    },
    /// Somebody asked to stop.
    #[error("the check was interrupted")]
    Interrupted,
    /// The kernel's own file cannot be read, or has no BTF.
    #[error("cannot read {path:?}")]
    Kmod {
        /// The file.
        path: PathBuf,
        /// Why.
        source: kmod::Error,
    },
    /// The kernel's BTF is not valid.
    #[error("cannot read the BTF in {path:?}")]
    Btf {
        /// The file.
        path: PathBuf,
        /// Why.
        source: btf::ParseError,
    },
    /// The kernel's BTF cannot be used as a base.
    #[error("cannot use the BTF in {path:?} as a base")]
    Base {
        /// The file.
        path: PathBuf,
        /// Why.
        source: encode::EncodeError,
    },
    /// The directory of the modules cannot be listed.
    #[error("cannot list the modules in {path:?}")]
    List {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: walkdir::Error,
    },
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Interrupted => Class::Cancelled,
            _ => Class::Environment,
        }
    }
}

/// The first version of pahole that always writes the same, whichever of its threads comes first: 1.29.
const REPRODUCIBLE: u32 = 129;

fn version(pahole: u32) -> String {
    format!("{}.{:02}", pahole / 100, pahole % 100)
}

/// Encodes a kernel and all its modules, and compares them with what was shipped. `progress` receives the number of files that
/// are done and of all; `stop` returns whether to stop. Both are called from any thread.
///
/// # Errors
///
/// What keeps all files from being compared. What befalls one of them is in the report.
pub fn check_kernel(
    subject: &KernelFiles,
    progress: &(dyn Fn(u64, u64) + Sync),
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<KernelReport, Error> {
    let begun = Instant::now();
    let pahole = subject.pahole;
    let options =
        Options::of_pahole(pahole).ok_or_else(|| Error::Pahole { release: subject.release.clone(), pahole })?;
    let by_chance = pahole < REPRODUCIBLE;
    let path = &subject.vmlinux;
    let base_bytes = kmod::kernel_btf(path).map_err(|source| Error::Kmod { path: path.clone(), source })?.bytes;
    let base = Btf::parse(&base_bytes).map_err(|source| Error::Btf { path: path.clone(), source })?;
    let prepared = PreparedBase::new(&base_bytes).map_err(|source| Error::Base { path: path.clone(), source })?;
    let modules = list(&subject.modules)?;

    let total = modules.len() as u64 + 1;
    progress(0, total);
    let threads = rayon::current_num_threads();
    let alone = FileChecker::new(None, options.clone()).by_chance(by_chance).with_threads(threads);
    let kernel = match ElfFile::open(path) {
        Ok(elf) => alone.check(VMLINUX, &elf, &base_bytes),
        Err(error) => FileReport { file: VMLINUX.into(), outcome: FileOutcome::Failed(one_line(&error)) },
    };
    progress(1, total);
    let over = FileChecker::new(Some((&base, &prepared)), options).by_chance(by_chance);
    let done = AtomicUsize::new(1);
    let checked: Vec<FileReport> = modules
        .par_iter()
        .map(|file| {
            if stop() {
                return Err(Error::Interrupted);
            }
            let report = module(&over, &subject.modules, file);
            progress(done.fetch_add(1, Ordering::Relaxed) as u64 + 1, total);
            Ok(report)
        })
        .collect::<Result<_, _>>()?;
    let files: Vec<FileReport> = std::iter::once(kernel).chain(checked).collect();
    Ok(KernelReport {
        release: subject.release.clone(),
        package: subject.package.clone(),
        pahole: version(pahole),
        identical: Identical::count(&files),
        recorded: subject.recorded,
        files,
        milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

fn module(over: &FileChecker<'_>, root: &Path, file: &Path) -> FileReport {
    let name = file.display().to_string();
    let read = || -> Result<(ElfFile, Vec<u8>), kmod::Error> {
        let elf = ElfFile::open(root.join(file))?;
        let shipped = elf.find(".BTF").map(|head| elf.read_all(&head)).transpose()?.unwrap_or_default();
        Ok((elf, shipped))
    };
    match read() {
        Ok((_, shipped)) if shipped.is_empty() => FileReport {
            file: name,
            outcome: FileOutcome::Failed("it was shipped without BTF: nothing to compare with".into()),
        },
        Ok((elf, shipped)) => over.check(&name, &elf, &shipped),
        Err(error) => FileReport { file: name, outcome: FileOutcome::Failed(one_line(&error)) },
    }
}

/// The modules below a directory, relative to it, sorted.
fn list(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in WalkDir::new(root).sort_by_file_name() {
        let entry = entry.map_err(|source| Error::List { path: root.to_owned(), source })?;
        let path = entry.path();
        let is_module = path.extension().is_some_and(|extension| extension == "ko" || extension == "debug");
        if entry.file_type().is_file() && is_module {
            files.push(path.strip_prefix(root).unwrap_or(path).to_owned());
        }
    }
    Ok(files)
}

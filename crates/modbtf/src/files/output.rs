//! The place of each file's result.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::ArgGroup;
use kmod::SectionEdits;
use util::error::{Class, Classified};
use util::{FileError, atomic};

use super::claims::{Overlap, PathClaims};
use super::find::{Input, stem};

/// The options for the place of results; exactly one of three.
#[derive(Debug, Default, clap::Args)]
#[command(group(ArgGroup::new("output").required(true).args(["in_place", "detached", "out"])))]
pub(crate) struct OutputArguments {
    /// Put the sections into the files, each replaced atomically. Compressed modules are compressed again in the same way.
    #[arg(long)]
    pub(crate) in_place: bool,

    /// Put the BTF of each file into a file of its own below this directory, NAME.btf, and a distilled base into NAME.btf.base. A
    /// stale NAME.btf.base is removed. Input files are never overwritten.
    #[arg(long, value_name = "DIR")]
    pub(crate) detached: Option<PathBuf>,

    /// Put the BTF of the one file here, and a distilled base into FILE.base. A stale FILE.base is removed.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Cut off the signature of signed modules, which the change voids. Without it they are refused.
    #[arg(long, conflicts_with_all = ["detached", "out"])]
    pub(crate) drop_signature: bool,
}

/// The reason why results cannot be written as requested.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// `--out` takes one file.
    #[error("cannot put {files} files into --out; use --detached")]
    ManyForOne {
        /// The number of files.
        files: usize,
    },
    /// Two results would be written to the same file.
    #[error("cannot write the BTF of {} to {}: that of another file goes there", path.display(), to.display())]
    SamePlace {
        /// The second file.
        path: PathBuf,
        /// The path of both results.
        to: PathBuf,
    },
    /// An input would be overwritten.
    #[error(transparent)]
    Overlap(#[from] Overlap),
}

impl Classified for OutputError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// A result in a separate file: the suffix of its name, and its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SideFile<'a> {
    /// The suffix of the result's name: `""` or `".base"`.
    pub(crate) suffix: &'static str,
    /// `None` if a stale file of that name must be removed.
    pub(crate) bytes: Option<&'a [u8]>,
    /// Whether an existing file of that name was written by an earlier run and may be removed.
    pub(crate) is_stale: fn(&Path) -> bool,
}

/// The place of results.
#[derive(Debug)]
pub(crate) enum Output {
    /// Into the files.
    InPlace {
        /// Whether to drop a signature.
        drop_signature: bool,
    },
    /// A file for each input, below a directory, with this extension.
    Detached(PathBuf, &'static str),
    /// Into one file.
    File(PathBuf),
}

impl Output {
    /// Evaluates the options for these files. Registers all outputs: for each file the names with this extension and
    /// each of these suffixes.
    ///
    /// # Errors
    ///
    /// [`OutputError`].
    pub(crate) fn new(
        arguments: &OutputArguments,
        inputs: &[Input],
        claims: &mut PathClaims,
        extension: &'static str,
        suffixes: &[&str],
    ) -> Result<Self, OutputError> {
        let output = Self::chosen(arguments, inputs, extension)?;
        for place in inputs.iter().filter_map(|input| output.place(input)) {
            suffixes.iter().try_for_each(|suffix| claims.write(&with_suffix(&place, suffix)))?;
        }
        Ok(output)
    }

    fn chosen(arguments: &OutputArguments, inputs: &[Input], extension: &'static str) -> Result<Self, OutputError> {
        if let Some(dir) = &arguments.detached {
            let mut places = BTreeSet::new();
            for input in inputs {
                let to = detached(dir, &input.name, extension);
                if !places.insert(to.clone()) {
                    return Err(OutputError::SamePlace { path: input.path.clone(), to });
                }
            }
            return Ok(Self::Detached(dir.clone(), extension));
        }
        match &arguments.out {
            Some(_) if inputs.len() != 1 => Err(OutputError::ManyForOne { files: inputs.len() }),
            Some(file) => Ok(Self::File(file.clone())),
            None => Ok(Self::InPlace { drop_signature: arguments.drop_signature }),
        }
    }

    /// The separate file for the result of an input, if there is one.
    fn place(&self, input: &Input) -> Option<PathBuf> {
        match self {
            Self::InPlace { .. } => None,
            Self::Detached(dir, extension) => Some(detached(dir, &input.name, extension)),
            Self::File(file) => Some(file.clone()),
        }
    }

    /// Writes the result of a file: applies the edits to the file, or writes the side files.
    ///
    /// # Errors
    ///
    /// A file that could not be written is unchanged.
    pub(crate) fn write(
        &self,
        input: &Input,
        edits: SectionEdits<'_>,
        side_files: &[SideFile<'_>],
    ) -> Result<(), kmod::Error> {
        match (self, self.place(input)) {
            (Self::InPlace { drop_signature }, _) => {
                edits.drop_signature(*drop_signature).durable(true).apply_to_file(&input.path)
            }
            (_, Some(place)) => write_side_files(&place, side_files),
            (_, None) => Ok(()),
        }
    }
}

/// The path of a file's result below a directory.
fn detached(dir: &Path, name: &Path, extension: &str) -> PathBuf {
    let file = name.file_name().unwrap_or_default().to_string_lossy();
    dir.join(name).with_file_name(format!("{}.{extension}", stem(name).unwrap_or(&file)))
}

/// Writes files beside each other, all or none of them, and then removes the stale ones.
///
/// # Errors
///
/// A file that could not be written is unchanged.
pub(crate) fn write_side_files(path: &Path, files: &[SideFile<'_>]) -> Result<(), kmod::Error> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(FileError::on("create the directory", dir))?;
    }
    let named: Vec<_> = files.iter().map(|file| (with_suffix(path, file.suffix), file)).collect();
    let written: Vec<_> = named.iter().filter_map(|(path, file)| Some((path.as_path(), file.bytes?))).collect();
    atomic::replace_all(&written)?;
    for (path, _) in named.into_iter().filter(|(path, file)| file.bytes.is_none() && (file.is_stale)(path)) {
        std::fs::remove_file(&path).map_err(FileError::on("remove", &path))?;
    }
    Ok(())
}

/// A path with a suffix added to its name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detached_files_lie_as_the_modules_do() {
        let place = |name: &str| detached(Path::new("out"), Path::new(name), "btf");
        assert_eq!(place("kernel/fs/overlay.ko.xz"), Path::new("out/kernel/fs/overlay.btf"));
        assert_eq!(place("a.b.ko.debug"), Path::new("out/a.b.btf"));
        assert_eq!(place("vmlinux-6.1"), Path::new("out/vmlinux-6.1.btf"));
        assert_eq!(with_suffix(Path::new("out/a.btf"), ".base"), Path::new("out/a.btf.base"));
    }
}

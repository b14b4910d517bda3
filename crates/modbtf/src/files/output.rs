//! Where BTF goes.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use encode::Encoded;
use kmod::SectionEdits;
use util::atomic;

use super::Arguments;
use super::input::{Input, UsageError, stem};
use crate::overlap::{Overlap, Role, Sources};
use cli::Format;

/// Where the BTF of files goes.
#[derive(Debug)]
pub(super) enum Output {
    /// Into the files.
    InPlace { drop_signature: bool },
    /// Into a file for each, below a directory.
    Detached(PathBuf),
    /// Into a file, of the one that is encoded.
    File(PathBuf),
}

impl Output {
    /// What the arguments say, if it can be followed for these files and loses none that is read or was just written.
    pub(super) fn new(arguments: &Arguments, inputs: &[Input]) -> Result<Self, UsageError> {
        let output = Self::chosen(arguments, inputs)?;
        let mut sources = Sources::default();
        arguments.base.iter().for_each(|base| sources.add(base, Role::Base));
        inputs.iter().for_each(|input| sources.add(&input.path, Role::Input));
        for input in inputs {
            if let Some(place) = output.place(input) {
                sources.write(&place)?;
                sources.write(&with_base(&place))?;
            }
        }
        arguments.format.iter().filter_map(Format::file).try_for_each(|report| sources.write(report))?;
        Ok(output)
    }

    fn chosen(arguments: &Arguments, inputs: &[Input]) -> Result<Self, UsageError> {
        if let Some(dir) = &arguments.detached {
            let mut places = BTreeSet::new();
            for input in inputs {
                let to = detached(dir, &input.name);
                if !places.insert(to.clone()) {
                    return Err(UsageError::SamePlace { path: input.path.clone(), to });
                }
            }
            return Ok(Self::Detached(dir.clone()));
        }
        match &arguments.out {
            Some(_) if inputs.len() != 1 => Err(UsageError::ManyForOne { files: inputs.len() }),
            Some(file) => Ok(Self::File(file.clone())),
            None => Ok(Self::InPlace { drop_signature: arguments.drop_signature }),
        }
    }

    /// The file that the BTF of another goes into, where it has one of its own.
    fn place(&self, input: &Input) -> Option<PathBuf> {
        match self {
            Self::InPlace { .. } => None,
            Self::Detached(dir) => Some(detached(dir, &input.name)),
            Self::File(file) => Some(file.clone()),
        }
    }

    /// Puts what was encoded where it goes.
    pub(super) fn write(&self, input: &Input, encoded: &Encoded) -> Result<(), kmod::Error> {
        match self {
            Self::InPlace { drop_signature } => {
                sections(encoded).drop_signature(*drop_signature).durable(true).apply_to_file(&input.path)
            }
            Self::Detached(dir) => write_files(&detached(dir, &input.name), encoded),
            Self::File(file) => write_files(file, encoded),
        }
    }
}

/// The changes that put BTF into a file. A base that is no longer that of the types must not stay.
pub(crate) fn sections(encoded: &Encoded) -> SectionEdits<'_> {
    let edits = SectionEdits::new().set(".BTF", &encoded.btf);
    match &encoded.base {
        Some(base) => edits.set(".BTF.base", base),
        None => edits.remove(".BTF.base"),
    }
}

/// Where the BTF of a file goes below a directory.
fn detached(dir: &Path, name: &Path) -> PathBuf {
    let file = name.file_name().unwrap_or_default().to_string_lossy();
    dir.join(name).with_file_name(format!("{}.btf", stem(name).unwrap_or(&file)))
}

/// Whether [`write_files`] would leave all alone that is read.
pub(crate) fn spare(sources: &Sources, path: &Path) -> Result<(), Overlap> {
    sources.spare(path)?;
    sources.spare(&with_base(path))
}

/// Writes BTF to a file, and its own base, if it has one, beside it: a base of before that is not its own must not stay.
pub(crate) fn write_files(path: &Path, encoded: &Encoded) -> Result<(), kmod::Error> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(|source| kmod::Error::Io {
            action: "create the directory",
            path: dir.to_owned(),
            source,
        })?;
    }
    let base_path = with_base(path);
    if let Some(base) = &encoded.base {
        return Ok(atomic::replace_all(&[(&base_path, base), (path, &encoded.btf)])?);
    }
    atomic::replace(path, &encoded.btf)?;
    match is_btf(&base_path) {
        true => std::fs::remove_file(&base_path).map_err(|source| kmod::Error::Io {
            action: "remove",
            path: base_path,
            source,
        }),
        false => Ok(()),
    }
}

/// Whether a file holds BTF, of either byte order.
fn is_btf(path: &Path) -> bool {
    let mut magic = [0; 2];
    let read = path.is_file() && File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok();
    read && [u16::from_le_bytes(magic), u16::from_be_bytes(magic)].contains(&btf::MAGIC)
}

fn with_base(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".base");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detached_files_lie_as_the_modules_do() {
        let place = |name: &str| detached(Path::new("out"), Path::new(name));
        assert_eq!(place("kernel/fs/overlay.ko.xz"), Path::new("out/kernel/fs/overlay.btf"));
        assert_eq!(place("a.b.ko.debug"), Path::new("out/a.b.btf"));
        assert_eq!(place("vmlinux-6.1"), Path::new("out/vmlinux-6.1.btf"));
        assert_eq!(with_base(Path::new("out/a.btf")), Path::new("out/a.btf.base"));
    }
}

//! Small modules with DWARF, and running programs on them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use encode::{Encoder, Options};
use gimli::write::{AttributeValue, Dwarf, LineProgram, Unit};
use kmod::{ElfFile, SectionEdits};
use tempfile::TempDir;
use test_elf::{Builder, X86_64};

/// A linked file, or a module.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Linked,
    Module,
}

/// An ELF file without sections.
fn empty(kind: Kind) -> Builder {
    if kind == Kind::Module { Builder::new(X86_64) } else { Builder::linked() }
}

/// A file whose debug information has a struct with each of these names, each containing an `int`.
pub fn with_structs(kind: Kind, names: &[&str]) -> Vec<u8> {
    let mut dwarf = Dwarf::new();
    let encoding = gimli::Encoding { format: gimli::Format::Dwarf32, version: 5, address_size: 8 };
    let id = dwarf.units.add(Unit::new(encoding, LineProgram::none()));
    let unit = dwarf.units.get_mut(id);
    let root = unit.root();
    let int = unit.add(root, gimli::DW_TAG_base_type);
    let set = [
        (gimli::DW_AT_name, AttributeValue::String(b"int".to_vec())),
        (gimli::DW_AT_byte_size, AttributeValue::Udata(4)),
        (gimli::DW_AT_encoding, AttributeValue::Encoding(gimli::DW_ATE_signed)),
    ];
    set.into_iter().for_each(|(name, value)| unit.get_mut(int).set(name, value));
    for name in names {
        let composite = unit.add(root, gimli::DW_TAG_structure_type);
        unit.get_mut(composite).set(gimli::DW_AT_name, AttributeValue::String(name.as_bytes().to_vec()));
        unit.get_mut(composite).set(gimli::DW_AT_byte_size, AttributeValue::Udata(4));
        let member = unit.add(composite, gimli::DW_TAG_member);
        unit.get_mut(member).set(gimli::DW_AT_name, AttributeValue::String(b"member".to_vec()));
        unit.get_mut(member).set(gimli::DW_AT_type, AttributeValue::UnitRef(int));
        unit.get_mut(member).set(gimli::DW_AT_data_member_location, AttributeValue::Udata(0));
    }
    empty(kind).dwarf(&mut dwarf).bytes()
}

/// A file without debug information.
pub fn stripped() -> Vec<u8> {
    empty(Kind::Module).section(".modinfo", b"name=x\0").bytes()
}

/// A directory with a vmlinux that has `.BTF`, and modules.
pub struct Bench {
    dir: TempDir,
}

/// The modules, with the names of their files and of their own structs.
pub const MODULES: [(&str, &[&str]); 3] =
    [("fs/one.ko", &["of_vmlinux", "one"]), ("net/two.ko", &["two", "of_vmlinux", "other"]), ("three.ko", &["three"])];

impl Bench {
    pub fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        let plain = with_structs(Kind::Linked, &["of_vmlinux"]);
        let btf = Encoder::new(Options::kernel()).encode_elf(&ElfFile::from_bytes(plain.clone()).unwrap()).unwrap().btf;
        bench.write("vmlinux.plain", &plain);
        bench.write("vmlinux", &SectionEdits::new().set(".BTF", &btf).apply(&plain).unwrap());
        for (name, structs) in MODULES {
            bench.write(&format!("modules/{name}"), &with_structs(Kind::Module, structs));
        }
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The content of all files in the directory, sorted by name.
    pub fn all(&self) -> Vec<Vec<u8>> {
        self.names().iter().map(|name| self.read(name)).collect()
    }

    /// The names of all files in the directory, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        list(self.dir.path(), self.dir.path(), &mut names);
        names.sort();
        names
    }

    pub fn run(&self, program: &str, arguments: &[&str]) -> Ran {
        self.run_as(Command::new(program), arguments)
    }

    /// Runs a program with these arguments in the directory.
    pub fn run_as(&self, mut command: Command, arguments: &[impl AsRef<OsStr>]) -> Ran {
        Ran(command.args(arguments).current_dir(self.dir.path()).output().unwrap())
    }

    pub fn modbtf(&self, arguments: &[&str]) -> Ran {
        self.run(MODBTF, arguments)
    }

    /// The names of the structs in BTF, over the base if it is given.
    pub fn structs(btf: &[u8], base: Option<&[u8]>) -> Vec<String> {
        let own = btf::Btf::parse(btf).unwrap();
        let base = base.map(|base| btf::Btf::parse(base).unwrap());
        let view = base.as_ref().map_or_else(|| own.alone(), |base| own.over(base));
        let structs = view.own_types().filter(|(_, ty)| ty.kind() == btf::Kind::Struct);
        let mut names: Vec<_> = structs.map(|(_, ty)| view.name(&ty).unwrap().to_string()).collect();
        names.sort();
        names
    }

    pub fn base(&self) -> Vec<u8> {
        kmod::kernel_btf(self.path("vmlinux")).unwrap().bytes
    }
}

fn list(root: &Path, dir: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(root, &path, names);
        } else {
            names.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}

pub const MODBTF: &str = env!("CARGO_BIN_EXE_modbtf");
pub const PAHOLE: &str = env!("CARGO_BIN_EXE_modbtf-pahole");

/// The result of a program.
pub struct Ran(Output);

impl Ran {
    pub fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// Checks the exit code, and returns the result.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{}{}", self.out(), self.err());
        self
    }
}

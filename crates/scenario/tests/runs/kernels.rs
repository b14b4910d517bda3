//! A fake source of small kernels: an image that consists of BTF, and modules with little more than BTF.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use btf::{Btf, Builder, Endian, IntData, Kind, Record, StrOff};
use container::image::{Image, Manifest};
use kernels::Availability;
use kernels::Error;
use kernels::archive::{Debug, Kernel, Reason, Unavailable};
use kernels::kbuild::external::{External, ExternalRequest};
use kernels::kbuild::sandbox::{Command, Place, Ran, Setup, Times};
use kernels::kbuild::{Build, Request};
use kernels::pins::Pin;
use kernels::source::{Source, SourcePin};
use kernels::tools::{Tool, ToolPin};
use scenario::kernel_source::{KernelSource, Sandbox};
use serde_json::json;
use tempfile::TempDir;

/// The properties of a kernel.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The number of types in its base.
    pub types: u32,
    /// Its modules, each depending on the one before it.
    pub modules: Vec<FakeModule>,
    /// The CRC of the one symbol that it exports.
    pub crc: u32,
    /// Whether it loads modules whose BTF it refuses.
    pub allows_mismatch: bool,
    /// The output of `uname -r`, if it is built.
    pub release: Option<String>,
    /// The encoder that replaced pahole.
    pub encoder: Option<String>,
}

/// A module.
#[derive(Debug, Clone)]
pub struct FakeModule {
    pub name: String,
    pub path: String,
    pub has_btf: bool,
}

impl Default for Shape {
    fn default() -> Self {
        let module = |name: &str| FakeModule { name: name.into(), path: format!("kernel/{name}.ko"), has_btf: true };
        Self {
            types: 1,
            modules: ["one", "two"].map(module).into(),
            crc: 1,
            allows_mismatch: false,
            release: None,
            encoder: None,
        }
    }
}

/// Fake kernels by name: the release of a package, or `config/upgrade` of a build.
pub struct FakeKernels {
    dir: PathBuf,
    image: Image,
    /// The properties of kernels that differ from the default.
    pub shapes: Mutex<BTreeMap<String, Shape>>,
    /// The things that the archive lacks: releases of packages, debug packages (`debug RELEASE`), and versions of
    /// sources.
    pub gone: Mutex<BTreeSet<String>>,
    /// The builds that fail: `config/upgrade`.
    pub broken: Mutex<BTreeSet<String>>,
    /// The requests, in order.
    pub calls: Mutex<Vec<String>>,
    /// The status and output of commands in a sandbox. Other commands print nothing and succeed.
    pub commands: Mutex<BTreeMap<String, (i32, Vec<String>)>>,
}

impl FakeKernels {
    pub fn new(dir: PathBuf) -> Self {
        let manifest = Manifest { id: "id".into(), qemu: "QEMU".into(), packages: BTreeMap::new() };
        Self {
            dir,
            image: Image { name: "image".into(), manifest },
            shapes: Mutex::default(),
            gone: Mutex::default(),
            broken: Mutex::default(),
            calls: Mutex::default(),
            commands: Mutex::default(),
        }
    }

    pub fn image(&self) -> &Image {
        &self.image
    }

    pub fn shape(&self, name: &str, shape: Shape) {
        self.shapes.lock().unwrap().insert(name.into(), shape);
    }

    fn shape_of(&self, name: &str) -> Shape {
        self.shapes.lock().unwrap().get(name).cloned().unwrap_or_default()
    }

    fn is_gone(&self, name: &str) -> bool {
        self.gone.lock().unwrap().contains(name)
    }

    fn call(&self, what: impl Into<String>) {
        self.calls.lock().unwrap().push(what.into());
    }

    fn release_of(&self, request: &Request<'_>) -> String {
        let release = self.shape_of(&name(request)).release;
        release.unwrap_or_else(|| format!("{}.0-modbtf", request.source.identity.series))
    }

    /// Writes a kernel's files and returns its directory.
    fn make(&self, name: &str, release: &str) -> PathBuf {
        let (shape, dir) = (self.shape_of(name), self.dir.join(name.replace('/', "-")));
        let base = base(shape.types);
        let mismatch = if shape.allows_mismatch { "CONFIG_MODULE_ALLOW_BTF_MISMATCH=y\n" } else { "" };
        let config = format!("CONFIG_PAHOLE_VERSION=124\n{mismatch}");
        write(&dir.join(format!("vmlinuz-{release}")), &base);
        write(&dir.join(format!("config-{release}")), config.as_bytes());
        let symvers = format!("0x{:08x}\tsymbol\tvmlinux\tEXPORT_SYMBOL\t\n", shape.crc);
        write(&dir.join("Module.symvers"), symvers.as_bytes());
        fs::create_dir_all(dir.join("modules")).unwrap();
        let mut before: Option<&str> = None;
        for module in &shape.modules {
            let btf = module.has_btf.then(|| split(&base));
            let depends = before.unwrap_or_default();
            let path = dir.join("modules").join(&module.path);
            write(&path, &relocatable(&format!("name={}\0depends={depends}\0", module.name), btf.as_deref()));
            before = Some(&module.name);
        }
        dir
    }
}

impl KernelSource for FakeKernels {
    fn packages(&self, pins: &[Pin]) -> Result<Vec<Availability<Kernel>>, Error> {
        let package = |pin: &Pin| {
            self.call(format!("package {}", pin.release));
            if self.is_gone(&pin.release) {
                return Availability::Unavailable(unavailable(&pin.name()));
            }
            let directory = self.make(&pin.release, &pin.release);
            Availability::Available(Kernel {
                pin: pin.clone(),
                image: directory.join(format!("vmlinuz-{}", pin.release)),
                modules: directory.join("modules"),
                directory,
            })
        };
        Ok(pins.iter().map(package).collect())
    }

    fn debug_info(&self, pin: &Pin) -> Result<Availability<Debug>, Error> {
        self.call(format!("debug {}", pin.release));
        if self.is_gone(&format!("debug {}", pin.release)) {
            return Ok(Availability::Unavailable(unavailable(&pin.name())));
        }
        let directory = self.dir.join("debug");
        let (vmlinux, modules) = (directory.join("vmlinux"), directory.join("modules"));
        Ok(Availability::Available(Debug { pin: pin.clone(), directory, vmlinux, modules }))
    }

    fn source(&self, pin: &SourcePin) -> Result<Availability<Source>, Error> {
        self.call(format!("source {}", pin.series));
        if self.is_gone(&pin.version) {
            return Ok(Availability::Unavailable(unavailable(&format!("{}={}", pin.package, pin.version))));
        }
        let identity = json!({ "line": pin.series, "version": pin.version, "sha256": pin.sha256 });
        Ok(Availability::Available(Source {
            identity: serde_json::from_value(identity).unwrap(),
            tree: self.dir.join("source"),
        }))
    }

    fn tool(&self, pin: &ToolPin) -> Result<Availability<Tool>, Error> {
        self.call(format!("tool {}", pin.name));
        Ok(Availability::Unavailable(unavailable(&pin.name)))
    }

    fn build_image(&self) -> Result<&Image, Error> {
        Ok(&self.image)
    }

    fn build(&self, request: &Request<'_>) -> Result<Build, Error> {
        let name = name(request);
        self.call(format!("build {name}"));
        if self.broken.lock().unwrap().contains(&name) {
            let source = std::io::Error::other("the disk is gone");
            return Err(Error::io("write", Path::new("/bzImage"), source));
        }
        if request.upgrade == Some("unheard-of") {
            let known = vec!["grow".into()];
            return Err(Error::UnknownName { what: "upgrade", given: "unheard-of".into(), known });
        }
        if request.upgrade == Some("stopped") {
            return Err(container::Error::Cancelled { doing: "build a kernel".into() }.into());
        }
        let release = self.release_of(request);
        let directory = self.make(&name, &release);
        let toolchain: BTreeMap<_, _> = self.shape_of(&name).encoder.map(|it| ("encoder", it)).into_iter().collect();
        let manifest = json!({
            "name": name, "key": "0".repeat(64), "source": request.source.identity, "config": request.config.name,
            "upgrade": request.upgrade, "release": release, "toolchain": toolchain, "steps": 1, "milliseconds": 1,
            "files": {},
        });
        Ok(Build {
            manifest: serde_json::from_value(manifest).unwrap(),
            image: directory.join(format!("vmlinuz-{release}")),
            modules: directory.join("modules"),
            symvers: directory.join("Module.symvers"),
            config: directory.join(format!("config-{release}")),
            vmlinux: directory.join("vmlinux"),
            directory,
        })
    }

    fn output_tree(&self, _: &Request<'_>) -> Result<PathBuf, Error> {
        Ok(self.dir.join("tree"))
    }

    fn external_modules(&self, request: &ExternalRequest<'_>) -> Result<External, Error> {
        let name = format!("{} external", name(&request.request));
        self.call(format!("build {name}"));
        let release = self.release_of(&request.request);
        let directory = self.make(&name, &release);
        let manifest = json!({
            "name": name, "key": "1".repeat(64), "kernel": "k", "source": request.request.source.identity,
            "config": request.request.config.name, "upgrade": request.request.upgrade, "release": release,
            "sources": request.sources, "toolchain": {}, "steps": 1, "milliseconds": 1, "files": {},
        });
        let manifest = serde_json::from_value(manifest).unwrap();
        Ok(External { manifest, modules: directory.join("modules"), directory })
    }

    fn sandbox(&self, _: &Setup<'_>) -> Result<Box<dyn Sandbox + '_>, Error> {
        self.call("sandbox");
        let dir = tempfile::tempdir().unwrap();
        for place in ["source", "build", "external", "out"] {
            fs::create_dir(dir.path().join(place)).unwrap();
        }
        Ok(Box::new(FakeSandbox { kernels: self, dir }))
    }
}

/// A fake sandbox in which a command prints its configured output and writes one file.
struct FakeSandbox<'a> {
    kernels: &'a FakeKernels,
    dir: TempDir,
}

impl Sandbox for FakeSandbox<'_> {
    fn dir(&self, place: Place) -> PathBuf {
        self.dir.path().join(match place {
            Place::Source => "source",
            Place::Tree => "build",
            Place::External => "external",
        })
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn touch(&self, _: Place, _: &str) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, command: &Command, on_line: &mut dyn FnMut(&str)) -> Result<Ran, Error> {
        let line = command.argv.join(" ");
        self.kernels.call(line.clone());
        let (status, lines) = self.kernels.commands.lock().unwrap().get(&line).cloned().unwrap_or_default();
        lines.iter().for_each(|line| on_line(line));
        write(&self.dir(Place::Tree).join("fs/made.ko"), line.as_bytes());
        Ok(Ran { status, lines, times: Times::default() })
    }
}

fn name(request: &Request<'_>) -> String {
    format!("{}/{}", request.config.name, request.upgrade.unwrap_or("first"))
}

fn unavailable(wanted: &str) -> Unavailable {
    let reason = Reason::NotFound { packages: wanted.into(), suites: vec!["bookworm".into()] };
    Unavailable { wanted: wanted.into(), reason, have: Vec::new(), nearest: None }
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A base with this many integer types.
fn base(types: u32) -> Vec<u8> {
    let mut builder = Builder::new(Endian::Little);
    for at in 0..types {
        let name = builder.add_string(format!("int{at}")).unwrap();
        builder.add(&Record::int(name, 4, IntData::new(IntData::SIGNED, 0, 32))).unwrap();
    }
    builder.to_bytes().unwrap()
}

/// A pointer to the last type of a base.
fn split(base: &[u8]) -> Vec<u8> {
    let base = Btf::parse(base).unwrap();
    let mut builder = Builder::over(&base);
    let last = base.alone().own_types().last().unwrap().0;
    builder.add(&Record::reference(Kind::Ptr, StrOff::NONE, last)).unwrap();
    builder.to_bytes().unwrap()
}

/// A module with a `.modinfo`, an import in `__versions`, and possibly a `.BTF`.
fn relocatable(modinfo: &str, btf: Option<&[u8]>) -> Vec<u8> {
    let mut versions = [0; 64];
    versions[0] = 1;
    versions[8..14].copy_from_slice(b"symbol");
    let elf = test_elf::Builder::new(test_elf::X86_64).section(".modinfo", modinfo.as_bytes());
    let elf = elf.section("__versions", &versions);
    btf.map_or_else(|| elf.clone(), |btf| elf.clone().section(".BTF", btf)).bytes()
}

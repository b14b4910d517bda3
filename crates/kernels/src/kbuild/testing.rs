//! A build image for tests: a fake podman that imitates `ci/kernel.sh` in the mounted directories, without a
//! compiler.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::{Build, BuildEnv, Config, KernelConfigs, Request, build};
use crate::cache::Directories as _;
use crate::cache::fixture;
use crate::error::Error;
use crate::source::{self, Source};
use container::Context;
use container::engine::Engine;
use container::image::{Image, Manifest};
use container::testing::Fixture;

/// A fake podman. Its results depend on the source and the fragment. Files in the fixture's directory cause failures:
/// `fails` holds the output of a failing build, `says` additional output, `loses` symbols to drop from the configuration;
/// with `forgets` a build publishes no files. In a sandbox, `barren` makes commands produce nothing, and `mute` hides how
/// they ended.
const PODMAN: &str = r#"
previous= tree= out= recipe= source= external=
for argument; do
    if [ "$previous" = --volume ]; then
        case $argument in
        *:/build) tree=${argument%%:*};;
        *:/out) out=${argument%%:*};;
        *:/recipe:ro) recipe=${argument%%:*};;
        *:/usr/src/linux:ro) source=${argument%%:*};;
        *:/usr/src/external) external=${argument%%:*};;
        esac
    fi
    previous=$argument
done
case "$*" in *kernel.sh*|*workbench.sh*) ;; *) exit 0;; esac
while [ "$1" != kernel.sh ] && [ "$1" != workbench.sh ]; do shift; done
shift
echo "$1" >> DIR/calls
case $1 in
unpack | import | extract)
    case $2 in
    */debs/linux-source*) ;;
    */debs/*) /bin/mkdir -p "$3/usr/bin"; /bin/cp "$2" "$3/usr/bin/$(/bin/cat "$2")"; exit;;
    esac
    [ ! -e DIR/fails ] || { /bin/cat DIR/fails >&2; exit 1; }
    /bin/mkdir -p "$3/scripts"
    : > "$3/scripts/Makefile.modpost"
    if [ "$1" = import ]; then /bin/cp -r "$2/." "$3"
    else printf 'VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 192\n' > "$3/Makefile"; fi;;
patch)
    /bin/cp -al "$2" "$3"
    copy=$3
    shift 3
    for patch; do
        case "$(/bin/cat "$patch")" in *misfit*) echo 'Hunk #1 FAILED at 7.'; exit 1;; esac
        /bin/cat "$patch" >> "$copy/changed"
    done;;
copy) /bin/cp -a "$2" "$3";;
configure)
    if [ -e DIR/loses ]; then /bin/grep -v "$(/bin/cat DIR/loses)" "$recipe/merged.config" > "$tree/.config"
    else /bin/cp "$recipe/merged.config" "$tree/.config"; fi;;
relink) /bin/rm -f "$tree/vmlinux";;
make)
    [ ! -e DIR/hangs ] || exec /bin/sleep 1000
    [ -e "$tree/vmlinux" ] || echo '  LD      vmlinux'
    echo '  CC [M]  a.o'
    [ ! -e DIR/says ] || /bin/cat DIR/says
    [ ! -e DIR/fails ] || { /bin/cat DIR/fails; exit 2; }
    /bin/mkdir -p "$tree/include/config"
    echo 6.1.192-modbtf > "$tree/include/config/kernel.release"
    { /bin/cat "$tree/.config"; [ ! -e "$source/changed" ] || /bin/cat "$source/changed"; } > "$tree/vmlinux";;
collect)
    [ ! -e DIR/forgets ] || { echo 6.1.192-modbtf; exit; }
    /bin/mkdir -p "$out/lib/modules/6.1.192-modbtf/kernel"
    for file in bzImage config Module.symvers vmlinux lib/modules/6.1.192-modbtf/kernel/a.ko; do
        /bin/cp "$tree/vmlinux" "$out/$file"
    done
    echo 6.1.192-modbtf;;
run)
    shift
    if [ "$1" != make ]; then ( cd "$tree" && "$@" 2>&1 ); set -- $?
    else
        directory=
        for argument; do
            case $argument in
            M=/usr/src/linux/*) directory=$source/${argument#M=/usr/src/linux/};;
            M=/usr/src/external/*) directory=$external/${argument#M=/usr/src/external/};;
            esac
            last=$argument
        done
        echo "make ${directory##*/}" >> DIR/calls
        case $* in
        *hangs*) exec /bin/sleep 1000;;
        *modules_install*) updates=$out/lib/modules/6.1.192-modbtf/updates
            /bin/mkdir -p "$updates"; [ -e DIR/barren ] || /bin/cp "$directory"/*.ko "$updates";;
        *M=*) [ -e DIR/barren ] || /bin/cp "$tree/vmlinux" "$directory/${directory##*/}.ko"; echo "  LD [M]  $directory";;
        esac
        [ ! -e DIR/says ] || /bin/cat DIR/says
        if [ -e DIR/fails ]; then /bin/cat DIR/fails; set -- 2; else set -- 0; fi
    fi
    [ -e DIR/mute ] || echo "workbench.sh: status $1 real 1.500 user 2.000 system 0.250" >&2
    echo 'level=warning msg="of the engine"' >&2;;
esac
"#;

/// A cache, and everything that a build in it needs.
pub(crate) struct FakeImage {
    pub(crate) engine: Engine,
    pub(crate) image: Image,
    directory: PathBuf,
}

impl FakeImage {
    pub(crate) fn new(fixture: &Fixture) -> Self {
        let directory = fixture.path().to_owned();
        let program = fixture.program("podman", &PODMAN.replace("DIR", &directory.display().to_string()));
        let engine = Engine::Podman { program, runtime: "runc".into(), version: String::new() };
        let packages = BTreeMap::from([("gcc-14".into(), "14.2.0-19".into()), ("tzdata".into(), "1".into())]);
        let manifest = Manifest { id: "id".into(), qemu: String::new(), packages };
        Self { engine, image: Image { name: "localhost/modbtf-build:1".into(), manifest }, directory }
    }

    pub(crate) fn build_env<'a>(&'a self, context: &'a Context<'a>) -> BuildEnv<'a> {
        BuildEnv { context, engine: &self.engine, image: &self.image, encoder: None }
    }

    /// Turns a failure on or off.
    pub(crate) fn set(&self, what: &str, text: Option<&str>) {
        let path = self.directory.join(what);
        match text {
            Some(text) => fs::write(path, text).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
    }

    /// The script's commands since the last call.
    pub(crate) fn calls(&self) -> Vec<String> {
        let path = self.directory.join("calls");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(&path);
        text.lines().map(str::to_owned).collect()
    }
}

/// A source and configurations: two configurations, one upgrade that applies and one that does not, one external
/// module.
pub(crate) struct Bed {
    pub(crate) fixture: Fixture,
    pub(crate) fake: FakeImage,
    pub(crate) configs: KernelConfigs,
    pub(crate) config: Config,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let fixture = fixture();
        let fake = FakeImage::new(&fixture);
        let root = fixture.path().join("configs");
        for (path, text) in [
            ("fragments/base.config", "CONFIG_A=y\nCONFIG_B=m\n"),
            ("fragments/strict.config", "# CONFIG_C is not set\n"),
            ("fragments/lenient.config", "CONFIG_C=y\n"),
            ("upgrades/grow.patch", "grows"),
            ("upgrades/undo.patch", "undoes"),
            ("upgrades/misfit.patch", "misfit"),
            ("external/probe/Kbuild", "obj-m := probe.o\n"),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::create_dir(fixture.path().join("linux")).unwrap();
        let makefile = "VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 192\n";
        fs::write(fixture.path().join("linux/Makefile"), makefile).unwrap();
        fs::create_dir(fixture.path().join("linux/scripts")).unwrap();
        fs::write(fixture.path().join("linux/scripts/Makefile.modpost"), "").unwrap();
        fs::create_dir_all(fixture.path().join("linux/fs/fuse")).unwrap();
        for name in ["Makefile", "dev.c"] {
            fs::write(fixture.path().join("linux/fs/fuse").join(name), name).unwrap();
        }
        Self { fixture, fake, configs: KernelConfigs::at(root), config: Config::new(&["strict"]) }
    }

    pub(crate) fn source(&self, build_env: &BuildEnv<'_>) -> Result<Source, Error> {
        source::own(build_env, &self.fixture.path().join("linux"))
    }

    pub(crate) fn request<'a>(&'a self, source: &'a Source, upgrade: Option<&'a str>) -> Request<'a> {
        Request { source, configs: &self.configs, config: &self.config, upgrade }
    }

    pub(crate) fn build_in(&self, context: &Context<'_>, upgrade: Option<&str>) -> Result<Build, Error> {
        let build_env = self.fake.build_env(context);
        let source = self.source(&build_env)?;
        build(&build_env, &self.request(&source, upgrade))
    }

    pub(crate) fn build(&self, upgrade: Option<&str>) -> Result<Build, Error> {
        self.build_in(&self.fixture.context(), upgrade)
    }

    /// The entries in the cache that a failed build must not add.
    pub(crate) fn published(&self) -> Vec<String> {
        let cache = self.fixture.context().cache;
        let names = |parent: PathBuf| fs::read_dir(parent).unwrap().map(|entry| entry.unwrap().file_name());
        let mut all: Vec<String> = [cache.builds(), cache.trees(), cache.benches(), cache.root().join("tmp")]
            .into_iter()
            .flat_map(names)
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        all.sort();
        all
    }
}

//! A build image for tests: a podman that does what `ci/kernel.sh` would, in the directories that are mounted, with no compiler.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::Workshop;
use crate::Context;
use crate::engine::Engine;
use crate::image::{Image, Manifest};
use crate::testing::Fixture;

/// What comes out depends on the source and the fragment. Files in the fixture's directory make it go wrong: `fails` with what is
/// printed, `says` with what is printed besides, `loses` with what is dropped from the configuration, `forgets`.
const PODMAN: &str = r#"
previous= tree= out= recipe= source=
for argument; do
    if [ "$previous" = --volume ]; then
        case $argument in
        *:/build) tree=${argument%%:*};;
        *:/out) out=${argument%%:*};;
        *:/recipe:ro) recipe=${argument%%:*};;
        *:/usr/src/linux:ro) source=${argument%%:*};;
        esac
    fi
    previous=$argument
done
case "$*" in *kernel.sh*) ;; *) exit 0;; esac
while [ "$1" != kernel.sh ]; do shift; done
shift
echo "$1" >> DIR/calls
case $1 in
unpack | import | extract)
    [ ! -e DIR/fails ] || { /bin/cat DIR/fails >&2; exit 1; }
    /bin/mkdir -p "$3/scripts"
    : > "$3/scripts/Makefile.modpost"
    if [ "$1" = import ]; then /bin/cp "$2/Makefile" "$3/Makefile"
    else printf 'VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 192\n' > "$3/Makefile"; fi;;
patch)
    /bin/cp -al "$2" "$3"
    case "$(/bin/cat "$4")" in *misfit*) echo 'Hunk #1 FAILED at 7.'; exit 1;; esac
    /bin/cp "$4" "$3/changed";;
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
    { /bin/cat "$tree/.config"; [ ! -e "$source/changed" ] || /bin/cat "$source/changed"; } > "$tree/vmlinux";;
collect)
    [ ! -e DIR/forgets ] || { echo 6.1.192-modbtf; exit; }
    /bin/mkdir -p "$out/lib/modules/6.1.192-modbtf/kernel"
    for file in bzImage config Module.symvers vmlinux lib/modules/6.1.192-modbtf/kernel/a.ko; do
        /bin/cp "$tree/vmlinux" "$out/$file"
    done
    echo 6.1.192-modbtf;;
esac
"#;

/// A cache, and all that building in it needs.
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

    pub(crate) fn workshop<'a>(&'a self, context: &'a Context<'a>) -> Workshop<'a> {
        Workshop { context, engine: &self.engine, image: &self.image }
    }

    /// Makes something go wrong, or right again.
    pub(crate) fn set(&self, what: &str, text: Option<&str>) {
        let path = self.directory.join(what);
        match text {
            Some(text) => fs::write(path, text).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
    }

    /// The commands of the script that were run since the last time.
    pub(crate) fn calls(&self) -> Vec<String> {
        let path = self.directory.join("calls");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(&path);
        text.lines().map(str::to_owned).collect()
    }
}

//! Tests of `ci/archive.sh` itself, with scripts in place of apt and dpkg.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ci/archive.sh");

/// A directory whose programs take precedence over the system's.
struct Fixture(TempDir);

impl Fixture {
    /// Creates these programs, each a shell script.
    fn new(programs: &[(&str, &str)]) -> Self {
        let fixture = Self(tempfile::tempdir().unwrap());
        fs::create_dir(fixture.path("bin")).unwrap();
        for (name, script) in programs {
            // Another process writes the file: if this one did, a concurrent fork could inherit the descriptor and
            // keep the file busy.
            let write = ["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod +x \"$2\"", "sh", script];
            let written = Command::new("sh").args(write).arg(fixture.path("bin").join(name)).status().unwrap();
            assert!(written.success());
        }
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&Path]) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", self.path("bin").display());
        Command::new("sh").arg(SCRIPT).args(arguments).env("PATH", path).output().unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A fake apt whose suites `one` and `two` have the lists `STATE/one` and `STATE/two`.
const APT: &str = r#"case "$*" in
*update) exit 0;;
*indextargets*) state=${APT_CONFIG%/apt.conf}; echo "one $state/one"; echo "two $state/two";;
*) exit 64;;
esac"#;

const LIST: &str = "Package: bash\nVersion: 1\n\n\
                    Package: linux-image-6.1.0-1-amd64-unsigned\nVersion: 6.1.1-1\nInstalled-Size: 9\nSize: 5\n\
                    Description: a kernel\n Size: 7\nSHA256: ab\n\n\
                    Package: linux-image-amd64\nVersion: 6.1.1-1\n";

#[test]
fn kernels_are_listed_by_suite_and_nothing_else_is() {
    let fixture = Fixture::new(&[("apt-get", APT), ("apt-helper", "cat \"$2\"")]);
    fs::write(fixture.path("one"), LIST).unwrap();
    fs::write(fixture.path("two"), "").unwrap();
    let output = fixture.run(&[Path::new("index"), fixture.0.path()]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "one linux-image-6.1.0-1-amd64-unsigned 6.1.1-1 5 9 ab\n");
}

#[test]
fn signed_kernels_and_the_images_of_split_packages_are_listed() {
    let fixture = Fixture::new(&[("apt-get", APT), ("apt-helper", "cat \"$2\"")]);
    let names = ["linux-image-6.12.1+deb13-cloud-amd64", "linux-binary-7.2.13+deb14-cloud-amd64"];
    let others =
        ["linux-image-cloud-amd64", "linux-headers-6.12.1+deb13-cloud-amd64", "linux-modules-7.2.13+deb14-cloud-amd64"];
    let entry = |name: &&str| format!("Package: {name}\nVersion: 1\nInstalled-Size: 9\nSize: 5\nSHA256: ab\n\n");
    fs::write(fixture.path("one"), names.iter().chain(&others).map(entry).collect::<String>()).unwrap();
    fs::write(fixture.path("two"), "").unwrap();
    let output = fixture.run(&[Path::new("index"), fixture.0.path()]);
    let listed: String = names.iter().map(|name| format!("one {name} 1 5 9 ab\n")).collect();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), listed);
}

#[test]
fn debug_information_is_listed_and_what_only_depends_on_the_newest_is_not() {
    let fixture = Fixture::new(&[("apt-get", APT), ("apt-helper", "cat \"$2\"")]);
    let list = "Package: linux-image-amd64-dbg\nVersion: 6.1\nSize: 1\nSHA256: aa\n\n\
                Package: linux-image-6.1.0-1-amd64-dbg\nVersion: 6.1.1-1\nInstalled-Size: 9\nSize: 5\nSHA256: ab\n";
    fs::write(fixture.path("one"), list).unwrap();
    fs::write(fixture.path("two"), "").unwrap();
    let output = fixture.run(&[Path::new("index"), fixture.0.path()]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "one linux-image-6.1.0-1-amd64-dbg 6.1.1-1 5 9 ab\n");
}

#[test]
fn every_package_of_a_pinned_tool_is_listed_and_none_that_is_called_alike() {
    let fixture = Fixture::new(&[("apt-get", APT), ("apt-helper", "cat \"$2\"")]);
    let pins = kernels::tools::ToolPins::builtin().unwrap();
    let names: Vec<_> = pins.tools.iter().flat_map(|tool| &tool.packages).map(|pin| pin.package.as_str()).collect();
    let entry = |name: &str| format!("Package: {name}\nVersion: 1\nInstalled-Size: 9\nSize: 5\nSHA256: ab\n\n");
    let alike = names.iter().map(|name| entry(&format!("{name}-dbgsym")) + &entry(&format!("x{name}")));
    fs::write(fixture.path("one"), names.iter().map(|name| entry(name)).chain(alike).collect::<String>()).unwrap();
    fs::write(fixture.path("two"), "").unwrap();
    let output = fixture.run(&[Path::new("index"), fixture.0.path()]);
    let listed: String = names.iter().map(|name| format!("one {name} 1 5 9 ab\n")).collect();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), listed);
}

#[test]
fn kernel_sources_are_listed_and_what_only_depends_on_the_newest_is_not() {
    let fixture = Fixture::new(&[("apt-get", APT), ("apt-helper", "cat \"$2\"")]);
    let list = "Package: linux-source\nVersion: 6.1\nSize: 1\nSHA256: aa\n\n\
                Package: linux-source-6.1\nVersion: 6.1.192-2\nInstalled-Size: 9\nSize: 5\nSHA256: ab\n";
    fs::write(fixture.path("one"), "").unwrap();
    fs::write(fixture.path("two"), list).unwrap();
    let output = fixture.run(&[Path::new("index"), fixture.0.path()]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "two linux-source-6.1 6.1.192-2 5 9 ab\n");
}

#[test]
fn a_list_that_breaks_off_is_no_shorter_list() {
    let breaks = "cat \"$2\"; case $2 in *one) exit 100;; esac";
    let fixture = Fixture::new(&[("apt-get", APT), ("apt-helper", breaks)]);
    fs::write(fixture.path("one"), LIST).unwrap();
    fs::write(fixture.path("two"), LIST).unwrap();
    let output = fixture.run(&[Path::new("index"), fixture.0.path()]);
    assert!(!output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("the list of one is unreadable"), "{}", said(&output));

    let fixture = Fixture::new(&[("apt-get", "case \"$*\" in *update) exit 0;; *) exit 100;; esac")]);
    let output = fixture.run(&[Path::new("index"), fixture.0.path()]);
    assert_eq!(output.status.code(), Some(100), "{}", said(&output));
}

/// A fake dpkg-deb that prints the package unchanged, and fails if the package's name says so.
const DPKG_DEB: &str = "cat \"$2\"; case $2 in *damaged*) exit 2;; esac";

/// A kernel's package.
fn package(fixture: &Fixture, name: &str) -> PathBuf {
    let files = ["boot/vmlinuz-1", "boot/System.map-1", "usr/lib/modules/1/kernel/a.ko", "usr/share/doc/x"];
    package_of(fixture, name, &files)
}

/// A package containing these files as a tar archive.
fn package_of(fixture: &Fixture, name: &str, files: &[&str]) -> PathBuf {
    let tree = fixture.path("tree");
    for file in files {
        let file = tree.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "x").unwrap();
    }
    let package = fixture.path(name);
    let packed = Command::new("tar").arg("-C").arg(&tree).arg("-cf").arg(&package).arg(".").status().unwrap();
    assert!(packed.success());
    package
}

#[test]
fn unpack_finds_the_boot_image_in_any_directory() {
    let fixture = Fixture::new(&[("dpkg-deb", DPKG_DEB)]);
    let (one, two) = (package(&fixture, "it's $(one) \"a\".deb"), package(&fixture, "two.deb"));
    let (first, second) = (fixture.path("in 'here'  $(x)"), fixture.path("-2"));
    let output = fixture.run(&[Path::new("unpack"), Path::new("2"), &one, &first, &two, &second]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 2);
    for directory in [first, second] {
        assert!(
            directory.join("boot/vmlinuz-1").is_file() && directory.join("usr/lib/modules/1/kernel/a.ko").is_file()
        );
        assert!(!directory.join("boot/System.map-1").exists() && !directory.join("usr/share").exists());
    }
}

#[test]
fn unpack_of_debug_information_takes_the_kernel_and_its_modules() {
    let fixture = Fixture::new(&[("dpkg-deb", DPKG_DEB)]);
    let [vmlinux, module] = ["usr/lib/debug/boot/vmlinux-1", "usr/lib/debug/lib/modules/1/kernel/a.ko"];
    let others = ["usr/lib/debug/boot/System.map-1", "usr/lib/debug/.build-id/36/x.debug"];
    let files: Vec<&str> = [vmlinux, module].into_iter().chain(others).collect();
    let (deb, into) = (package_of(&fixture, "linux-image-1-dbg_1_amd64.deb", &files), fixture.path("into"));
    let output = fixture.run(&[Path::new("unpack"), Path::new("1"), &deb, &into]);
    assert!(output.status.success(), "{}", said(&output));
    assert!([vmlinux, module].iter().all(|file| into.join(file).is_file()));
    assert!(others.iter().all(|file| !into.join(file).exists()));
}

#[test]
fn a_package_that_is_damaged_at_its_end_is_not_unpacked() {
    let fixture = Fixture::new(&[("dpkg-deb", DPKG_DEB)]);
    let (good, bad) = (package(&fixture, "good.deb"), package(&fixture, "damaged.deb"));
    let (first, second) = (fixture.path("first"), fixture.path("second"));
    let output = fixture.run(&[Path::new("unpack"), Path::new("1"), &bad, &first, &good, &second]);
    assert!(!output.status.success(), "{}", said(&output));
    assert!(!said(&output).contains(&format!("unpacked {}", first.display())), "{}", said(&output));
}

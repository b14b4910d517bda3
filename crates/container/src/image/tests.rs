//! Tests of making images, with a shell script as engine.

use std::fs;

use super::{ImageDefinition, prepare};
use crate::context::Context;
use crate::engine::Engine;
use crate::error::Error;
use crate::testing::Fixture;

const BOOT: ImageDefinition = ImageDefinition { name: "boot", containerfile: "ARG BASE", below: None };
const BUILD: ImageDefinition = ImageDefinition { name: "build", containerfile: "ARG BOOT", below: Some(&BOOT) };

/// A fake podman that stores images as files and logs its commands.
fn podman(fixture: &Fixture, build: &str) -> Engine {
    let dir = fixture.path().display().to_string();
    let script = format!(
        r#"shift 2; echo "$1" >> {dir}/log
for last; do :; done
case $1 in
image) f={dir}/image-$(echo "$last" | /bin/tr '/:' '__'); [ -e "$f" ] || exit 1; echo id-of-it;;
pull) [ -e {dir}/registry ] && : > {dir}/image-debian_trixie-slim && exit; echo 'Error: initializing source: pinging registry: no such host' >&2; exit 125;;
ps) [ -e {dir}/working ] && echo 'abc modbtf-base-working-container'; echo 'def other-working-container'; :;;
rm) echo "removed $last" >> {dir}/log;;
import | tag) : > {dir}/image-$(echo "$last" | /bin/tr '/:' '__');;
build) {build}; shift 3; : > {dir}/image-$(echo "$1" | /bin/tr '/:' '__');;
run) echo 'QEMU emulator version 9'; echo 'apt 3.0'; echo 'qemu-system-x86 1:9+ds-1';;
esac"#
    );
    let program = fixture.program("podman", &script);
    Engine::Podman { program, runtime: "runc".into(), version: String::new() }
}

fn log(fixture: &Fixture) -> Vec<String> {
    let text = fs::read_to_string(fixture.path().join("log")).unwrap_or_default();
    let _ = fs::remove_file(fixture.path().join("log"));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_boot_image_is_made_once_from_a_base_that_is_made_where_no_registry_answers() {
    let fixture = Fixture::new();
    fixture.program("mmdebstrap", "exit 0");
    let engine = podman(&fixture, "[ \"$2\" = --network=host ]");
    let image = prepare(&fixture.context(), &engine, &BOOT).unwrap();
    assert_eq!(image.name, BOOT.image_name());
    assert_eq!(image.manifest.qemu, "QEMU emulator version 9");
    assert_eq!(image.manifest.packages["qemu-system-x86"], "1:9+ds-1");
    let calls = log(&fixture);
    let steps: Vec<_> = calls.iter().map(String::as_str).filter(|call| *call != "image").collect();
    assert_eq!(steps, ["pull", "import", "ps", "build", "run"]);

    let offline = Context { offline: true, ..fixture.context() };
    assert_eq!(prepare(&offline, &engine, &BOOT).unwrap(), image);
    assert_eq!(log(&fixture), ["image"], "warm, the engine is asked one question");
}

#[test]
fn a_base_that_a_registry_has_is_pulled() {
    let fixture = Fixture::new();
    fs::write(fixture.path().join("registry"), "").unwrap();
    prepare(&fixture.context(), &podman(&fixture, ":"), &BOOT).unwrap();
    let calls = log(&fixture);
    let steps: Vec<_> = calls.iter().map(String::as_str).filter(|call| *call != "image").collect();
    assert_eq!(steps, ["pull", "tag", "ps", "build", "run"]);
}

#[test]
fn a_base_for_a_mirror_by_https_is_made_with_certificates() {
    let fixture = Fixture::new();
    fs::write(fixture.path().join("registry"), "").unwrap();
    let arguments = fixture.path().join("arguments");
    fixture.program("mmdebstrap", &format!("echo \"$*\" > {}", arguments.display()));
    let (archive, security) = (Some("http://a.invalid/debian"), Some("https://a.invalid/debian-security"));
    let apt = crate::apt_config::AptSettings::of_machine(&fixture.programs(), archive, security).unwrap();
    let context = Context { apt: &apt, ..fixture.context() };
    prepare(&context, &podman(&fixture, ":"), &BOOT).unwrap();
    assert!(!log(&fixture).contains(&"pull".to_owned()));
    assert!(fs::read_to_string(arguments).unwrap().contains("--include=ca-certificates"));
}

#[test]
fn a_build_that_fails_leaves_no_working_container() {
    let fixture = Fixture::new();
    fs::write(fixture.path().join("registry"), "").unwrap();
    let engine = podman(&fixture, &format!(": > {}/working; exit 1", fixture.path().display()));
    assert!(prepare(&fixture.context(), &engine, &BOOT).is_err());
    let calls = log(&fixture);
    let removed: Vec<_> = calls.iter().filter(|call| call.starts_with("removed")).collect();
    assert_eq!(removed, ["removed abc"]);
}

#[test]
fn the_build_image_stands_on_the_boot_image() {
    let fixture = Fixture::new();
    fixture.program("mmdebstrap", "exit 0");
    let engine = podman(&fixture, ":");
    prepare(&fixture.context(), &engine, &BUILD).unwrap();
    let calls = log(&fixture);
    assert_eq!(calls.iter().filter(|call| *call == "build").count(), 2);
    assert_ne!(BOOT.image_name(), BUILD.image_name());
}

#[test]
fn prepare_reports_a_missing_image_when_offline() {
    let fixture = Fixture::new();
    let engine = podman(&fixture, ":");
    let offline = Context { offline: true, ..fixture.context() };
    let error = prepare(&offline, &engine, &BOOT).unwrap_err();
    assert!(matches!(&error, Error::OfflineImage { image } if *image == BOOT.image_name()), "{error}");
}

#[test]
fn a_failed_build_shows_its_end_and_leaves_no_image() {
    let fixture = Fixture::new();
    fixture.program("mmdebstrap", "exit 0");
    let engine = podman(&fixture, "echo 'E: Unable to locate package qemu' >&2; exit 100");
    let error = prepare(&fixture.context(), &engine, &BOOT).unwrap_err();
    assert!(error.to_string().contains("Unable to locate package qemu"), "{error}");
    let engine = podman(&fixture, "echo 'write: No space left on device' >&2; exit 1");
    let error = prepare(&fixture.context(), &engine, &BOOT).unwrap_err();
    assert!(matches!(error, Error::DiskFull { .. }), "{error}");
    assert!(prepare(&fixture.context(), &podman(&fixture, ":"), &BOOT).is_ok(), "the next run is right");
}

#[test]
fn image_name_changes_with_what_is_below() {
    let other = ImageDefinition { containerfile: "ARG BASE\nRUN x", ..BOOT };
    assert_ne!(BOOT.image_name(), other.image_name());
    let names = [Some(&BOOT), None].map(|below| ImageDefinition { below, ..BUILD }.image_name());
    assert_ne!(names[0], names[1]);
}

//! Archives that the tools of distributions made.

use std::ops::ControlFlow;

use archives::{Archive, ArchiveKind, EntryKind, KernelFile};

use crate::exercise;
use crate::make::visit;

const RELEASE: &str = "6.12.115+deb13-cloud-amd64";

fn samples(prefix: &str) -> Vec<(String, Vec<u8>)> {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples")).expect("it is there");
    let files = folder.map(|file| file.expect("readable"));
    let named = files.map(|file| (file.file_name().to_string_lossy().into_owned(), file.path()));
    let mut found: Vec<_> = named.filter(|(name, _)| name.starts_with(prefix) && !name.ends_with(".md")).collect();
    found.sort();
    found.into_iter().map(|(name, path)| (name, std::fs::read(path).expect("readable"))).collect()
}

#[test]
fn the_module_is_found_in_every_sample() {
    let samples = samples("");
    assert_eq!(samples.len(), 11);
    for (name, bytes) in samples {
        let archive = Archive::from_bytes(bytes).expect(&name).expect(&name);
        let (mut modules, mut links) = (0, 0);
        let visited = archive.visit(&mut |entry| {
            links += usize::from(entry.kind() == EntryKind::Symlink);
            if let Some(KernelFile::Module { release, path }) = entry.kernel_file() {
                assert_eq!((release, path), (RELEASE, "kernel/lib/crc-itu-t.ko.xz"), "{name}");
                modules += 1;
                let module = entry.module()?;
                assert_eq!(module.btf().map(<[u8]>::len), Some(0x5e), "{name}");
            }
            Ok(ControlFlow::Continue(()))
        });
        let segments = visited.expect(&name);
        assert_eq!((modules, links), (1, 1), "{name}");
        let count = if archive.kind() == ArchiveKind::Initramfs { 2 } else { 0 };
        assert_eq!(segments.len(), count, "{name}");
    }
}

#[test]
fn packages_name_themselves() {
    for (prefix, kind, expected) in [
        ("linux-image", ArchiveKind::Deb, ["linux-image", "6.12.115-1", "amd64"]),
        ("kernel-core", ArchiveKind::Rpm, ["kernel-core", "6.12.115-1", "noarch"]),
        ("linux.pkg", ArchiveKind::Tar, ["linux", "6.12.115-1", "x86_64"]),
        ("linux-lts", ArchiveKind::Tar, ["linux-lts", "6.12.115-r0", "x86_64"]),
    ] {
        for (name, bytes) in samples(prefix) {
            let archive = Archive::from_bytes(bytes).expect(&name).expect(&name);
            let id = archive.package_id().expect(&name).expect(&name);
            assert_eq!(archive.kind(), kind);
            assert_eq!([&id.name[..], &id.version, &id.architecture], expected);
        }
    }
    let (name, bytes) = samples("initrd").remove(0);
    assert_eq!(Archive::from_bytes(bytes).expect(&name).expect(&name).package_id().expect(&name), None);
}

#[test]
fn samples_are_refused_wherever_they_are_cut() {
    for (name, bytes) in samples("") {
        for cut in (0..bytes.len()).step_by(97) {
            let Ok(Some(archive)) = Archive::from_bytes(bytes[..cut].to_vec()) else { continue };
            // An initramfs may end after any of its archives.
            if archive.kind() != ArchiveKind::Initramfs {
                visit(&archive).expect_err(&name);
            }
            exercise::archive(&bytes[..cut]);
        }
    }
}

//! Tests that a packed archive can be read back, is in the kernel's order, and depends only on its content.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use cpio::newc::Reader;
use guest_protocol::{PROTOCOL, Plan};
use vm::{EntrySource, Initramfs, InitramfsError};

fn empty_plan() -> Plan {
    Plan { protocol: PROTOCOL, steps: Vec::new() }
}

fn new(directory: &Path) -> Initramfs {
    let init = directory.join("guest-init");
    fs::write(&init, b"\x7fELF").unwrap();
    Initramfs::new(init, &empty_plan()).unwrap()
}

/// Name, mode, owner and numbers, and content of each entry.
fn read(archive: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let mut entries = Vec::new();
    let mut inner = File::open(archive).unwrap();
    loop {
        let mut reader = Reader::new(inner).unwrap();
        let entry = reader.entry().clone();
        if entry.is_trailer() {
            return entries;
        }
        assert_eq!((entry.uid(), entry.gid(), entry.mtime()), (0, 0, 0), "{}", entry.name());
        assert_eq!(entry.ino(), entries.len() as u32 + 1, "{}", entry.name());
        if entry.name() == "dev/console" {
            assert_eq!((entry.rdev_major(), entry.rdev_minor()), (5, 1));
        }
        let mut content = Vec::new();
        reader.read_to_end(&mut content).unwrap();
        entries.push((entry.name().to_owned(), entry.mode(), content));
        inner = reader.finish().unwrap();
    }
}

#[test]
fn everything_is_read_back_in_order_and_with_its_directories() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("b.ko");
    fs::write(&module, b"12345").unwrap();
    let mut initramfs = new(directory.path());
    initramfs.add("/modules/1/b.ko", EntrySource::File(module)).unwrap();
    initramfs.add("/modules-x", EntrySource::Bytes(b"123".to_vec())).unwrap();
    initramfs.add("/modules/0/a.ko", EntrySource::Bytes(Vec::new())).unwrap();
    let archive = directory.path().join("initramfs");
    let length = initramfs.write(&archive).unwrap();
    assert_eq!(length, fs::metadata(&archive).unwrap().len());

    let plan = serde_json::to_vec(&empty_plan()).unwrap();
    let (dir, file) = (0o040_755, 0o100_644);
    let expected: [(&str, u32, &[u8]); 10] = [
        ("dev", dir, b""),
        ("dev/console", 0o020_600, b""),
        ("init", 0o100_755, b"\x7fELF"),
        ("modules", dir, b""),
        ("modules-x", file, b"123"),
        ("modules/0", dir, b""),
        ("modules/0/a.ko", file, b""),
        ("modules/1", dir, b""),
        ("modules/1/b.ko", file, b"12345"),
        ("plan.json", file, &plan),
    ];
    let expected = expected.map(|(name, mode, content)| (name.to_owned(), mode, content.to_vec()));
    assert_eq!(read(&archive), expected);
}

#[test]
fn the_same_content_is_the_same_bytes_whatever_the_order_and_the_time() {
    let directory = tempfile::tempdir().unwrap();
    let archives = ["first", "second"].map(|name| directory.path().join(name));
    for (archive, order) in archives.iter().zip([["a", "b"], ["b", "a"]]) {
        let mut initramfs = new(directory.path());
        for name in order {
            let file = directory.path().join(format!("{name}-{}", archive.file_name().unwrap().display()));
            fs::write(&file, name).unwrap();
            initramfs.add(&format!("/modules/{name}"), EntrySource::File(file)).unwrap();
        }
        initramfs.write(archive).unwrap();
    }
    assert_eq!(fs::read(&archives[0]).unwrap(), fs::read(&archives[1]).unwrap());
}

#[test]
fn a_path_that_the_kernel_would_not_unpack_as_written_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut initramfs = new(directory.path());
    let long = format!("/{}", "x".repeat(4096));
    for path in ["", "/", "a", "//a", "/a/", "/a/../b", "/./a", "/a\0b", "/TRAILER!!!", &long] {
        let error = initramfs.add(path, EntrySource::Bytes(Vec::new())).unwrap_err();
        assert!(matches!(error, InitramfsError::Path { .. }), "{path:?}: {error}");
    }
}

#[test]
fn add_refuses_a_path_twice_or_below_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let mut initramfs = new(directory.path());
    initramfs.add("/a/b", EntrySource::Bytes(Vec::new())).unwrap();
    for path in ["/a/b", "/a", "/a/b/c", "/init", "/plan.json", "/dev", "/dev/console", "/dev/console/x"] {
        let error = initramfs.add(path, EntrySource::Bytes(Vec::new())).unwrap_err();
        assert!(matches!(error, InitramfsError::Occupied { .. }), "{path:?}: {error}");
    }
}

#[test]
fn a_failed_write_leaves_the_old_archive_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let target = tempfile::tempdir().unwrap();
    let archive = target.path().join("initramfs");
    fs::write(&archive, b"old").unwrap();
    let mut initramfs = new(directory.path());
    initramfs.add("/modules/gone.ko", EntrySource::File(directory.path().join("gone.ko"))).unwrap();
    let error = initramfs.write(&archive).unwrap_err();
    assert!(error.to_string().contains("/modules/gone.ko"), "{error}");
    assert_eq!(fs::read(&archive).unwrap(), b"old");
    assert_eq!(fs::read_dir(target.path()).unwrap().count(), 1);
}

//! Packages of each format.

use std::ops::ControlFlow;

use archives::{Archive, ArchiveKind, EntryKind, Limits, Part};
use kmod::Compression;

use crate::make::{Shown, all, ar, compress, cpio, newc, open, refused, rpm, rpm_header, tar, visit};

const MODULE: &str = "usr/lib/modules/6.1.0/kernel/a.ko";

fn file(path: &str, part: Part, content: &[u8]) -> Shown {
    Shown { path: path.into(), kind: EntryKind::File, target: None, part, content: content.into() }
}

const CONTROL: &[u8] =
    b"Package: linux-image\nSource: linux\nVersion: 6.1-1\nArchitecture: amd64\nDescription: x\n y\n";

fn deb(compression: Option<Compression>) -> Vec<u8> {
    let compress = |bytes| compression.map_or_else(|| tar(bytes), |how| compress(how, &tar(bytes)));
    let (control, data) =
        (compress(&[("./control", CONTROL)]), compress(&[("./usr/lib/modules/6.1.0/kernel/a.ko", b"module")]));
    ar(&[("debian-binary", b"2.0\n"), ("_ignored", b"odd"), ("control.tar.xz", &control), ("data.tar.xz/", &data)])
}

#[test]
fn a_deb_has_two_parts_of_any_compression() {
    for compression in
        [None, Some(Compression::Gzip), Some(Compression::Xz), Some(Compression::Zstd), Some(Compression::Bzip2)]
    {
        let archive = open(deb(compression));
        assert_eq!(archive.kind(), ArchiveKind::Deb);
        let (entries, segments) = visit(&archive).expect("well-formed");
        assert_eq!(entries, [file("control", Part::Control, CONTROL), file(MODULE, Part::Data, b"module")]);
        assert_eq!(segments, []);
        let id = archive.package_id().expect("well-formed").expect("it has one");
        assert_eq!((&id.name[..], &id.version[..], &id.architecture[..]), ("linux-image", "6.1-1", "amd64"));
    }
}

#[test]
fn a_visitor_can_stop_and_read_nothing() {
    let archive = open(deb(Some(Compression::Xz)));
    let mut count = 0;
    archive
        .visit(&mut |_| {
            count += 1;
            Ok(ControlFlow::Continue(()))
        })
        .expect("what is not read is passed over");
    assert_eq!(count, 2);
    archive
        .visit(&mut |_| {
            count += 1;
            Ok(ControlFlow::Break(()))
        })
        .expect("it ends");
    assert_eq!(count, 3);
}

#[test]
fn packages_of_tar_have_the_package_manager_s_own_files() {
    let info = b"# made by hand\npkgname = linux\npkgver = 6.1.arch1-1\narch = x86_64\n";
    let arch = tar(&[(".PKGINFO", info), (".MTREE", b"m"), (MODULE, b"module")]);
    for compression in [Compression::Zstd, Compression::Xz, Compression::Gzip] {
        let archive = open(compress(compression, &arch));
        assert_eq!(archive.kind(), ArchiveKind::Tar);
        let (entries, _) = visit(&archive).expect("well-formed");
        let expected = [
            file(".PKGINFO", Part::Control, info),
            file(".MTREE", Part::Control, b"m"),
            file(MODULE, Part::Data, b"module"),
        ];
        assert_eq!(entries, expected);
        assert_eq!(archive.package_id().expect("well-formed").expect("it has one").version, "6.1.arch1-1");
    }
}

#[test]
fn an_apk_is_several_streams() {
    let members: [&[(&str, &[u8])]; 3] =
        [&[(".SIGN.RSA.a", b"s")], &[(".PKGINFO", b"pkgname = a\n")], &[(MODULE, b"module")]];
    let apk = members.map(|files| compress(Compression::Gzip, &tar(files))).concat();
    let paths: Vec<_> = all(apk.clone()).0.into_iter().map(|shown| shown.path).collect();
    assert_eq!(paths, [".SIGN.RSA.a", ".PKGINFO", MODULE]);
    assert_eq!(open(apk).package_id().expect("well-formed"), None, "it has no version");
    assert!(refused(b"ADBd and more".to_vec()).contains("apk-tools 3"));
}

#[test]
fn long_paths_and_links_of_tar_are_read() {
    let long = format!("usr/{}/a", "x".repeat(300));
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    builder.append_data(&mut header, &long, &b"x"[..]).expect("to memory");
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    builder.append_link(&mut link, "usr/link", &long).expect("to memory");
    let pax = format!("{} path=usr/pax\n", "16");
    let mut extended = tar::Header::new_ustar();
    extended.set_entry_type(tar::EntryType::XHeader);
    extended.set_size(pax.len() as u64);
    extended.set_cksum();
    builder.append(&extended, pax.as_bytes()).expect("to memory");
    let mut short = tar::Header::new_ustar();
    short.set_size(0);
    builder.append_data(&mut short, "short", &b""[..]).expect("to memory");
    let (entries, _) = all(builder.into_inner().expect("to memory"));
    assert_eq!(entries[0], file(&long, Part::Data, b"x"));
    assert_eq!((entries[1].kind, entries[1].target.as_deref()), (EntryKind::Symlink, Some(&long[..])));
    assert_eq!(entries[2].path, "usr/pax");
}

fn strings(strings: &[&str]) -> Vec<u8> {
    strings.iter().flat_map(|text| [text.as_bytes(), b"\0"].concat()).collect()
}

fn described(more: Vec<(u32, u32, u32, Vec<u8>)>) -> Vec<u8> {
    let own = [(1000, "kernel-core"), (1001, "6.1"), (1002, "200.fc41"), (1022, "x86_64"), (1124, "cpio")];
    let own = own.map(|(tag, text)| (tag, 6, 1, strings(&[text])));
    rpm_header(&own.into_iter().chain(more).collect::<Vec<_>>())
}

#[test]
fn an_rpm_has_a_payload_of_any_compression() {
    let payload = cpio(&[("./usr/lib", b""), ("./usr/lib/modules/6.1.0/kernel/a.ko", b"module")]);
    for compression in
        [None, Some(Compression::Gzip), Some(Compression::Xz), Some(Compression::Zstd), Some(Compression::Lzma)]
    {
        let packed = compression.map_or_else(|| payload.clone(), |how| compress(how, &payload));
        let archive = open(rpm(&described(vec![]), &packed));
        let (entries, _) = visit(&archive).expect("well-formed");
        assert_eq!((archive.kind(), entries.len()), (ArchiveKind::Rpm, 2));
        assert_eq!(entries[0].kind, EntryKind::Directory);
        assert_eq!(entries[1], file(MODULE, Part::Data, b"module"));
        let id = archive.package_id().expect("well-formed").expect("it has one");
        assert_eq!((&id.name[..], &id.version[..]), ("kernel-core", "6.1-200.fc41"));
    }
}

fn stripped(index: u32, content: &[u8]) -> Vec<u8> {
    let mut out = format!("07070X{index:08x}\0\0").into_bytes();
    out.extend(content);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

#[test]
fn stripped_headers_are_completed_from_the_package_s_header() {
    let numbers = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
    let lists = |sizes: (u32, u32, u32, Vec<u8>)| {
        described(vec![
            sizes,
            (1030, 3, 3, [0o040_755_u16, 0o100_644, 0o120_777].iter().flat_map(|mode| mode.to_be_bytes()).collect()),
            (1116, 4, 3, numbers(&[0, 1, 0])),
            (1117, 8, 3, strings(&["lib", "a.ko", "link"])),
            (1118, 8, 2, strings(&["/usr/", "/usr/lib/modules/6.1.0/kernel/"])),
        ])
    };
    let payload =
        [stripped(0, b""), stripped(1, b"module"), stripped(2, b"to"), newc("TRAILER!!!", 0, 1, b"")].concat();
    let short = (1028, 4, 3, numbers(&[4096, 6, 2]));
    let long = (5008, 5, 3, numbers(&[0, 4096, 0, 6, 0, 2]));
    for sizes in [short.clone(), long] {
        let (entries, _) = all(rpm(&lists(sizes), &compress(Compression::Zstd, &payload)));
        assert_eq!((&entries[0].path[..], entries[0].kind), ("usr/lib", EntryKind::Directory));
        assert_eq!(entries[1], file(MODULE, Part::Data, b"module"));
        assert_eq!((entries[2].kind, entries[2].target.as_deref()), (EntryKind::Symlink, Some("to")));
    }
    let text = refused(rpm(&lists(short), &stripped(3, b"x")));
    assert!(text.contains("cannot read the cpio header at offset 0x0: the package has no file 3"), "{text}");
}

#[test]
fn a_file_is_named_in_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("linux.deb");
    let mut bytes = deb(Some(Compression::Xz));
    let len = bytes.len();
    bytes[len - 40..].fill(0);
    std::fs::write(&path, bytes).expect("writable");
    let archive = Archive::open(&path).expect("readable").expect("it is a package");
    let text = util::error::one_line(&visit(&archive).expect_err("damaged"));
    assert!(
        text.starts_with(&format!("cannot read {}: cannot read data.tar.xz at offset 0x", path.display())),
        "{text}"
    );
    assert!(Archive::open(dir.path().join("none")).is_err());
}

#[test]
fn limits_are_kept() {
    let limited = |limits: Limits| {
        let archive = open(deb(Some(Compression::Zstd))).with_limits(limits);
        util::error::one_line(&visit(&archive).expect_err("too much"))
    };
    let limits = Limits::default();
    assert!(limited(Limits { entries: 1, ..limits }).contains("more than 1 are not accepted"));
    assert!(limited(Limits { total: 600, ..limits }).contains("there are more than 600 bytes"));
    assert!(limited(Limits { in_memory: 5, ..limits }).contains("more than 5 are not accepted"));
    assert!(limited(Limits { path: 10, ..limits }).contains("cannot read a path"));
}

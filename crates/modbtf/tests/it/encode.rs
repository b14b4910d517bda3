//! Tests of the program `modbtf encode`, on generated files.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Command, Stdio};

use kmod::{Compression, Module};

use crate::support::{Bench, Kind, MODBTF, MODULES, PAHOLE, stripped, with_structs};

const OVER: [&str; 3] = ["encode", "--base", "vmlinux"];

fn over(more: &[&'static str]) -> Vec<&'static str> {
    OVER.iter().chain(more).copied().collect()
}

#[test]
fn a_directory_of_modules_is_encoded_beside_or_into_the_files() {
    let bench = Bench::new();
    let said = bench.modbtf(&over(&["--detached", "out", "modules"])).expect(0).out();
    assert!(said.starts_with("3 files encoded in "), "{said}");
    assert!(said.contains("4 types") && said.contains("over a base of 2 types"), "{said}");
    let base = bench.base();
    for (name, structs) in MODULES {
        let mut own: Vec<_> = structs.iter().filter(|name| **name != "of_vmlinux").copied().collect();
        own.sort_unstable();
        let detached = bench.read(&format!("out/{}", name.replace(".ko", ".btf")));
        assert_eq!(Bench::structs(&detached, Some(&base)), own);
    }
    let again = bench.modbtf(&over(&["--in-place", "-j1", "modules/three.ko", "modules"])).expect(0).out();
    assert!(again.starts_with("3 files encoded in "), "each file once: {again}");
    for (name, _) in MODULES {
        let module = Module::from_bytes(bench.read(&format!("modules/{name}"))).unwrap();
        assert_eq!(module.btf().unwrap(), bench.read(&format!("out/{}", name.replace(".ko", ".btf"))));
    }
    let once = MODULES.map(|(name, _)| bench.read(&format!("modules/{name}")));
    bench.modbtf(&over(&["--in-place", "-j4", "modules"])).expect(0);
    assert_eq!(MODULES.map(|(name, _)| bench.read(&format!("modules/{name}"))), once, "twice is as once");
}

#[test]
fn a_kernel_is_encoded_whole_and_its_btf_is_a_base() {
    let bench = Bench::new();
    bench.modbtf(&["encode", "--out", "base.btf", "vmlinux.plain"]).expect(0);
    assert_eq!(Bench::structs(&bench.read("base.btf"), None), ["of_vmlinux"]);
    let from_raw = ["encode", "-b", "base.btf", "-o", "one.btf", "modules/fs/one.ko"];
    bench.modbtf(&from_raw).expect(0);
    assert_eq!(Bench::structs(&bench.read("one.btf"), Some(&bench.base())), ["one"]);
    bench.modbtf(&["encode", "--in-place", "vmlinux.plain"]).expect(0);
    assert_eq!(kmod::kernel_btf(bench.path("vmlinux.plain")).unwrap().bytes, bench.read("base.btf"));
    let refused = bench.modbtf(&over(&["--out", "x.btf", "vmlinux.plain"])).expect(1).out();
    assert!(refused.contains("encode it without --base"), "{refused}");
}

#[test]
fn a_base_of_its_own_lies_beside_the_btf_that_has_one_and_no_other() {
    let bench = Bench::new();
    let one = ["--detached", "out", "modules/fs/one.ko"];
    bench.modbtf(&over(&[&["--features", "+distilled_base"][..], &one].concat())).expect(0);
    let names = || bench.names().into_iter().filter(|name| name.starts_with("out/")).collect::<Vec<_>>();
    let with_base = names();
    assert!(with_base.len() == 2 && with_base.iter().any(|name| name.ends_with(".btf.base")), "{with_base:?}");
    bench.modbtf(&over(&one)).expect(0);
    let without = names();
    assert!(
        without.len() == 1 && without[0].ends_with(".btf"),
        "a base that is no longer its own is gone: {without:?}"
    );
}

#[test]
fn a_module_needs_a_base_or_a_word_that_it_has_none() {
    let bench = Bench::new();
    let refused = bench.modbtf(&["encode", "--out", "x.btf", "modules/three.ko"]).expect(1).out();
    assert!(refused.contains("--standalone"), "{refused}");
    bench.modbtf(&["encode", "--standalone", "--out", "x.btf", "modules/fs/one.ko"]).expect(0);
    assert_eq!(Bench::structs(&bench.read("x.btf"), None), ["of_vmlinux", "one"]);
}

#[test]
fn a_compressed_module_is_compressed_again() {
    let bench = Bench::new();
    let plain = bench.read("modules/three.ko");
    for (name, compression) in
        [("x.ko.xz", Compression::Xz), ("x.ko.zst", Compression::Zstd), ("x.ko.gz", Compression::Gzip)]
    {
        bench.write(&format!("packed/{name}"), &compression.compress(&plain).unwrap());
    }
    let refused = bench.modbtf(&over(&["--detached", "out", "packed"])).expect(2).err();
    assert!(refused.contains("out/x.btf"), "all three would go to one place: {refused}");
    bench.modbtf(&over(&["--in-place", "packed"])).expect(0);
    bench.modbtf(&over(&["--in-place", "modules"])).expect(0);
    for name in ["packed/x.ko.xz", "packed/x.ko.zst", "packed/x.ko.gz"] {
        let module = Module::open(bench.path(name)).unwrap();
        assert!(module.compression().is_some());
        assert_eq!(module.bytes(), bench.read("modules/three.ko"));
    }
}

#[test]
fn failed_file_is_reported_and_the_others_are_encoded() {
    let bench = Bench::new();
    let whole = bench.read("modules/three.ko");
    bench.write("modules/cut.ko", &whole[..whole.len() / 2]);
    bench.write("modules/no-dwarf.ko", &stripped());
    bench.write("modules/text.ko", b"this is no module");
    let signed = [whole.as_slice(), b"sign", &[0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 4], b"~Module signature appended~\n"];
    bench.write("modules/signed.ko", &signed.concat());
    bench.write("modules/empty.ko", b"");
    bench.write("modules/head.ko", &whole[..30]);
    let bad = ["cut", "empty", "head", "no-dwarf", "signed", "text"];
    let before = bad.map(|name| bench.read(&format!("modules/{name}.ko")));
    let names = bench.names();
    let said = bench.modbtf(&over(&["--in-place", "modules"])).expect(1).out();
    assert!(said.starts_with("3 files encoded in ") && said.contains("6 NOT encoded"), "{said}");
    let why =
        ["bytes", "the file is empty", "only 30 bytes", "no DWARF", "give --drop-signature", "begins with 74686973"];
    for (name, why) in bad.iter().zip(why) {
        let (_, after) = said.split_once(&format!("modules/{name}.ko\n")).unwrap_or_else(|| panic!("{name}: {said}"));
        assert!(after.contains(why), "{name}: {said}");
    }
    assert_eq!(bad.map(|name| bench.read(&format!("modules/{name}.ko"))), before);
    assert_eq!(bench.names(), names, "nothing is left behind");

    bench.modbtf(&over(&["--in-place", "--drop-signature", "modules/signed.ko"])).expect(0);
    assert_eq!(bench.read("modules/signed.ko"), bench.read("modules/three.ko"));
}

#[test]
fn a_base_that_is_none_is_an_error_before_anything_is_written() {
    let bench = Bench::new();
    let before = MODULES.map(|(name, _)| bench.read(&format!("modules/{name}")));
    let mut cut = bench.base();
    cut.truncate(30);
    bench.write("cut.btf", &cut);
    bench.write("text", b"no BTF");
    bench.write("empty", b"");
    for base in ["text", "empty", "cut.btf", "vmlinux.plain", "modules/three.ko", "nowhere", "modules"] {
        let said = bench.modbtf(&["encode", "--base", base, "--in-place", "modules"]).expect(3).err();
        assert!(said.contains(base) && said.contains("base"), "{said}");
    }
    assert_eq!(MODULES.map(|(name, _)| bench.read(&format!("modules/{name}"))), before);
}

#[test]
fn a_file_is_taken_once_whatever_names_lead_to_it() {
    let bench = Bench::new();
    symlink("three.ko", bench.path("modules/a-link.ko")).unwrap();
    symlink("modules", bench.path("the-same")).unwrap();
    let count = |paths: &[&'static str]| {
        let json = bench.modbtf(&over(&[&["--in-place", "--format", "json"], paths].concat())).expect(0).out();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let files = json["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap().to_owned());
        assert_eq!(json["summary"]["encoded"], files.len());
        files.collect::<Vec<_>>()
    };
    assert_eq!(count(&["modules/three.ko", "./modules/three.ko", "modules/fs/../three.ko"]), ["modules/three.ko"]);
    assert_eq!(count(&["modules/a-link.ko", "modules/three.ko"]), ["modules/a-link.ko"]);
    let all = ["modules/fs/one.ko", "modules/net/two.ko", "modules/three.ko"];
    assert_eq!(count(&["modules"]), all, "the file, not the link to it");
    assert_eq!(count(&["modules", "the-same", "modules/net", "./modules/three.ko"]), all);
    assert!(fs::symlink_metadata(bench.path("modules/a-link.ko")).unwrap().is_symlink());
}

/// A dangling link is reported, like a damaged file.
#[test]
fn dangling_links_are_reported() {
    let bench = Bench::new();
    symlink("gone.ko", bench.path("modules/dangling.ko")).unwrap();
    symlink("cycle.ko", bench.path("modules/cycle.ko")).unwrap();
    symlink(".", bench.path("modules/directory.ko")).unwrap();
    let said = bench.modbtf(&over(&["--in-place", "modules"])).expect(3).out();
    assert!(said.starts_with("3 files encoded in ") && said.contains("2 NOT encoded"), "{said}");
    assert!(said.contains("modules/dangling.ko\n") && said.contains("modules/cycle.ko\n"), "{said}");
    let said = bench.modbtf(&over(&["--in-place", "modules/cycle.ko"])).expect(2).err();
    assert!(said.contains("symbolic links"), "{said}");
}

/// Inputs are recognised by any path.
#[test]
fn inputs_are_never_overwritten() {
    let bench = Bench::new();
    symlink("three.ko", bench.path("modules/three.btf")).unwrap();
    fs::hard_link(bench.path("vmlinux"), bench.path("hard")).unwrap();
    bench.write("beside.base", &bench.read("vmlinux"));
    bench.write("out/a.btf", &bench.base());
    bench.write("out/b.btf.base", &bench.base());
    bench.write("a.ko", &bench.read("modules/three.ko"));
    bench.write("b.ko", &bench.read("modules/three.ko"));
    let (names, before) = (bench.names(), bench.all());
    let lines: [(&str, &[&str], &str); 14] = [
        ("vmlinux", &["--out", "./vmlinux", "a.ko"], "./vmlinux is the base (vmlinux)"),
        ("vmlinux", &["--out", "hard", "a.ko"], "hard is the base (vmlinux)"),
        ("vmlinux", &["--out", "a.ko", "./a.ko"], "a.ko is a file to be encoded (./a.ko)"),
        ("vmlinux", &["--out", "modules/three.btf", "modules/three.ko"], "is a file to be encoded"),
        ("beside.base", &["--out", "beside", "a.ko"], "beside.base is the base"),
        ("out/a.btf", &["--detached", "out", "a.ko"], "out/a.btf is the base"),
        ("out/b.btf.base", &["--detached", "out", "b.ko"], "out/b.btf.base is the base"),
        ("vmlinux", &["--detached", "modules", "modules"], "modules/three.btf is a file to be encoded"),
        ("vmlinux", &["--out", "x", "--format", "json:a.ko", "a.ko"], "a.ko is a file to be encoded"),
        ("vmlinux", &["--in-place", "--format", "human:hard", "a.ko"], "hard is the base"),
        ("vmlinux", &["--out", "x", "--format", "json:./x", "a.ko"], "./x is written by this run as well (x)"),
        ("vmlinux", &["--out", "x", "--format", "json:x.base", "a.ko"], "x.base is written by this run as well"),
        ("vmlinux", &["--detached", "o", "--format", "json:o/a.btf", "a.ko"], "o/a.btf is written by this run as well"),
        ("vmlinux", &["--in-place", "--format", "json:r", "--format", "human:r", "a.ko"], "r is written by this run"),
    ];
    for (base, line, why) in lines {
        let said = bench.modbtf(&[&["encode", "--base", base], line].concat()).expect(2).err();
        assert!(said.contains(why) && said.contains("would be lost"), "{line:?}: {said}");
        assert_eq!((bench.names(), bench.all()), (names.clone(), before.clone()), "{line:?}");
    }
}

#[test]
fn a_read_only_file_stays_as_it_is() {
    let bench = Bench::new();
    let path = bench.path("modules/three.ko");
    let before = fs::read(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let said = bench.modbtf(&over(&["--in-place", "modules"])).expect(3).out();
    assert!(said.starts_with("2 files encoded in ") && said.contains("its mode 444 forbids writing"), "{said}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_report_that_cannot_be_written_is_told_and_what_was_done_as_well() {
    let bench = Bench::new();
    let reports = ["--format", "json:nowhere/report", "--format", "human:report.txt"];
    let said = bench.modbtf(&over(&[&["--in-place", "modules"][..], &reports].concat())).expect(3).err();
    assert!(said.starts_with("the report is in report.txt\n3 files encoded in "), "{said}");
    assert!(said.contains("nowhere/report"), "{said}");
    assert!(String::from_utf8(bench.read("report.txt")).unwrap().starts_with("3 files encoded"));
    let said = bench.modbtf(&over(&["--in-place", "--format", "human:/dev/full", "modules"])).expect(3).err();
    assert!(said.contains("cannot write the report to /dev/full") && said.contains("No space left"), "{said}");
}

/// A stale base is removed; another file with such a name stays.
#[test]
fn stale_base_is_removed_only_if_it_is_btf() {
    let bench = Bench::new();
    let lines: [(&str, &[u8], bool); 3] =
        [("one", b"a text", true), ("two", b"", true), ("three", &bench.base(), false)];
    for (name, content, stays) in lines {
        bench.write(&format!("{name}.base"), content);
        bench.modbtf(&["encode", "--base", "vmlinux", "--out", name, "modules/three.ko"]).expect(0);
        assert_eq!(bench.path(&format!("{name}.base")).exists(), stays, "{name}");
    }
}

/// BTF and its own base belong together.
#[test]
fn failed_write_leaves_both_old_files() {
    let bench = Bench::new();
    let line = |features: &'static str| over(&["--features", features, "--out", "x.btf", "modules/fs/one.ko"]);
    bench.modbtf(&line("+distilled_base")).expect(0);
    fs::set_permissions(bench.path("x.btf"), fs::Permissions::from_mode(0o444)).unwrap();
    let (names, before) = (bench.names(), bench.all());
    for features in ["default", "+distilled_base"] {
        let said = bench.modbtf(&line(features)).expect(3).out();
        assert!(said.contains("x.btf: its mode 444 forbids writing"), "{said}");
        assert_eq!((bench.names(), bench.all()), (names.clone(), before.clone()), "{features}");
    }
}

/// A limit on the length of files simulates a full disk: both make a write fail in the middle.
#[test]
fn a_full_disk_leaves_the_file_as_it_was() {
    let bench = Bench::new();
    let many: Vec<String> = (0..20_000).map(|number| format!("struct_{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    bench.write("large.ko", &with_structs(Kind::Module, &many));
    let before = bench.read("large.ko");
    let names = bench.names();
    for output in [["--in-place", "large.ko"].as_slice(), &["--out", "large.btf", "large.ko"]] {
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$@\"", "sh", MODBTF]);
        let arguments: Vec<_> = OVER.iter().chain(output).collect();
        let said = bench.run_as(shell, &arguments).expect(3).out();
        assert!(said.contains("large.ko") && said.contains("cannot write"), "{said}");
        assert!(!said.contains(".new-"), "how it is done is of no use to anybody: {said}");
        assert_eq!(bench.read("large.ko"), before);
        assert_eq!(bench.names(), names);
    }
}

#[test]
fn programs_get_json() {
    let bench = Bench::new();
    bench.write("modules/no-dwarf.ko", &stripped());
    let arguments = ["--detached", "out", "--format", "json", "--format", "human:report.txt", "modules"];
    let json = bench.modbtf(&over(&arguments)).expect(1).out();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["summary"]["encoded"], &json["summary"]["failed"]), (&3.into(), &1.into()));
    let files = json["files"].as_array().unwrap();
    let paths: Vec<_> = files.iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["modules/fs/one.ko", "modules/net/two.ko", "modules/no-dwarf.ko", "modules/three.ko"]);
    assert_eq!((&files[0]["outcome"], &files[0]["types"]), (&"encoded".into(), &1.into()));
    assert_eq!(files[2]["outcome"], "failed");
    assert!(files[2]["causes"][0].as_str().unwrap().contains("no DWARF"));
    assert!(String::from_utf8(bench.read("report.txt")).unwrap().starts_with("3 files encoded"));
}

#[test]
fn a_command_line_that_cannot_be_followed_is_usage() {
    let bench = Bench::new();
    fs::create_dir(bench.path("empty")).unwrap();
    let lines: [(&[&'static str], &str); 8] = [
        (&["--out", "x", "/dev/null"], "neither a file nor"),
        (&["modules"], "--in-place"),
        (&["--in-place", "--out", "x", "modules/three.ko"], "cannot be used with"),
        (&["--in-place", "nowhere.ko"], "No such file"),
        (&["--in-place", "empty"], "cannot find a module"),
        (&["--out", "x", "modules"], "use --detached"),
        (&["--in-place", "--features", "var,cobol", "modules"], "cannot encode cobol: there is no such feature"),
        (&["--detached", "out", "--drop-signature", "modules"], "cannot be used with"),
    ];
    for (line, why) in lines {
        let said = bench.modbtf(&over(line)).expect(2).err();
        assert!(said.contains(why), "{line:?}: {said}");
    }
}

#[test]
fn features_have_paholes_names() {
    let bench = Bench::new();
    let encode = |features: &[&'static str]| {
        bench.modbtf(&over(&[&["--out", "x.btf"], features, &["modules/fs/one.ko"]].concat())).expect(0);
        bench.read("x.btf")
    };
    let usual = encode(&[]);
    assert_eq!(encode(&["--features", "default"]), usual);
    assert_eq!(encode(&["--features", "var,float", "--features", "enum64"]), usual);
    assert_eq!(encode(&["--like", "pahole-1.24"]), usual);
}

/// A base with so many structs that preparing it and encoding take a while, to test events during that time.
fn large(bench: &Bench) {
    let many: Vec<String> = (0..60_000).map(|number| format!("struct_{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    bench.write("large.ko", &with_structs(Kind::Module, &many));
}

#[test]
fn a_second_interrupt_ends_the_program_at_once() {
    let bench = Bench::new();
    large(&bench);
    let before = bench.read("large.ko");
    for program in [MODBTF, PAHOLE] {
        let line: &[&str] = match program {
            MODBTF => &["encode", "--base", "vmlinux", "--in-place", "large.ko"],
            _ => &["-J", "--btf_base", "vmlinux", "large.ko"],
        };
        let mut command = Command::new(program);
        command.args(line).current_dir(bench.path(".")).env("MODBTF_DIAGNOSTICS", "-v").stderr(Stdio::piped());
        if program == MODBTF {
            command.arg("-v");
        }
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut wait_for = |text: &str| assert!(lines.any(|line| line.contains(text)), "{program}: no {text}");
        let id = rustix::process::Pid::from_child(&child);
        let interrupt = || rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
        wait_for("encoding");
        interrupt();
        wait_for("Ctrl-C again stops at once");
        interrupt();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{program}");
        assert!(lines.all(|line| !line.contains("encoded")), "{program} went on to the end");
        assert_eq!(bench.read("large.ko"), before, "{program}");
    }
}

#[test]
fn diagnostics_go_to_standard_error_and_add_up() {
    let bench = Bench::new();
    let ran = bench.modbtf(&over(&["--in-place", "-vv", "--timings", "modules"])).expect(0);
    let (out, err) = (ran.out(), ran.err());
    assert!(out.starts_with("3 files encoded in "), "{out}");
    assert!(err.contains("INFO  encode: encoding files=3") && err.contains("DEBUG"), "{err}");
    let table = err.split_once("where the time went").unwrap_or_else(|| panic!("{err}")).1;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(rows.iter().any(|row| row.starts_with(&["file", "3"])), "{table}");
    assert!(rows.iter().any(|row| row.starts_with(&["encode", "1"])), "{table}");
}

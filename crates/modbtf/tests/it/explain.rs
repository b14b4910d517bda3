//! `modbtf explain`: the report of five logs word by word, exit codes, standard input, and the look-ups of a module.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::{Bench, MODBTF};

/// A log beside the tests of the crate that reads it.
fn log(name: &str) -> String {
    format!("{}/../verdict/tests/logs/{name}.txt", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn explain_reports_word_by_word() {
    for name in
        ["ctime-two-modules", "base-refused", "quoted-and-cut", "boot-journal-dependents", "boots-two-without-banner"]
    {
        let report = Bench::new().modbtf(&["explain", &log(name)]).expect(1).out();
        insta::assert_snapshot!(name, report);
    }
}

#[test]
fn explain_exits_as_grep_does() {
    let bench = Bench::new();
    bench.modbtf(&["explain", &log("decoded-localised")]).expect(1);
    let clean = bench.modbtf(&["explain", &log("boot-clean")]).expect(0).out();
    assert!(clean.starts_with("No failure about BTF was found in 11 lines."), "{clean}");
    let skipped = bench.modbtf(&["explain", &log("build-skipped")]).expect(0).out();
    assert!(skipped.contains("harmless"), "{skipped}");
    let missing = bench.modbtf(&["explain", "nothing-there"]).expect(2).err();
    assert!(missing.contains("cannot read the log nothing-there"), "{missing}");
    bench.modbtf(&["explain", "modules"]).expect(2);
}

#[test]
fn explain_reads_standard_input_and_ignores_a_closed_pipe() {
    let mut child = Command::new(MODBTF).arg("explain").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"failed to validate module [a] BTF: -22\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn explain_reads_compressed_logs() {
    let bench = Bench::new();
    let plain = fs::read(log("serial-cr")).unwrap();
    bench.write("kern.log.2.zst", &zstd::encode_all(&plain[..], 0).unwrap());
    let report = bench.modbtf(&["explain", "kern.log.2.zst"]).expect(1).out();
    assert!(report.contains("scsi_transport_iscsi"), "{report}");
    bench.write("cut.zst", &zstd::encode_all(&plain[..], 0).unwrap()[..20]);
    bench.modbtf(&["explain", "cut.zst"]).expect(2);
}

#[test]
fn explain_writes_versioned_json() {
    let json = Bench::new().modbtf(&["explain", "--format", "json", &log("quoted-and-cut")]).expect(1).out();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["format"], &json["version"]), (&"modbtf-explain".into(), &1.into()));
    let failures = json["log"]["boots"][0]["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 2);
    assert_eq!(failures[0]["module"], "xt_mark");
    assert_eq!(failures[0]["errno"]["number"], -22);
    assert_eq!(failures[0]["missing"][0]["part"], "check");
    assert_eq!(
        (&failures[1]["module"], &failures[1]["check"]["text"]),
        (&serde_json::Value::Null, &"Invalid name".into())
    );
}

#[test]
fn explain_documents_findings() {
    let bench = Bench::new();
    let page = bench.modbtf(&["explain", "--explain", "chain-too-long"]).expect(0).out();
    assert!(page.contains("btf_check_type_tags") && page.contains("What to do:"), "{page}");
    let list = bench.modbtf(&["explain", "--list"]).expect(0).out();
    assert!(list.contains("name-beyond-strings") && list.contains("vmlinux-truncated"), "{list}");
    let error = bench.modbtf(&["explain", "--explain", "chain-to-long"]).expect(2).err();
    assert!(error.contains("did you mean chain-too-long?"), "{error}");
}

#[test]
fn explain_follows_the_look_ups_of_a_module() {
    let bench = Bench::new();
    bench.modbtf(&["encode", "--base", "vmlinux", "--in-place", "modules/fs/one.ko"]).expect(0);
    let arguments = ["explain", "--base", "vmlinux", "--module", "modules/fs/one.ko", "--kernel", "6.12"];
    let report = bench.modbtf(&arguments).expect(0).out();
    assert!(report.starts_with("Linux 6.12 accepts the BTF of one over this base."), "{report}");
    assert!(report.contains("“one”") && report.contains("module") && report.contains("own names start at"), "{report}");
    // Over another base it is refused, or reads something else.
    bench.modbtf(&["encode", "--standalone", "--out", "other.btf", "modules/three.ko"]).expect(0);
    let arguments = [
        "explain",
        "--base",
        "other.btf",
        "--module",
        "modules/fs/one.ko",
        "--kernel",
        "6.12",
        "--made-with",
        "vmlinux",
    ];
    let report = bench.run(MODBTF, &arguments).out();
    assert!(
        report.contains("read as something else than was meant") && report.contains("when it was made"),
        "{report}"
    );
    let error = bench.modbtf(&["explain", "--base", "vmlinux", "--module", "modules/three.ko"]).expect(2).err();
    assert!(error.contains("it has no BTF"), "{error}");
}

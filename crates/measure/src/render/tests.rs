//! Tests of properties that all forms of a report have.

use super::*;
use crate::bench::tests::bench;
use crate::overhead::tests::overhead;
use crate::sizes::tests::{module, sizes};
use crate::{Encoded, ModuleSizes, Shipped};

const PLAIN: Style = Style { colour: false, width: 80 };

fn two() -> Sizes {
    sizes(vec![module("fs/overlayfs/overlay.ko", 100_000, 5_000), module("net/llc/llc.ko", 20_000, 1_000)])
}

#[test]
fn text_begins_with_the_main_result() {
    let text = two().text(PLAIN);
    let first: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(
        first.join(" "),
        "6.1.0-56-cloud-amd64: split against the kernel's, the BTF of all 2 modules takes 6.00\u{a0}kB; encoded alone it \
         would take 120\u{a0}kB, 20.0 times as much."
    );
    assert!(text.contains("115,710,691") && text.contains("5,194,047"), "{text}");
    let text = overhead().text(PLAIN);
    assert!(text.starts_with("6.1.192-modbtf: after `touch vmlinux`"), "{text}");
    let flowing = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let first =
        "is encoded again. `make -j2 modules` takes 2.10 s more, 3.15 s more of processor time; `make -j2`, which";
    assert!(flowing.contains(first), "{text}");
    assert!(flowing.contains("`make -j2 modules`: 2.10 s more"), "{text}");
}

#[test]
fn text_has_no_line_wider_than_the_terminal() {
    for width in [60, 80, 120] {
        let reports: [&dyn Report; 3] = [&two(), &overhead(), &bench()];
        for text in reports.map(|report| report.text(Style { width, ..PLAIN })) {
            for line in text.lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
                assert_eq!(line, line.trim_end());
            }
        }
    }
}

#[test]
fn a_bench_begins_with_its_ratios_and_counts_for_nothing_if_outputs_differ() {
    let mut bench = bench();
    assert!(bench.complete());
    let text = bench.text(PLAIN).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.starts_with("1,121 modules, 2 cores: 20.0 times faster (1.70 s against 34.00 s)"), "{text}");
    assert!(
        text.contains("Both wrote the same BTF.") && text.contains("vmlinux, 2 cores: 3.89 times faster"),
        "{text}"
    );
    let html = bench.html();
    assert!(
        html.contains("20.0× faster")
            && html.matches("<svg").count() == 2
            && html.contains("1,121 modules, 2 cores, pahole, run 3")
    );
    let read: Bench = serde_json::from_str(&bench.json().unwrap()).unwrap();
    assert_eq!(read, bench);
    bench.checked.wrong.push("overlay: 3 unexplained types".into());
    assert!(!bench.complete());
    let text = bench.text(PLAIN);
    assert!(text.starts_with("1 output of ours cannot be taken for pahole's"), "{text}");
    assert!(text.contains("overlay: 3 unexplained types"), "{text}");
    bench.checked.wrong.clear();
    bench.tasks[0].ours.clear();
    assert!(!bench.complete());
}

#[test]
fn failures_are_in_every_form_and_make_a_report_incomplete() {
    let mut sizes = two();
    assert!(sizes.complete());
    let failed = Encoded::Failed("pahole says: <bad>".into());
    let bad = ModuleSizes { full: failed.clone(), split: failed, ..module("bad.ko", 1, 1) };
    let without = ModuleSizes { shipped: Shipped::WithoutBtf, ..module("plain.ko", 20_000, 1_000) };
    sizes.kernels[0].modules.extend([bad, without]);
    assert!(!sizes.complete());
    let text = sizes.text(Style { width: 120, ..PLAIN });
    assert!(text.contains("INCOMPLETE, 1 failure:\n  bad.ko: pahole says: <bad>\n"), "{text}");
    assert!(text.contains("1 module shipped without BTF: plain."), "{text}");
    let html = sizes.html();
    assert!(html.contains("Incomplete.") && html.contains("pahole says: &lt;bad&gt;"), "{html}");
    assert!(html.contains(">bad.ko</th>"), "what failed is in the table of all modules");
    assert!(sizes.json().unwrap().contains("\"failed\": \"pahole says: <bad>\""));
}

#[test]
fn trouble_of_one_module_comes_before_that_of_many() {
    let mut sizes = two();
    let bad = |path: String, why: &str| {
        let failed = Encoded::Failed(why.into());
        ModuleSizes { full: failed.clone(), split: failed, ..module(&path, 1, 1) }
    };
    let many = (0..50).map(|number| bad(format!("a{number}.ko"), "there is no debug information of it"));
    sizes.kernels[0].modules.extend(many.chain([bad("z.ko".into(), "it has no DWARF")]));
    let text = sizes.text(Style { width: 160, ..PLAIN });
    let expected = "INCOMPLETE, 51 failures:\n  z.ko: it has no DWARF\n  50 files: there is no debug information of it: a0.ko, a1.ko,";
    assert!(text.contains(expected) && text.contains("a9.ko and 40 more\n"), "{text}");
    assert!(sizes.html().contains("a48.ko, a49.ko"), "the page names all of them");
}

#[test]
fn report_without_measurements_says_so_and_is_incomplete() {
    assert!(!sizes(Vec::new()).complete(), "nothing went wrong, but nothing was measured either");
    assert!(overhead().complete() && !Overhead { modules: 0, ..overhead() }.complete());
    let mut sizes = sizes(Vec::new());
    sizes.kernels[0].base.encoded = Encoded::Failed("bad".into());
    assert!(sizes.text(PLAIN).starts_with("Nothing could be measured of 6.1.0-56-cloud-amd64.\n  INCOMPLETE"));
    assert!(!sizes.complete() && !sizes.html().contains("NaN"));
    let mut overhead = overhead();
    overhead.measurements.iter_mut().for_each(|measurement| measurement.runs.clear());
    assert!(overhead.text(PLAIN).starts_with("Nothing could be measured"));
    assert!(!overhead.complete() && !overhead.html().contains("NaN"));
}

#[test]
fn json_comes_back_as_it_went() {
    let (sizes, overhead) = (two(), overhead());
    assert_eq!(serde_json::from_str::<Sizes>(&sizes.json().unwrap()).unwrap(), sizes);
    assert_eq!(serde_json::from_str::<Overhead>(&overhead.json().unwrap()).unwrap(), overhead);
}

#[test]
fn a_page_is_complete_in_itself() {
    for html in [two().html(), overhead().html()] {
        assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"));
        for word in ["http:", "https:", "<script", "<link", "@import", "url(", "src="] {
            assert!(!html.contains(word), "{word}");
        }
        for word in ["<title>", "1.30-1", "2026-01-31 12:00 UTC", "gcc", "<svg"] {
            assert!(html.contains(word), "{word}");
        }
    }
}

#[test]
fn a_busy_machine_is_told_beside_the_times() {
    let mut overhead = overhead();
    assert!(overhead.text(PLAIN).contains("load 1.50") && overhead.html().contains("load 1.50"));
    overhead.setting.load = Some(0.05);
    assert!(!overhead.text(PLAIN).contains("other things") && !overhead.html().contains("other things"));
}

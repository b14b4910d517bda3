//! Tests of man pages and completions.

use std::fs;

use crate::support::Bench;

#[test]
fn man_pages_and_completions_list_every_argument() {
    let bench = Bench::new();
    bench.modbtf(&["man", "pages"]).expect(0);
    let pages: Vec<_> = bench.names().into_iter().filter(|name| name.starts_with("pages/")).collect();
    let expected =
        ["modbtf-completions.1", "modbtf-encode.1", "modbtf-explain.1", "modbtf-man.1", "modbtf-pahole.1", "modbtf.1"];
    assert_eq!(pages, expected.map(|name| format!("pages/{name}")));
    let page = |name: &str| fs::read_to_string(bench.path(name)).unwrap().replace('\\', "");
    for argument in ["--base", "--in-place", "--drop-signature", "Exit codes"] {
        assert!(page("pages/modbtf-encode.1").contains(argument), "{argument}");
    }
    for argument in ["--made-with", "--explain", "Exit codes", "journalctl"] {
        assert!(page("pages/modbtf-explain.1").contains(argument), "{argument}");
    }
    assert!(page("pages/modbtf-pahole.1").contains("--btf_encode_detached"));
    for shell in ["bash", "zsh", "fish"] {
        let completions = bench.modbtf(&["completions", shell]).expect(0).out();
        assert!(completions.contains("in-place") && completions.contains("made-with"), "{shell}: {completions}");
    }
}

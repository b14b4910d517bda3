//! Tests of the help: every option has a description in the imperative, and the exit codes agree with the programs.

use crate::support::{Bench, MODBTF, PAHOLE};

#[test]
fn help_has_every_exit_code_and_the_diagnostics() {
    let bench = Bench::new();
    let pages = [
        (MODBTF, &["encode", "--help"][..], ["-v, --verbose", "--timings"]),
        (MODBTF, &["explain", "--help"], ["-v, --verbose", "journalctl -k -b | modbtf explain"]),
        (PAHOLE, &["--help"], ["-vv", "MODBTF_DIAGNOSTICS"]),
    ];
    for (program, line, also) in pages {
        let page = bench.run(program, line).expect(0).out().split_whitespace().collect::<Vec<_>>().join(" ");
        let (_, codes) = page.split_once("Exit codes: ").unwrap_or_else(|| panic!("{page}"));
        for code in ["0 ", "1 ", "2 ", "130 "] {
            assert!(codes.contains(code), "{code}: {codes}");
        }
        assert!(also.iter().all(|text| page.contains(text)), "{page}");
    }
}

#[test]
fn help_is_in_the_imperative() {
    let bench = Bench::new();
    for (program, line) in [
        (MODBTF, &["--help"][..]),
        (MODBTF, &["encode", "--help"]),
        (MODBTF, &["explain", "--help"]),
        (PAHOLE, &["--help"]),
    ] {
        let page = bench.run(program, line).expect(0).out();
        for word in ["Encodes ", "Puts ", "Makes ", "Writes ", "Prints ", "Cuts ", "Gives "] {
            assert!(!page.contains(word), "{word}in {page}");
        }
    }
}

//! Tests of `ci/workbench.sh` itself.

use std::process::{Command, Output};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ci/workbench.sh");

fn run(arguments: &[&str]) -> Output {
    Command::new("bash").arg(SCRIPT).args(arguments).output().unwrap()
}

/// The words of the one line on standard error.
fn report(output: &Output) -> Vec<String> {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn both_streams_come_in_order_and_the_status_and_times_beside_them() {
    let output = run(&["run", "sh", "-c", "echo a; echo b >&2; printf 'real c\\n'; sleep 0.2; exit 3"]);
    assert!(output.status.success(), "what a command ends with is not how the script ends");
    assert_eq!(String::from_utf8(output.stdout.clone()).unwrap(), "a\nb\nreal c\n");
    let words = report(&output);
    let at = |index: usize| words[index].as_str();
    assert_eq!([at(0), at(1), at(2), at(3), at(5), at(7)], ["workbench.sh:", "status", "3", "real", "user", "system"]);
    let [real, user, system] = [4, 6, 8].map(|index| at(index).parse::<f64>().unwrap());
    assert!(real >= 0.2 && user + system < real, "{words:?}");
}

#[test]
fn run_reports_a_missing_or_killed_program_as_a_shell_does() {
    let output = run(&["run", "no-such-program-here"]);
    assert_eq!(report(&output)[2], "127");
    assert!(String::from_utf8(output.stdout).unwrap().contains("no-such-program-here"));
    assert_eq!(report(&run(&["run", "sh", "-c", "kill -9 $$"]))[2], "137");
    assert!(!run(&["walk"]).status.success());
}

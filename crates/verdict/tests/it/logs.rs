//! Each `tests/logs/NAME.txt` is explained as `NAME.expected` says: a line for each boot, and one for each failure.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use verdict::log::{Boot, Failure, read_log};

#[test]
fn logs_are_explained_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs");
    let mut logs: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    logs.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    logs.sort();
    assert!(logs.len() >= 29, "{} logs", logs.len());
    let mut wrong = String::new();
    for log in logs {
        let expected = fs::read_to_string(log.with_extension("expected")).unwrap_or_default();
        let found = summary(&fs::read(&log).unwrap());
        if found != expected {
            writeln!(wrong, "{}\n--- expected\n{expected}--- found\n{found}", log.display()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What is found, without the texts for people.
fn summary(log: &[u8]) -> String {
    let report = read_log(log).unwrap();
    let mut text = format!("{} boots\n", report.boot_count);
    for Boot { release, failures, .. } in &report.boots {
        writeln!(text, "{}", release.as_deref().unwrap_or("unknown release")).unwrap();
        failures.iter().for_each(|failure| line(&mut text, failure));
    }
    text
}

fn line(text: &mut String, failure: &Failure) {
    let module = failure.module.as_ref().map_or("?".into(), ToString::to_string);
    let errno = failure.errno.map_or("-".into(), |errno| format!("-{}", errno.0));
    let check = failure.form().map_or("-", |form| form.name());
    let sure = format!("{:?}", failure.sure).to_lowercase();
    write!(text, "  {module}: {} {sure}, {errno}, {check}", failure.finding.id()).unwrap();
    if failure.times > 1 {
        write!(text, ", {} times", failure.times).unwrap();
    }
    let marks = [
        (failure.tolerated, "tolerated"),
        (failure.not_inserted, "not inserted"),
        (failure.interleaved, "interleaved"),
    ];
    marks.iter().filter(|(is, _)| *is).for_each(|(_, mark)| write!(text, ", {mark}").unwrap());
    if !failure.missing.is_empty() {
        let missing: Vec<_> = failure.missing.iter().map(|missing| format!("{missing:?}").to_lowercase()).collect();
        write!(text, ", missing {}", missing.join(" ")).unwrap();
    }
    if !failure.about.is_empty() {
        let about: Vec<_> = failure.about.iter().take(3).map(ToString::to_string).collect();
        write!(text, ", about {}", about.join(" ")).unwrap();
    }
    writeln!(text, ", line {}", failure.first_line()).unwrap();
}

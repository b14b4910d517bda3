//! Tests of the report and its forms.

use cli::{Exit, Style};

use super::*;
use crate::boots::measured::{Example, SymversCheck, TypeFidelity};
use crate::boots::transcript::{BootProvenance, KernelId};
use crate::exit::Ending;
use crate::load_counts::LoadCounts;

const PLAIN: Style = Style { colour: false, width: 100 };

fn scenario(name: &str, ending: Ending) -> ScenarioReport {
    ScenarioReport { ending, seconds: 6.25, qemu_seconds: 5.5, ..ScenarioReport::new(name, "a title") }
}

fn report(scenarios: Vec<ScenarioReport>, exit: Exit) -> Report {
    Report { report: VERSION, engine: "podman".into(), jobs: 1, seconds: 6.6, qemu_seconds: 6.0, scenarios, exit }
}

fn kernel(release: &str) -> KernelId {
    KernelId {
        release: release.into(),
        package: "p".into(),
        version: "1".into(),
        sha256: "0".repeat(64),
        build: None,
        encoder: None,
    }
}

fn seen(running: &str, another_crc: usize) -> RunSummary {
    let example = Example { meant: "struct primary_device".into(), seen: "struct rimary_device".into() };
    let fidelity = |module: &str, wrong, examples| TypeFidelity {
        module: module.into(),
        types: 1200,
        other_name_or_kind: wrong,
        other_layout: wrong,
        other_closure: wrong,
        examples,
    };
    RunSummary {
        provenance: BootProvenance {
            running: kernel(running),
            modules_of: kernel("2"),
            qemu: "QEMU".into(),
            accelerator: "TCG".into(),
            image: "image".into(),
        },
        abi_compatible: another_crc == 0,
        proof: None,
        same_base: running == "2",
        modules_with_another_crc: another_crc,
        modules_compared: 1121,
        symbols_without_known_crc: 0,
        summary: LoadCounts::default(),
        sentence: LoadCounts::default().sentence(),
        modules: Vec::new(),
        truth: vec![fidelity("true", 0, Vec::new()), fidelity("garbled", 1100, vec![example])],
    }
}

#[test]
fn human_begins_with_what_matters() {
    let first = |endings: Vec<Ending>| {
        let scenarios = endings.into_iter().map(|ending| scenario("s", ending)).collect();
        report(scenarios, Exit::Success).human(PLAIN).lines().next().unwrap().to_owned()
    };
    assert_eq!(first(vec![Ending::Pass, Ending::Pass]), "2 scenarios: as recorded.");
    let unavailable = Ending::Unavailable { why: "gone".into() };
    assert_eq!(first(vec![Ending::Pass, unavailable, Ending::Pass]), "3 scenarios: 2 pass, 1 unavailable.");
}

#[test]
fn human_shows_differences_and_reasons_in_full() {
    let differs = Ending::Differs { diff: "-was\n+is".into() };
    let gone = Ending::Unavailable { why: "gone\nthe nearest pair".into() };
    let text = report(vec![scenario("a", differs), scenario("b", gone)], Exit::Failed).human(PLAIN);
    assert!(text.contains("\na: differs\n  -was\n  +is\n"), "{text}");
    assert!(text.contains("\nb: unavailable\n  gone\n  the nearest pair\n"), "{text}");
    assert!(text.contains("6.6 s in all, 1.10 times QEMU's time; 6.0 s in QEMU"), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn human_shows_modules_with_wrong_types_only() {
    let mut upgrade = scenario("upgrade", Ending::Pass);
    upgrade.seen = Some(seen("1", 0));
    upgrade.second_boot = Some(SecondBoot { difference: None });
    let text = report(vec![upgrade], Exit::Success).human(PLAIN);
    assert!(text.contains("an ABI-compatible upgrade: 0 of 1,121 modules"), "{text}");
    assert!(text.contains("garbled: of 1,200 types, 1,100 have another name or kind"), "{text}");
    assert!(text.contains("meant: struct primary_device\n      seen:  struct rimary_device"), "{text}");
    assert!(!text.contains("true: of"), "{text}");
    assert!(text.contains("the serial logs are byte-identical"), "{text}");
}

#[test]
fn human_does_not_blame_btf_for_an_abi_break() {
    let mut broken = scenario("abi-break", Ending::Pass);
    broken.seen = Some(seen("1", 7));
    assert!(!broken.seen.as_ref().unwrap().is_compatible_upgrade());
    let text = report(vec![broken], Exit::Success).human(PLAIN);
    assert!(text.contains("not an ABI-compatible upgrade, so this is no failure of BTF: 7 of 1,121"), "{text}");
}

#[test]
fn human_says_what_is_unknown_of_the_abi() {
    let mut upgrade = scenario("upgrade", Ending::Pass);
    upgrade.seen = Some(RunSummary { symbols_without_known_crc: 16, ..seen("1", 0) });
    let text = report(vec![upgrade], Exit::Success).human(Style { colour: false, width: 200 });
    assert!(text.contains("as far as is known: 0 of 1,121 modules"), "{text}");
    assert!(text.contains("the CRCs of 16 symbols are unknown"), "{text}");
}

#[test]
fn human_prefers_the_symvers_check_to_what_modules_import() {
    let mut upgrade = scenario("upgrade-grow@6.1", Ending::Pass);
    let proof = SymversCheck { symbols: 3456, differing: 0, missing: 0, unversioned: 0, names: Vec::new() };
    upgrade.seen = Some(RunSummary { proof: Some(proof), ..seen("1", 0) });
    let text = report(vec![upgrade.clone()], Exit::Success).human(Style { colour: false, width: 200 });
    assert!(text.contains("an ABI-compatible upgrade: all 3,456 symbols have the same CRC in both"), "{text}");
    let mut control = scenario("same-source@6.1", Ending::Pass);
    control.seen = Some(RunSummary { same_base: true, ..upgrade.seen.clone().unwrap() });
    let text = report(vec![control], Exit::Success).human(Style { colour: false, width: 200 });
    assert!(text.contains("the ABI is compatible: all 3,456 symbols"), "{text}");
}

#[test]
fn is_compatible_upgrade_is_false_for_a_control() {
    assert!(!seen("2", 0).is_compatible_upgrade());
    assert!(seen("1", 0).is_compatible_upgrade());
    assert!(!RunSummary { same_base: true, ..seen("1", 0) }.is_compatible_upgrade());
}

#[test]
fn human_keeps_lines_to_the_width() {
    let mut upgrade = scenario("upgrade", Ending::Pass);
    upgrade.seen = Some(seen("1", 0));
    let further = ScenarioReport { title: "a title of more words than a line has".into(), ..upgrade.clone() };
    let plain = report(vec![upgrade.clone(), further.clone()], Exit::Success).human(Style { colour: false, width: 50 });
    assert!(plain.lines().all(|line| line.len() <= 50), "{plain}");
    assert!(plain.contains("upgrade     6.2 s  a title\n"), "{plain}");
    assert!(plain.contains("upgrade     6.2 s\n               a title of more words than a line\n"), "{plain}");
    let coloured = report(vec![upgrade, further], Exit::Success).human(Style { colour: true, width: 50 });
    assert_eq!(coloured.lines().count(), plain.lines().count(), "{coloured}");
}

#[test]
fn a_scenario_that_is_not_run_is_reported_with_its_reason_and_passes_nowhere() {
    let left_out = Ending::NotRun { why: "it is about pahole".into() };
    let report = report(vec![scenario("a", Ending::Pass), scenario("b", left_out)], Exit::Success);
    let text = report.human(PLAIN);
    assert!(text.starts_with("2 scenarios: 1 pass, 1 not run.\n"), "{text}");
    assert!(text.contains("  not run      b     6.2 s  a title\n               it is about pahole\n"), "{text}");
    assert_eq!(text.matches("it is about pahole").count(), 1, "{text}");
    let xml = report.junit().unwrap();
    assert!(xml.contains(r#"tests="2" skipped="1" errors="0" failures="0""#), "{xml}");
}

#[test]
fn human_repeats_the_headline_of_a_long_report() {
    let differs = |lines: usize| Ending::Differs { diff: "-was\n".repeat(lines) };
    let of = |lines| report(vec![scenario("a", differs(lines))], Exit::Failed).human(PLAIN);
    let (short, long) = (of(2), of(30));
    assert_eq!(short.matches("1 scenario: 1 differs.").count(), 1, "{short}");
    assert!(long.starts_with("1 scenario: 1 differs.\n") && long.ends_with("\n1 scenario: 1 differs.\n"), "{long}");
}

#[test]
fn json_has_the_version_the_ending_and_the_exit() {
    let differs = Ending::Differs { diff: "-was".into() };
    let text = report(vec![scenario("a", differs)], Exit::Failed).json().unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["report"], 1);
    assert_eq!(json["exit"], "differs");
    assert_eq!(json["scenarios"][0]["ending"]["ending"], "differs");
    assert_eq!(json["scenarios"][0]["ending"]["diff"], "-was");
}

#[test]
fn junit_counts_nothing_as_passed_that_did_not_run() {
    let endings = [
        Ending::Pass,
        Ending::Differs { diff: "-was".into() },
        Ending::Unavailable { why: "gone".into() },
        Ending::Hang { what: "step 3".into() },
    ];
    let scenarios = endings.into_iter().map(|ending| scenario("s", ending)).collect();
    let xml = report(scenarios, Exit::Machine).junit().unwrap();
    assert!(xml.contains(r#"tests="4" skipped="1" errors="1" failures="1""#), "{xml}");
    assert!(xml.contains(r#"<failure message="-was" type="differs">"#), "{xml}");
    assert!(xml.contains(r#"<error message="step 3" type="hang">"#), "{xml}");
}

//! Tests of the scenarios' folders: each belongs to a scenario, holds the right files, and each file is formatted as the
//! current code would write it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use scenario::baseline::SNAPSHOT;
use scenario::boots::measured::{self, Measured};
use scenario::boots::transcript::Transcript;
use scenario::definition::{self, Scenario, ScenarioKind, test_name};
use scenario::{kbuilds, transcript};

/// Every scenario with its folder. Fails if scenarios are missing.
fn scenarios() -> Vec<(Scenario, PathBuf)> {
    let all = snapshots::scenarios().unwrap().into_iter();
    let all: Vec<_> = all.map(|it| (it.clone(), it.dir.expect("what is read from a folder has one"))).collect();
    assert!(all.len() >= 48, "only {} scenarios", all.len());
    all
}

fn file_names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[test]
fn every_folder_belongs_to_a_scenario() {
    let scenarios = scenarios();
    let families: BTreeSet<_> = scenarios.iter().map(|(scenario, _)| scenario.family().to_owned()).collect();
    let mut others = file_names(&snapshots::root());
    others.retain(|name| !families.contains(name));
    assert_eq!(others.into_iter().collect::<Vec<_>>(), ["Cargo.toml", "README.md", "src", "tests"]);
    for (scenario, _) in &scenarios {
        let family = snapshots::root().join(scenario.family());
        let series =
            scenarios.iter().filter(|(it, _)| it.family() == scenario.family()).filter_map(|(it, _)| it.series.clone());
        let expected: BTreeSet<_> = series.chain([definition::FILE.to_owned()]).collect();
        assert!(file_names(&family).is_superset(&expected), "{}", scenario.name);
        assert!(
            scenario.series.is_none() || file_names(&family) == expected,
            "{}: files beside its series",
            scenario.name
        );
    }
}

#[test]
fn every_folder_holds_exactly_the_recorded_files() {
    for (scenario, dir) in scenarios() {
        let mut expected = BTreeSet::from([SNAPSHOT, transcript::FILE]);
        if scenario.series.is_none() {
            expected.insert(definition::FILE);
        }
        if matches!(scenario.definition.subject, ScenarioKind::Boot(_)) {
            expected.insert(measured::FILE);
        }
        assert!(file_names(&dir).iter().eq(expected), "{}", scenario.name);
    }
}

#[test]
fn every_file_is_formatted_as_it_would_be_written() {
    for (scenario, dir) in scenarios() {
        let text = transcript::read_text(&dir).unwrap();
        let written = match scenario.definition.subject {
            ScenarioKind::Boot(_) => {
                let file = fs::read_to_string(dir.join(measured::FILE)).unwrap();
                let measured = Measured::read(&dir).unwrap();
                assert_eq!(measured.to_text().unwrap(), file, "{}", scenario.name);
                Transcript::parse(&text).unwrap().to_text().unwrap()
            }
            ScenarioKind::Build(_) => kbuilds::Transcript::parse(&text).unwrap().to_text().unwrap(),
        };
        assert!(written == text, "{}: its transcript would be written differently", scenario.name);
    }
}

#[test]
fn each_scenario_has_a_test_name_of_its_own() {
    let all = scenarios();
    let names: BTreeSet<_> = all.iter().map(|(scenario, _)| test_name(&scenario.name)).collect();
    assert_eq!(names.len(), all.len());
}

#[test]
fn all_records_together_are_small() {
    let sizes = scenarios()
        .into_iter()
        .flat_map(|(_, dir)| file_names(&dir).into_iter().map(move |name| fs::metadata(dir.join(name)).unwrap().len()));
    let sum: u64 = sizes.sum();
    assert!(sum < 2_000_000, "the records have {sum} bytes");
}

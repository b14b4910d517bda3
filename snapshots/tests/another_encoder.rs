//! Comparison of records of kernels whose BTF pahole encoded with runs of kernels whose BTF another encoder encoded.
//!
//! If the encoder writes types in pahole's order, everything has to be as recorded. If its order is its own and the running base
//! differs from the modules' build base, results that depend on the order of types may differ; nothing else may.

use guest_protocol::Load;
use scenario::baseline::{BaselineComparison, TypeOrder, compare_boot, compare_build};
use scenario::boots::measured::{Fidelity, Measured, TypeFidelity};
use scenario::boots::transcript::Transcript;
use scenario::definition::Scenario;
use scenario::exit::Ending;
use scenario::kbuilds::{self, ChangeKind};
use scenario::transcript::EncoderId;
use snapshots::RecordedBoot;

/// Changes a recorded boot and compares it with its record, as a boot with an encoder that has its own order of types.
fn judged(scenario: &Scenario, change: impl FnOnce(&mut Transcript, &mut Measured)) -> BaselineComparison {
    judged_in(TypeOrder::Own, scenario, change)
}

/// Like [`judged`], for an encoder with the given order of types.
fn judged_in(
    order: TypeOrder,
    scenario: &Scenario,
    change: impl FnOnce(&mut Transcript, &mut Measured),
) -> BaselineComparison {
    let RecordedBoot { transcript: mut seen, mut measured, dir, .. } = RecordedBoot::read(scenario.clone()).unwrap();
    let encoder = EncoderId { name: "modbtf-pahole".into(), debug: None, sha256: "0".repeat(64) };
    let provenance = &mut seen.header.provenance;
    provenance.running.encoder = Some(encoder.clone());
    provenance.modules_of.encoder = Some(encoder);
    change(&mut seen, &mut measured);
    compare_boot(&scenario.definition, &dir, (&seen, &measured), order).unwrap()
}

fn built(name: &str) -> Scenario {
    snapshots::scenario(name).unwrap()
}

/// The first load that matches.
fn load_of(seen: &mut Transcript, matches: impl Fn(&Load) -> bool) -> &mut Load {
    let loads = seen.events.iter_mut().filter_map(|event| match event {
        guest_protocol::Event::Step { load, .. } => Some(load),
        _ => None,
    });
    loads.into_iter().find(|load| matches(load)).expect("a load matches")
}

/// Lets the kernel accept the wrong BTF of the first refused module.
fn accept_wrong_btf(seen: &mut Transcript, measured: &mut Measured) {
    let refused = load_of(seen, |load| load.errno == 22).module.clone();
    let given = seen.header.given.iter().find(|given| given.module == refused).and_then(|given| given.btf.clone());
    let load = load_of(seen, |load| load.module == refused);
    (load.errno, load.live, load.btf) = (0, true, given);
    let wrong = |module: String| TypeFidelity {
        module,
        types: 9,
        other_name_or_kind: 1,
        other_layout: 1,
        other_closure: 1,
        examples: Vec::new(),
    };
    measured.fidelity.push(wrong(refused));
}

#[test]
fn another_base_may_accept_other_modules_with_a_note() {
    let scenario = built("upgrade-grow@6.1");
    let judged = judged(&scenario, accept_wrong_btf);
    assert_eq!(judged.ending, Ending::Pass);
    let note = judged.note.expect("another encoder is noted");
    assert!(note.contains("encoded by modbtf-pahole") && note.contains("the check that a shifted id fails"), "{note}");
}

#[test]
fn pahole_s_order_allows_no_difference() {
    let scenario = built("upgrade-grow@6.1");
    let same = judged_in(TypeOrder::Paholes, &scenario, |_, _| ());
    assert_eq!(same.ending, Ending::Pass);
    assert_eq!(same.note.as_deref(), Some("the BTF was encoded by modbtf-pahole: all as with pahole's"));

    let other = judged_in(TypeOrder::Paholes, &scenario, accept_wrong_btf);
    let Ending::Differs { diff } = &other.ending else { panic!("{other:?}") };
    assert!(diff.contains("loads with its BTF"), "{diff}");
    let note = other.note.expect("another encoder is noted");
    assert!(note.contains("in pahole's order of types: compared in full"), "{note}");

    let another_check = |seen: &mut Transcript, _: &mut Measured| {
        let mut records = seen.events.iter_mut().filter_map(|event| match event {
            guest_protocol::Event::Step { records, .. } => Some(records),
            _ => None,
        });
        let record = records.find_map(|it| it.iter_mut().find(|it| it.text == "BPF: Invalid name"));
        record.expect("a check failed").text = "BPF: vlen != 0".into();
    };
    let other = judged_in(TypeOrder::Paholes, &scenario, another_check);
    assert!(matches!(other.ending, Ending::Differs { .. }), "{other:?}");
}

#[test]
fn pahole_s_order_allows_what_another_point_release_may_change() {
    let another_source = |seen: &mut Transcript, _: &mut Measured| {
        let provenance = &mut seen.header.provenance;
        provenance.running.version = "0".into();
        provenance.modules_of.version = "0".into();
        let first = seen.events.iter_mut().find_map(|event| match event {
            guest_protocol::Event::Step { records, .. } => records.first_mut(),
            _ => None,
        });
        first.expect("the kernel printed a line").text = "BPF: another type".into();
    };
    let judged = judged_in(TypeOrder::Paholes, &built("upgrade-grow@6.1"), another_source);
    assert_eq!(judged.ending, Ending::Pass, "{judged:?}");
    let note = judged.note.expect("both are noted");
    assert!(note.contains("encoded by modbtf-pahole") && note.contains("without the types in complaints"), "{note}");
}

#[test]
fn build_may_differ_only_in_the_bytes_around_btf() {
    let scenario = built("rebuild-rules@6.1");
    let dir = scenario.dir.as_deref().expect("what is read from a folder has one");
    let judged = |encoder: bool, how: ChangeKind| {
        let mut seen = kbuilds::Transcript::read(dir).unwrap();
        let id = EncoderId { name: "x".into(), debug: None, sha256: "0".repeat(64) };
        seen.header.provenance.encoder = encoder.then_some(id);
        let changes = seen.steps.iter_mut().filter_map(|step| step.changes.as_mut()).flat_map(|it| &mut it.files);
        let replaced: Vec<_> = changes.filter(|change| change.how == ChangeKind::OtherBytes).collect();
        assert!(replaced.len() > 10);
        replaced.into_iter().for_each(|change| change.how = how);
        compare_build(&scenario.definition, dir, &seen).unwrap()
    };
    let same = judged(true, ChangeKind::OtherBytes);
    assert_eq!(same.ending, Ending::Pass);
    assert_eq!(same.note.as_deref(), Some("the BTF was encoded by x: all as with pahole's"));
    let around = judged(true, ChangeKind::Same);
    assert_eq!(around.ending, Ending::Pass);
    assert!(around.note.is_some_and(|note| note.contains("without the bytes around .BTF")));
    for (encoder, how) in [(true, ChangeKind::OtherBtf), (true, ChangeKind::Gone), (false, ChangeKind::Same)] {
        let other = judged(encoder, how);
        assert!(matches!(other.ending, Ending::Differs { .. }), "{how:?}: {other:?}");
    }
}

#[test]
fn another_base_must_keep_true_btf_true_and_wrong_btf_wrong() {
    let scenario = built("external-upgrade@6.12");
    let lost = judged(&scenario, |seen, _| load_of(seen, |load| load.btf.is_some()).btf = None);
    assert!(matches!(lost.ending, Ending::Differs { .. }), "{lost:?}");

    let scenario = built("upgrade-reorder@6.1");
    let found = judged(&scenario, |_, measured| {
        let module = measured.fidelity.iter_mut().find(|module| !module.holds()).expect("all are wrong");
        (module.other_name_or_kind, module.other_layout, module.other_closure) = (0, 0, 0);
    });
    assert!(matches!(found.ending, Ending::Differs { .. }), "{found:?}");
}

#[test]
fn the_same_base_allows_no_difference() {
    let scenario = built("same-source@6.1");
    let as_recorded = judged(&scenario, |_, _| ());
    assert_eq!(as_recorded.ending, Ending::Pass);
    for change in [
        |load: &mut Load| load.btf = None,
        |load: &mut Load| (load.errno, load.live, load.btf) = (22, false, None),
        |load: &mut Load| (load.errno, load.live, load.btf) = (2, false, None),
    ] {
        let judged = judged(&scenario, |seen, _| change(load_of(seen, |load| load.btf.is_some())));
        assert!(matches!(judged.ending, Ending::Differs { .. }), "{judged:?}");
    }
}

#[test]
fn crc_refusals_must_not_differ() {
    let scenario = built("crc-break@6.1");
    let judged = judged(&scenario, |seen, _| {
        let load = load_of(seen, |load| load.errno != 0);
        (load.errno, load.live) = (0, true);
    });
    assert!(matches!(judged.ending, Ending::Differs { .. }), "{judged:?}");
}

#[test]
fn every_recorded_boot_of_built_kernels_passes_unchanged_and_notices_lost_btf() {
    let boots = snapshots::scenarios().unwrap().into_iter();
    let boots: Vec<_> = boots.filter(|it| it.is_built() && it.definition.boot().is_some()).collect();
    assert!(boots.len() > 10);
    let mut noticed = [0; 2];
    for scenario in boots {
        assert_eq!(judged(&scenario, |_, _| ()).ending, Ending::Pass, "{}", scenario.name);
        let RecordedBoot { transcript: seen, measured, .. } = RecordedBoot::read(scenario.clone()).unwrap();
        let any_true = seen.steps().any(|step| measured.fidelity(&step) == Fidelity::True);
        if any_true {
            let lost = judged(&scenario, |seen, _| load_of(seen, |load| load.btf.is_some()).btf = None);
            let first = seen.steps().find(|step| step.load.btf.is_some()).map(|step| measured.fidelity(&step));
            let is_noticed = matches!(lost.ending, Ending::Differs { .. });
            assert_eq!(is_noticed, first == Some(Fidelity::True), "{}", scenario.name);
            noticed[usize::from(is_noticed)] += 1;
        }
    }
    assert!(noticed[1] > 5, "{noticed:?}");
}

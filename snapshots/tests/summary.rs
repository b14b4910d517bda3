//! Tests of the counts in a boot's summary. A module counts as failed for want of a refused one only if no other reason is possible.

use guest_protocol::Event;
use scenario::boots::measured::Measured;
use scenario::boots::transcript::Transcript;
use scenario::load_counts::LoadCounts;
use snapshots::RecordedBoot;

/// The counts of a changed recorded boot. In the recorded one, modules are refused, and others fail because they import from them.
fn counts(change: impl FnOnce(&mut Transcript, &mut Measured)) -> LoadCounts {
    let RecordedBoot { mut transcript, mut measured, .. } =
        RecordedBoot::read(snapshots::scenario("upgrade-grow@6.1").unwrap()).unwrap();
    change(&mut transcript, &mut measured);
    LoadCounts::of(&transcript, &measured)
}

#[test]
fn modules_that_need_a_refused_module_are_counted_apart() {
    let summary = counts(|_, _| ());
    assert_eq!((summary.refused, summary.for_want, summary.not_loaded), (10, 6, 0));
    let sentence = summary.sentence();
    assert!(sentence.ends_with("6 do not load for want of one that was refused, 0 do not load for other reasons"));
}

#[test]
fn modules_that_may_fail_for_another_reason_are_not_counted_for_want() {
    let of_another_abi = counts(|_, measured| {
        measured.built.as_mut().expect("it was built").symvers.missing = 1;
    });
    assert_eq!((of_another_abi.for_want, of_another_abi.not_loaded), (0, 6));

    let one_fails_otherwise = counts(|transcript, _| {
        let refused = transcript.events.iter_mut().find_map(|event| match event {
            Event::Step { load, records, .. } if load.errno == 22 => Some((load, records)),
            _ => None,
        });
        let (load, records) = refused.expect("one is refused");
        load.errno = 12;
        records.clear();
    });
    assert_eq!((one_fails_otherwise.for_want, one_fails_otherwise.not_loaded), (0, 7));

    let none_refused = counts(|transcript, _| transcript.header.allows_btf_mismatch = true);
    assert_eq!((none_refused.refused, none_refused.for_want, none_refused.not_loaded), (0, 0, 16));
}

#[test]
fn failure_with_enoent_without_an_unknown_symbol_is_not_counted_for_want() {
    let silent = counts(|transcript, _| {
        for event in &mut transcript.events {
            if let Event::Step { load, records, .. } = event
                && load.errno == 2
            {
                records.clear();
            }
        }
    });
    assert_eq!((silent.for_want, silent.not_loaded), (0, 6));
}

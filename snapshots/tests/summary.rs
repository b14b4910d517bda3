//! What a recorded boot comes to in one sentence: which modules failed for want of a refused one is said only where it is certain.

use guest_protocol::Event;
use scenario::boots::measured::Measured;
use scenario::boots::transcript::Transcript;
use scenario::load_counts::LoadCounts;
use snapshots::RecordedBoot;

/// A recorded boot in which modules are refused, and others fail for want of them, after a change.
fn summed(change: impl FnOnce(&mut Transcript, &mut Measured)) -> LoadCounts {
    let RecordedBoot { mut transcript, mut measured, .. } =
        RecordedBoot::read(snapshots::scenario("upgrade-grow@6.1").unwrap()).unwrap();
    change(&mut transcript, &mut measured);
    LoadCounts::of(&transcript, &measured)
}

#[test]
fn what_fails_for_want_of_a_refused_module_is_told_apart() {
    let summary = summed(|_, _| ());
    assert_eq!((summary.refused, summary.for_want, summary.not_loaded), (10, 6, 0));
    let sentence = summary.sentence();
    assert!(sentence.ends_with("6 do not load for want of one that was refused, 0 do not load for other reasons"));
}

#[test]
fn where_a_symbol_may_be_missing_for_another_reason_nothing_is_claimed() {
    let of_another_abi = summed(|_, measured| {
        measured.built.as_mut().expect("it was built").symvers.missing = 1;
    });
    assert_eq!((of_another_abi.for_want, of_another_abi.not_loaded), (0, 6));

    let one_fails_otherwise = summed(|transcript, _| {
        let refused = transcript.events.iter_mut().find_map(|event| match event {
            Event::Step { load, records, .. } if load.errno == 22 => Some((load, records)),
            _ => None,
        });
        let (load, records) = refused.expect("one is refused");
        load.errno = 12;
        records.clear();
    });
    assert_eq!((one_fails_otherwise.for_want, one_fails_otherwise.not_loaded), (0, 7));

    let none_refused = summed(|transcript, _| transcript.header.allows_btf_mismatch = true);
    assert_eq!((none_refused.refused, none_refused.for_want, none_refused.not_loaded), (0, 0, 16));
}

#[test]
fn a_failure_with_enoent_that_says_no_symbol_has_another_reason() {
    let silent = summed(|transcript, _| {
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

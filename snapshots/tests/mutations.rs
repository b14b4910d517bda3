//! Mutation tests of the replay: each transcript and each measurement is changed in one place, in every way that a snapshot has to
//! show. Each change must fail the replay.

use std::collections::BTreeMap;

use guest_protocol::{Event, Load, Record, SysfsBtf};
use scenario::baseline::recorded_snapshot;
use scenario::boots::measured::{BuiltKernels, Measured, RelocatedModule};
use scenario::boots::snapshot::snapshot;
use scenario::boots::transcript::Transcript;
use scenario::definition::{BootDefinition, Modules, Scenario};
use snapshots::RecordedBoot;

/// The minimum number of recorded boots.
const ALL: usize = 31;

/// The number of steps of a transcript that are mutated, spread evenly over it.
const STEPS: usize = 24;

struct Recorded {
    boot: RecordedBoot,
    text: String,
}

impl Recorded {
    fn read(scenario: Scenario) -> Self {
        let boot = RecordedBoot::read(scenario).unwrap();
        let text = recorded_snapshot(&boot.dir).unwrap().expect("every scenario has a snapshot");
        Self { boot, text }
    }

    fn name(&self) -> &str {
        &self.boot.scenario.name
    }

    fn definition(&self) -> &BootDefinition {
        self.boot.definition().boot().expect("only what boots is read here")
    }

    fn replays(&self, transcript: &Transcript, measured: &Measured) -> bool {
        snapshot(self.boot.definition(), transcript, measured).trim_end() == self.text.trim_end()
    }

    /// Changes the transcript in one place and checks that the replay fails. `mutate` returns whether it found something to
    /// change there. Returns 1 if it did, else 0.
    fn must_notice(&self, what: &str, at: usize, mutate: impl FnOnce(&mut Vec<Event>) -> bool) -> usize {
        let mut changed = self.boot.transcript.clone();
        if !mutate(&mut changed.events) {
            return 0;
        }
        assert_ne!(changed, self.boot.transcript, "{}: {what} at step {at} changed nothing", self.name());
        assert!(!self.replays(&changed, &self.boot.measured), "{}: {what} at step {at} went unnoticed", self.name());
        1
    }

    /// The steps to mutate: indices into the events.
    fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let steps = self.boot.transcript.header.given.len();
        let stride = steps.div_ceil(STEPS).max(1);
        (0..steps).step_by(stride).map(|step| step + 2)
    }
}

fn recorded() -> Vec<Recorded> {
    let boots = snapshots::scenarios().unwrap().into_iter().filter(|scenario| scenario.definition.boot().is_some());
    let all: Vec<_> = boots.map(Recorded::read).collect();
    assert!(all.len() >= ALL, "only {} boots are recorded", all.len());
    all
}

fn step(events: &mut [Event], at: usize) -> (&mut Load, &mut Vec<Record>) {
    match &mut events[at] {
        Event::Step { load, records, .. } => (load, records),
        other => panic!("event {at} is no step: {other:?}"),
    }
}

/// The first step from `at` on that has at least `count` records. The search wraps around at the end.
fn talkative(events: &[Event], at: usize, count: usize) -> Option<usize> {
    let steps = 2..events.len() - 1;
    steps
        .clone()
        .map(|offset| 2 + (at - 2 + offset - 2) % steps.len())
        .find(|&at| matches!(&events[at], Event::Step { records, .. } if records.len() >= count))
}

/// Runs a mutation at every place of every transcript. Checks that it found something to change in each scenario to which it
/// `applies`, and that these are at least `least`.
fn everywhere(
    what: &str,
    least: usize,
    applies: impl Fn(&Recorded) -> bool,
    mutate: impl Fn(&mut Vec<Event>, usize) -> bool,
) {
    let mut tried = 0;
    for recorded in recorded() {
        let made: usize = recorded.places().map(|at| recorded.must_notice(what, at, |events| mutate(events, at))).sum();
        let applies = applies(&recorded);
        assert!(made > 0 || !applies, "{}: nothing to try {what} on", recorded.name());
        tried += usize::from(applies);
    }
    assert!(tried >= least, "{what}: only {tried} scenarios to try it on");
}

/// Counts the scenarios on which each change was tried, to notice a change that was never tried.
#[derive(Default)]
struct Tried(BTreeMap<&'static str, usize>);

impl Tried {
    fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    /// Checks that exactly these changes were tried, each on at least the given number of scenarios.
    fn at_least<const N: usize>(&self, least: [(&str, usize); N]) {
        assert!(self.0.keys().copied().eq(BTreeMap::from(least).into_keys()), "{:?}", self.0);
        for (what, least) in least {
            assert!(self.0[what] >= least, "{what}: tried on {} scenarios", self.0[what]);
        }
    }
}

fn speaks(recorded: &Recorded) -> bool {
    recorded.boot.transcript.steps().any(|step| !step.records.is_empty())
}

#[test]
fn the_recorded_transcripts_replay() {
    for recorded in recorded() {
        assert!(recorded.replays(&recorded.boot.transcript, &recorded.boot.measured), "{}", recorded.name());
    }
}

#[test]
fn another_errno() {
    everywhere(
        "another errno",
        ALL,
        |_| true,
        |events, at| {
            let (load, _) = step(events, at);
            load.errno = if load.errno == 22 { 2 } else { 22 };
            true
        },
    );
}

#[test]
fn success_swapped_with_failure() {
    everywhere(
        "success for failure or failure for success",
        ALL,
        |_| true,
        |events, at| {
            let (load, _) = step(events, at);
            load.errno = if load.errno == 0 { 19 } else { 0 };
            load.live = load.errno == 0;
            true
        },
    );
}

#[test]
fn a_module_that_is_not_live() {
    everywhere(
        "another liveness",
        ALL,
        |_| true,
        |events, at| {
            let (load, _) = step(events, at);
            load.live = !load.live;
            true
        },
    );
}

#[test]
fn btf_that_appears_or_vanishes() {
    everywhere(
        "BTF that appears or vanishes",
        ALL,
        |_| true,
        |events, at| {
            let (load, _) = step(events, at);
            load.btf = match load.btf.take() {
                Some(_) => None,
                None => Some(SysfsBtf { size: 24, sha256: "0".repeat(64) }),
            };
            true
        },
    );
}

#[test]
fn btf_of_other_bytes() {
    let shows = |recorded: &Recorded| recorded.boot.transcript.steps().any(|step| step.load.btf.is_some());
    everywhere(
        "BTF of other bytes",
        5,
        |it| shows(it) && it.definition().load == Modules::All && !it.definition().is_upgrade(),
        |events, at| {
            let (load, _) = step(events, at);
            let Some(btf) = &mut load.btf else { return false };
            btf.sha256 = "0".repeat(64);
            load.errno == 0
        },
    );
}

#[test]
fn a_line_dropped() {
    everywhere("a dropped line", 25, speaks, |events, at| {
        let Some(at) = talkative(events, at, 1) else { return false };
        let (_, records) = step(events, at);
        records.remove(at % records.len());
        true
    });
}

#[test]
fn a_line_altered() {
    everywhere("an altered line", 25, speaks, |events, at| {
        let Some(at) = talkative(events, at, 1) else { return false };
        let (_, records) = step(events, at);
        let last = records.len() - 1;
        // After a blank: without one, the text would be part of a name, and names of built kernels are replaced by placeholders.
        records[at % (last + 1)].text.push_str(" x");
        true
    });
}

#[test]
fn a_line_of_another_level() {
    everywhere("another level", 25, speaks, |events, at| {
        let Some(at) = talkative(events, at, 1) else { return false };
        let (_, records) = step(events, at);
        records[0].level ^= 1;
        true
    });
}

#[test]
fn two_lines_swapped() {
    let pairs = |recorded: &Recorded| {
        recorded.boot.transcript.steps().any(|step| step.records.windows(2).any(|two| two[0].text != two[1].text))
    };
    everywhere("swapped lines", 25, pairs, |events, at| {
        let Some(at) = talkative(events, at, 2) else { return false };
        let (_, records) = step(events, at);
        let Some(first) = records.windows(2).position(|two| two[0].text != two[1].text) else { return false };
        records.swap(first, first + 1);
        true
    });
}

#[test]
fn a_record_moved_to_another_module() {
    let many = |recorded: &Recorded| speaks(recorded) && recorded.boot.transcript.header.given.len() > 1;
    everywhere("a record moved to another module", 25, many, |events, at| {
        let Some(from) = talkative(events, at, 1) else { return false };
        let to = if from + 1 < events.len() - 1 { from + 1 } else { 2 };
        if to == from {
            return false;
        }
        let record = step(events, from).1.pop().expect("a talkative step has records");
        step(events, to).1.insert(0, record);
        true
    });
}

#[test]
fn a_line_after_the_last_module() {
    for recorded in recorded() {
        let made = recorded.must_notice("a line after the last module", 0, |events| {
            let Some(Event::End { records, .. }) = events.last_mut() else { return false };
            records.push(Record { seq: 0, us: 0, level: 4, text: "BPF: Invalid name".into() });
            true
        });
        assert_eq!(made, 1);
    }
}

#[test]
fn another_base() {
    for recorded in recorded() {
        let made = recorded.must_notice("another base", 0, |events| {
            let Event::Boot { base: Some(base), .. } = &mut events[1] else { return false };
            base.sha256 = "0".repeat(64);
            true
        });
        assert_eq!(made, 1, "{}", recorded.name());
    }
}

#[test]
fn another_measurement() {
    let mut tried = Tried::default();
    for recorded in recorded() {
        let name = recorded.name();
        let mut changed = recorded.boot.measured.clone();
        changed.abi.differing += 1;
        assert!(!recorded.replays(&recorded.boot.transcript, &changed), "{name}: another number of differing CRCs");

        if recorded.boot.measured.abi.compatible() {
            let mut changed = recorded.boot.measured.clone();
            changed.abi.undecidable += 1;
            tried.count("undecidable");
            assert!(
                !recorded.replays(&recorded.boot.transcript, &changed),
                "{name}: a symbol of which nothing is known"
            );
        }

        let mut changed = recorded.boot.measured.clone();
        changed.round_trip.failed.push("overlay".into());
        assert!(!recorded.replays(&recorded.boot.transcript, &changed), "{name}: BTF that does not come back");

        let mut changed = recorded.boot.measured.clone();
        match changed.relocated.first_mut() {
            Some(first) => first.expected = None,
            None => changed.relocated.push(RelocatedModule { module: "x".into(), expected: None, unknown: None }),
        }
        assert!(!recorded.replays(&recorded.boot.transcript, &changed), "{name}: a module relocated otherwise");
        if !recorded.boot.measured.relocated.is_empty() {
            tried.count("relocated");
            let text = snapshot(recorded.boot.definition(), &recorded.boot.transcript, &changed);
            assert!(text.contains(", 1 is given types that are not known to be true"), "{name}: {text}");
        }
        changed.relocated[0].unknown = Some("why".into());
        assert!(!recorded.replays(&recorded.boot.transcript, &changed), "{name}: a module of which nothing is known");

        if !recorded.boot.measured.fidelity.is_empty() {
            let mut changed = recorded.boot.measured.clone();
            changed.fidelity.pop();
            tried.count("not measured");
            assert!(!recorded.replays(&recorded.boot.transcript, &changed), "{name}: a module that was not measured");
        }

        for at in 0..recorded.boot.measured.fidelity.len().min(STEPS) {
            let mut changed = recorded.boot.measured.clone();
            let module = &mut changed.fidelity[at];
            tried.count(if module.is_all_zero() { "true" } else { "wrong" });
            // The snapshot of built kernels shows the ways in which types are wrong, but not their number.
            module.other_closure = match (recorded.boot.measured.built.is_some(), module.other_closure) {
                (true, 1..) => 0,
                (_, count) => count + 1,
            };
            assert!(!recorded.replays(&recorded.boot.transcript, &changed), "{name}: another fidelity at {at}");
        }
    }
    tried.at_least([("undecidable", 25), ("relocated", 2), ("not measured", 20), ("true", 50), ("wrong", 50)]);
}

#[test]
fn an_incomplete_transcript_is_refused() {
    for recorded in recorded() {
        let Transcript { header, events } = recorded.boot.transcript.clone();
        for cut in [0, 1, 2, events.len() / 2, events.len() - 1] {
            let cut: Vec<_> = events[..cut].to_vec();
            assert!(Transcript::new(header.clone(), cut).is_err(), "{}", recorded.name());
        }
        let mut swapped = events.clone();
        swapped.swap(1, 2);
        assert!(Transcript::new(header.clone(), swapped).is_err(), "{}", recorded.name());
        let mut doubled = events;
        doubled.insert(2, doubled[2].clone());
        assert!(Transcript::new(header, doubled).is_err(), "{}", recorded.name());
    }
}

#[test]
fn another_measurement_of_built_kernels() {
    type Change = fn(&mut BuiltKernels);
    let changes: [(&str, Change); 4] = [
        ("a symbol with another CRC", |built| built.symvers.differing += 1),
        ("a symbol that is missing", |built| built.symvers.missing += 1),
        ("a base of another number of types", |built| {
            let (types, other) = (built.running_base.types, &mut built.modules_base.types);
            *other = if *other == types { types + 1 } else { types };
        }),
        ("a base of longer or shorter strings", |built| {
            let (strings, other) = (built.running_base.strings, &mut built.modules_base.strings);
            *other = if *other == strings { strings + 1 } else { strings };
        }),
    ];
    let mut tried = Tried::default();
    for recorded in recorded() {
        let Some(built) = &recorded.boot.measured.built else { continue };
        for (what, change) in changes {
            let mut changed = built.clone();
            change(&mut changed);
            // With the same base, the sizes of bases are not shown.
            if recorded.boot.measured.same_base && changed.symvers == built.symvers {
                continue;
            }
            tried.count(what);
            let (name, changed) =
                (recorded.name(), Measured { built: Some(changed), ..recorded.boot.measured.clone() });
            assert!(!recorded.replays(&recorded.boot.transcript, &changed), "{name}: {what} went unnoticed");
        }
    }
    tried.at_least(changes.map(|(what, _)| (what, 20)));
}

/// The records of one event.
fn records_of(event: &mut Event) -> Option<&mut Vec<Record>> {
    match event {
        Event::Boot { records, .. } | Event::Step { records, .. } | Event::End { records, .. } => Some(records),
        Event::Begin { .. } | Event::Failed { .. } => None,
    }
}

fn boot(events: &mut [Event]) -> &mut Vec<Record> {
    records_of(&mut events[1]).expect("the second event is the boot")
}

#[test]
fn records_that_no_snapshot_shows_are_refused_when_read() {
    type Change = fn(&mut Vec<Event>);
    let changes: [(&str, Change); 5] = [
        ("another kernel that answers", |events| {
            let Event::Begin { release, .. } = &mut events[0] else { return };
            release.push('x');
        }),
        ("a line of the boot dropped", |events| drop(boot(events).remove(100))),
        ("two lines of the boot swapped", |events| boot(events).swap(3, 4)),
        ("a line of the boot said twice", |events| {
            let again = boot(events)[3].clone();
            boot(events).insert(3, again);
        }),
        ("two lines that became one", |events| {
            let last = events.iter_mut().filter_map(records_of).rfind(|records| records.len() > 1);
            let Some(Record { level, text, .. }) = last.as_ref().and_then(|records| records.last()).cloned() else {
                return;
            };
            let Some(records) = last else { return };
            records.pop();
            let joined = records.last_mut().expect("there were two");
            joined.text = format!("{}\n<{level}> {text}", joined.text);
        }),
    ];
    for recorded in recorded() {
        let Transcript { header, events } = recorded.boot.transcript.clone();
        for (what, change) in changes {
            let name = recorded.name();
            let mut changed = events.clone();
            change(&mut changed);
            assert_ne!(changed, events, "{name}: nothing to try {what} on");
            assert!(Transcript::new(header.clone(), changed).is_err(), "{name}: {what} went unnoticed");
        }
    }
}

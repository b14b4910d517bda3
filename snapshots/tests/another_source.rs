//! Comparison of records of source-built kernels with runs of kernels built from another point release. The kernel may complain
//! about another type; nothing else may differ.

use guest_protocol::{Event, Record};
use scenario::baseline::{BaselineComparison, TypeOrder, compare_boot};
use scenario::boots::transcript::KernelId;
use scenario::definition::Scenario;
use scenario::exit::Ending;
use snapshots::RecordedBoot;

/// A recorded boot of source-built kernels.
struct Built(RecordedBoot);

impl Built {
    fn name(&self) -> &str {
        &self.0.scenario.name
    }

    fn events(&self) -> Vec<Event> {
        self.0.transcript.events.clone()
    }

    /// Changes the transcript and compares it with the record. `another_source` replaces the version of both kernels.
    fn judge(&self, another_source: bool, change: impl FnOnce(&mut [Event]) -> bool) -> BaselineComparison {
        self.judge_with(change, |kernel| {
            if another_source {
                kernel.version = "0".into();
                kernel.build.as_mut().expect("it was built").key = "0".repeat(64);
            }
        })
    }

    /// Changes the transcript and the identity of both kernels, and compares with the record.
    fn judge_with(
        &self,
        change: impl FnOnce(&mut [Event]) -> bool,
        identity: impl Fn(&mut KernelId),
    ) -> BaselineComparison {
        let mut seen = self.0.transcript.clone();
        let provenance = &mut seen.header.provenance;
        identity(&mut provenance.running);
        identity(&mut provenance.modules_of);
        assert!(change(&mut seen.events), "{}: nothing to change", self.name());
        compare_boot(self.0.definition(), &self.0.dir, (&seen, &self.0.measured), TypeOrder::Paholes).unwrap()
    }
}

fn built() -> Vec<Built> {
    let boots = |scenario: &Scenario| scenario.definition.boot().is_some_and(|boot| boot.is_built());
    let all: Vec<_> = snapshots::scenarios()
        .unwrap()
        .into_iter()
        .filter(boots)
        .map(RecordedBoot::read)
        .map(|it| Built(it.unwrap()))
        .collect();
    assert!(all.len() > 20, "only {}", all.len());
    all
}

/// The records of the first step with a complaint about a type or a member, and the index at which the complaint begins.
fn complaint(events: &mut [Event]) -> Option<(&mut Vec<Record>, usize)> {
    events.iter_mut().find_map(|event| {
        let Event::Step { records, .. } = event else { return None };
        let separator = records.iter().position(|record| record.text == "BPF:  ")?;
        let first = records.iter().position(|record| record.text.starts_with("BPF:"))?;
        (first < separator).then_some((records, first))
    })
}

/// Lets the first complaint be about another type.
fn another_subject(events: &mut [Event]) -> bool {
    let Some((records, first)) = complaint(events) else { return false };
    let separator = records.iter().position(|record| record.text == "BPF:  ").expect("it was found");
    let like = |text: &str| Record { text: text.into(), ..records[first].clone() };
    let subject = [like("BPF: [70000] FWD x "), like("BPF: struct")];
    records.splice(first..separator, subject);
    true
}

#[test]
fn another_type_passes_only_with_another_source_and_with_a_note() {
    let mut tried = 0;
    for recorded in built() {
        let name = recorded.name();
        if !another_subject(&mut recorded.events()) {
            continue;
        }
        tried += 1;
        let other = recorded.judge(true, another_subject);
        assert_eq!(other.ending, Ending::Pass, "{name}");
        let note = other.note.expect("another source is noted");
        assert!(note.contains("the running kernel was recorded with linux-source-"), "{name}: {note}");
        assert!(note.contains("the modules' kernel was recorded with linux-source-"), "{name}: {note}");
        let same = recorded.judge(false, another_subject);
        assert!(matches!(same.ending, Ending::Differs { .. }) && same.note.is_none(), "{name}: {same:?}");
        let recipe = recorded.judge_with(another_subject, |kernel| {
            kernel.build.as_mut().expect("it was built").key = "0".repeat(64);
        });
        assert!(matches!(recipe.ending, Ending::Differs { .. }), "{name}: {recipe:?}");
        assert!(recipe.note.is_some_and(|note| note.contains("another recipe")), "{name}");
    }
    assert!(tried > 10, "{tried}");
}

#[test]
fn unchanged_transcript_passes_without_a_note() {
    for recorded in built() {
        let judged = recorded.judge(true, |_| true);
        assert_eq!(judged, BaselineComparison::from(Ending::Pass), "{}", recorded.name());
    }
}

#[test]
fn other_changes_fail_with_another_source_as_well() {
    type Change = fn(&mut [Event]) -> bool;
    let changes: [(&str, Change); 5] = [
        ("another check", |events| {
            let Some((records, _)) = complaint(events) else { return false };
            let separator = records.iter().position(|record| record.text == "BPF:  ").expect("it was found");
            records[separator + 1].text = "BPF: vlen != 0".into();
            true
        }),
        ("another errno in the log", |events| {
            let Some((records, _)) = complaint(events) else { return false };
            let Some(refusal) = records.iter_mut().find(|it| it.text.starts_with("failed to validate")) else {
                return false;
            };
            refusal.text = refusal.text.replace("-22", "-7");
            true
        }),
        ("another errno of the load", |events| {
            let Event::Step { load, .. } = &mut events[2] else { return false };
            load.errno = if load.errno == 22 { 2 } else { 22 };
            true
        }),
        ("a complaint about no type", |events| {
            let Some((records, first)) = complaint(events) else { return false };
            let separator = records.iter().position(|record| record.text == "BPF:  ").expect("it was found");
            records.drain(first..separator);
            true
        }),
        ("a complaint without its end", |events| {
            let Some((records, _)) = complaint(events) else { return false };
            let end = records.iter().position(|record| record.text == "BPF: ").expect("each complaint has one");
            records.remove(end);
            true
        }),
    ];
    for (what, change) in changes {
        let mut tried = 0;
        for recorded in built() {
            if !change(&mut recorded.events()) {
                continue;
            }
            tried += 1;
            let judged = recorded.judge(true, change);
            assert!(matches!(judged.ending, Ending::Differs { .. }), "{}: {what} went unnoticed", recorded.name());
        }
        assert!(tried > 10, "{what}: {tried}");
    }
}

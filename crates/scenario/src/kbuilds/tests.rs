//! Mutation tests of build snapshots: recorded transcripts are changed in one place, in every way that matters, and
//! the replay must fail for each change.

use std::path::Path;

use super::*;
use crate::baseline::recorded_snapshot;
use crate::definition::{Scenario, ScenarioKind, read_all};
use crate::normalise::build_log;
use crate::transcript::Error;

struct Replay {
    scenario: Scenario,
    transcript: Transcript,
    text: String,
}

/// Every recorded build scenario.
fn replays() -> Vec<Replay> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../snapshots");
    let builds = |scenario: &Scenario| matches!(scenario.definition.subject, ScenarioKind::Build(_));
    let replay = |scenario: Scenario| {
        let dir = scenario.dir.clone().expect("what is read from a folder has one");
        let transcript = Transcript::read(&dir).unwrap();
        let text = recorded_snapshot(&dir).unwrap().expect("every scenario has a snapshot");
        Replay { scenario, transcript, text }
    };
    let replays: Vec<_> = read_all(&root).unwrap().into_iter().filter(builds).map(replay).collect();
    assert!(!replays.is_empty());
    replays
}

impl Replay {
    fn replays(&self, transcript: &Transcript) -> bool {
        snapshot(&self.scenario.definition, transcript).trim_end() == self.text.trim_end()
    }
}

/// Applies a mutation to every step of every transcript; it returns whether it changed something. Each change must be
/// noticed, and there must be at least `least` changes in total.
fn noticed(what: &str, least: usize, mutate: impl Fn(&mut StepRecord) -> bool) {
    let mut made = 0;
    for replay in replays() {
        for at in 0..replay.transcript.steps.len() {
            let mut changed = replay.transcript.clone();
            if !mutate(&mut changed.steps[at]) {
                continue;
            }
            made += 1;
            let name = &replay.scenario.name;
            assert_ne!(changed, replay.transcript, "{name}: {what} at step {at} changed nothing");
            assert!(!replay.replays(&changed), "{name}: {what} at step {at} went unnoticed");
        }
    }
    assert!(made >= least, "{what}: only {made} places to try it on");
}

fn lines(recorded: &mut StepRecord) -> Option<&mut Vec<String>> {
    recorded.ran.as_mut().map(|outcome| &mut outcome.lines)
}

fn encoded(recorded: &mut StepRecord, order: EncodingOrder) -> Vec<&mut EncodedBtf> {
    let of_order = recorded.encodings.iter_mut().filter(|encoding| encoding.order == order);
    of_order
        .filter_map(|it| if let EncodingResult::Btf(encoded) = &mut it.made { Some(encoded) } else { None })
        .collect()
}

#[test]
fn the_recorded_transcripts_replay_and_survive_their_text() {
    for replay in replays() {
        assert!(replay.replays(&replay.transcript), "{}", replay.scenario.name);
        assert_eq!(Transcript::parse(&replay.transcript.to_text().unwrap()).unwrap(), replay.transcript);
    }
}

#[test]
fn each_scenario_ended_as_it_was_to() {
    for replay in replays() {
        let ScenarioKind::Build(definition) = &replay.scenario.definition.subject else { continue };
        let sentence = summary(definition, &replay.transcript);
        assert!(sentence.ends_with("all ended as they were to"), "{}: {sentence}", replay.scenario.name);
    }
}

#[test]
fn another_exit_status() {
    noticed("another exit status", 20, |recorded| recorded.ran.as_mut().map(|outcome| outcome.status += 1).is_some());
    noticed("success for failure", 2, |recorded| match &mut recorded.ran {
        Some(outcome) if outcome.status != 0 => {
            outcome.status = 0;
            true
        }
        _ => false,
    });
    noticed("an encoder that failed", 1, |recorded| {
        recorded.encodings.last_mut().map(|encoding| encoding.ran.status = 1).is_some()
    });
}

#[test]
fn another_command() {
    noticed("another argument", 20, |recorded| {
        recorded.ran.as_mut().map(|outcome| outcome.command.argv.push("V=1".into())).is_some()
    });
    noticed("another time stamp", 20, |recorded| match &mut recorded.ran {
        Some(CommandOutcome { command, .. }) => {
            command.reproducible = !command.reproducible;
            true
        }
        None => false,
    });
    noticed("another file touched", 20, |recorded| {
        recorded.touched.push("/build/x".into());
        true
    });
}

#[test]
fn a_line_dropped_altered_doubled_or_of_nowhere() {
    // Every line of every log is tried, because a rule of the normaliser may drop only one kind.
    let mut made = 0;
    for replay in replays() {
        let name = &replay.scenario.name;
        for at in 0..replay.transcript.steps.len() {
            let count = replay.transcript.steps[at].ran.as_ref().map_or(0, |outcome| outcome.lines.len());
            made += count;
            for line in 0..count {
                let notices = |what: &str, change: &dyn Fn(&mut Vec<String>)| {
                    let mut changed = replay.transcript.clone();
                    change(lines(&mut changed.steps[at]).expect("it ran"));
                    assert!(!replay.replays(&changed), "{name}: {what} at line {line} of step {at} went unnoticed");
                };
                notices("a dropped line", &|lines| drop(lines.remove(line)));
                notices("an altered line", &|lines| lines[line].push('x'));
                notices("a line that begins otherwise", &|lines| lines[line].insert(0, 'x'));
                notices("a doubled line", &|lines| lines.insert(line, lines[line].clone()));
            }
        }
    }
    assert!(made > 200, "only {made} lines");
    noticed("a line at the end", 20, |recorded| {
        let Some(lines) = lines(recorded) else { return false };
        lines.push("pahole: error".into());
        true
    });
    noticed("a line of an encoder", 1, |recorded| {
        let Some(encoding) = recorded.encodings.last_mut() else { return false };
        encoding.ran.lines.push("pahole: error".into());
        true
    });
}

#[test]
fn two_lines_swapped() {
    // Two lines that differ only in a renamed symbol count as equal.
    let differ = |two: &[String]| build_log::log(&two[..1]) != build_log::log(&two[1..]);
    let mut made = 0;
    for replay in replays() {
        for at in 0..replay.transcript.steps.len() {
            let Some(outcome) = &replay.transcript.steps[at].ran else { continue };
            for first in 0..outcome.lines.len().saturating_sub(1) {
                if !differ(&outcome.lines[first..first + 2]) {
                    continue;
                }
                let mut changed = replay.transcript.clone();
                lines(&mut changed.steps[at]).expect("it ran").swap(first, first + 1);
                assert!(!replay.replays(&changed), "{}: swapped lines at {first} of step {at}", replay.scenario.name);
                made += 1;
            }
        }
    }
    assert!(made > 100, "only {made} pairs");
}

#[test]
fn two_lines_that_became_one() {
    let mut made = 0;
    for replay in replays() {
        let Transcript { header, steps } = replay.transcript;
        for at in 0..steps.len() {
            let mut changed = steps.clone();
            let Some(lines) = lines(&mut changed[at]).filter(|lines| lines.len() > 1) else { continue };
            let last = lines.pop().expect("there are two");
            let before = lines.last_mut().expect("there were two");
            *before = format!("{before}\n     {last}");
            made += 1;
            assert!(Transcript::new(header.clone(), changed).is_err(), "{}: step {at}", replay.scenario.name);
        }
    }
    assert!(made > 10, "only {made} places");
}

#[test]
fn terminal_control_characters_are_recorded_escaped() {
    let command = RecordedCommand { argv: vec!["make".into()], env: Default::default(), reproducible: true };
    let outcome = CommandOutcome::new(command, 0, vec!["a\tb\x1b[1m\rc".into(), "‘x’".into()]);
    assert_eq!(outcome.lines, ["a\tb\\u{1b}[1m\\rc", "‘x’"]);
}

#[test]
fn odd_lists_unexpected_results() {
    for replay in replays() {
        let ScenarioKind::Build(definition) = &replay.scenario.definition.subject else { continue };
        assert_eq!(odd(definition, &replay.transcript), Vec::<String>::new(), "{}", replay.scenario.name);
        let mut changed = replay.transcript.clone();
        let step = &mut changed.steps[0];
        let outcome = step.ran.as_mut().expect("no scenario begins with encoding");
        outcome.status = i32::from(outcome.status == 0);
        step.modules
            .push(ModuleFinding { path: "/build/x.ko".into(), found: FoundModule::Unusable("bad magic".into()) });
        let odd = odd(definition, &changed);
        assert!(odd.len() == 2 && odd[1].contains("bad magic"), "{odd:?}");
    }
}

#[test]
fn a_file_more_or_less_or_written_otherwise() {
    noticed("a file less", 4, |recorded| recorded.changes.as_mut().and_then(|changes| changes.files.pop()).is_some());
    noticed("a file more", 6, |recorded| match &mut recorded.changes {
        Some(changes) => {
            changes.files.push(FileChange { path: "fs/other.ko".into(), how: ChangeKind::Same });
            true
        }
        None => false,
    });
    noticed("a file that was not watched", 6, |recorded| {
        recorded.changes.as_mut().map(|changes| changes.watched += 1).is_some()
    });
    for how in [ChangeKind::New, ChangeKind::Gone, ChangeKind::Same, ChangeKind::OtherBytes, ChangeKind::OtherBtf] {
        noticed("a file written otherwise", 1, |recorded| match recorded.changes.as_mut().map(|it| &mut it.files) {
            Some(files) if files.first().is_some_and(|change| change.how != how) => {
                files[0].how = how;
                true
            }
            _ => false,
        });
    }
    noticed("changes that were not looked for", 10, |recorded| {
        let looked = recorded.changes.is_some();
        recorded.changes.get_or_insert(FileChanges { watched: 1, files: Vec::new() });
        !looked
    });
}

#[test]
fn btf_that_appears_vanishes_or_leads_nowhere() {
    let some =
        |over, types, dangling| FoundModule::Btf(ModuleBtf { over, size: 24, sha256: "0".repeat(64), types, dangling });
    type Case = (&'static str, usize, fn(&FoundModule) -> bool, FoundModule);
    let changes: [Case; 8] = [
        ("BTF that vanishes", 4, |found| matches!(found, FoundModule::Btf(_)), FoundModule::NoBtf),
        ("BTF that appears", 4, |found| *found == FoundModule::NoBtf, some(BtfBase::Vmlinux, 1, 0)),
        ("a module that appears", 2, |found| *found == FoundModule::Nothing, FoundModule::NoBtf),
        ("a module that vanishes", 8, |found| *found != FoundModule::Nothing, FoundModule::Nothing),
        (
            "BTF that is broken",
            4,
            |found| matches!(found, FoundModule::Btf(_)),
            FoundModule::Unusable("bad magic".into()),
        ),
        ("BTF without types", 4, |found| matches!(found, FoundModule::Btf(_)), some(BtfBase::Vmlinux, 0, 0)),
        ("BTF that leads nowhere", 4, |found| matches!(found, FoundModule::Btf(_)), some(BtfBase::Vmlinux, 9, 1)),
        (
            "another base",
            2,
            |found| matches!(found, FoundModule::Btf(ModuleBtf { over: BtfBase::Vmlinux, .. })),
            some(BtfBase::Distilled { types: 3 }, 9, 0),
        ),
    ];
    for (what, least, applies, to) in changes {
        noticed(what, least, |recorded| match recorded.modules.first_mut() {
            Some(module) if applies(&module.found) => {
                module.found = to.clone();
                true
            }
            _ => false,
        });
    }
    noticed("a module less", 8, |recorded| recorded.modules.pop().is_some());
}

#[test]
fn a_symbol_that_is_something_else() {
    for setting in [SymbolValue::Is("y".into()), SymbolValue::Off, SymbolValue::Absent] {
        noticed("another setting", 4, |recorded| match recorded.symbols.last_mut() {
            Some(symbol) if symbol.setting != setting => {
                symbol.setting = setting.clone();
                true
            }
            _ => false,
        });
    }
    noticed("a symbol less", 4, |recorded| recorded.symbols.pop().is_some());
}

#[test]
fn chance_counts_parallel_encodings_with_other_bytes() {
    let mut seen = 0;
    for mut replay in replays() {
        for recorded in &mut replay.transcript.steps {
            let Some(serial) = encoded(recorded, EncodingOrder::Serial).first().map(|it| (**it).clone()) else {
                continue;
            };
            let mut parallel = encoded(recorded, EncodingOrder::Parallel);
            parallel.iter_mut().for_each(|it| **it = serial.clone());
            parallel[0].sha256 = "0".repeat(64);
            let count = parallel.len();
            let expected = format!("Of {count} parallel encodings 1 have other bytes than the serial one.");
            assert_eq!(chance(&replay.transcript), [expected]);
            seen += 1;
            break;
        }
    }
    assert!(seen > 0);
}

#[test]
fn an_encoding_that_differs_in_what_is_no_chance() {
    noticed("an encoder that was told something else", 1, |recorded| {
        recorded.encodings.last_mut().map(|it| it.ran.command.argv.push("-V".into())).is_some()
    });
    noticed("a serial encoding of other bytes", 1, |recorded| {
        match encoded(recorded, EncodingOrder::Serial).last_mut() {
            Some(encoded) => {
                encoded.sha256 = "0".repeat(64);
                true
            }
            None => false,
        }
    });
    let losses: [fn(&mut EncodingDifference); 4] = [
        |against| against.data_lost += 1,
        |against| against.data_gained += 1,
        |against| against.functions_lost += 1,
        |against| against.functions_gained += 1,
    ];
    for lose in losses {
        for order in [EncodingOrder::Serial, EncodingOrder::Parallel] {
            noticed("an encoding that lacks something", 1, |recorded| {
                encoded(recorded, order).last_mut().map(|encoded| lose(&mut encoded.against)).is_some()
            });
        }
    }
    noticed("an encoding less", 1, |recorded| recorded.encodings.pop().is_some());
    noticed("an encoding that made nothing", 1, |recorded| {
        recorded.encodings.last_mut().map(|encoding| encoding.made = EncodingResult::Unusable("gone".into())).is_some()
    });
}

/// The bytes of a parallel encoding depend on chance, so the snapshot does not contain them.
#[test]
fn bytes_of_parallel_encodings_are_not_noticed() {
    let mut made = 0;
    for replay in replays() {
        let mut changed = replay.transcript.clone();
        for recorded in &mut changed.steps {
            for encoded in encoded(recorded, EncodingOrder::Parallel) {
                encoded.sha256 = "0".repeat(64);
                encoded.against.other_prototypes += 7;
                encoded.types += 7;
                made += 1;
            }
        }
        assert!(replay.replays(&changed), "{}", replay.scenario.name);
    }
    assert!(made > 0);
}

#[test]
fn an_incomplete_transcript_is_refused_and_one_of_other_steps_does_not_replay() {
    for replay in replays() {
        let Transcript { header, steps } = replay.transcript.clone();
        let name = &replay.scenario.name;
        let refused =
            |header: &BuildHeader, steps: &[StepRecord]| Transcript::new(header.clone(), steps.to_vec()).is_err();
        assert!(refused(&header, &steps[1..]) && refused(&header, &steps[..steps.len() - 1]), "{name}");
        let mut swapped = steps.clone();
        swapped.swap(0, 1);
        assert!(refused(&header, &swapped), "{name}");
        let mut later = header.clone();
        later.build_transcript += 1;
        assert!(refused(&later, &steps), "{name}");

        let mut fewer = replay.transcript.clone();
        fewer.steps.pop();
        assert!(!replay.replays(&fewer), "{name}: a step less");
        let mut more = replay.transcript.clone();
        more.steps.push(more.steps[0].clone());
        assert!(!replay.replays(&more), "{name}: a step more");
    }
}

#[test]
fn a_transcript_of_another_kind_is_refused() {
    assert!(matches!(Transcript::parse(""), Err(Error::Sequence { .. })));
    assert!(matches!(Transcript::parse("{\"transcript\":1}"), Err(Error::Line(error)) if error.line == 1));
    let text = replays()[0].transcript.to_text().unwrap();
    let cut = &text[..text.len() - 10];
    assert!(matches!(Transcript::parse(cut), Err(Error::Line(_))));
}

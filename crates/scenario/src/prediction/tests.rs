//! Predictions against made-up boots.

use guest_protocol::{Event, Load, PROTOCOL, Record, SysfsBtf};

use super::*;
use crate::boots::transcript::{self, BootHeader, BootProvenance, GivenModule, KernelId, Transcript};

const ONCE: &str = "Kernel module BTF mismatch detected, BTF debug info may be unavailable for some modules";

fn shown(name: &str) -> SysfsBtf {
    SysfsBtf { size: 1, sha256: name.into() }
}

fn line(level: u8, text: &str) -> PredictedLine {
    PredictedLine { level, text: text.into() }
}

fn module(name: &str, fate: BtfFate, lines: Vec<PredictedLine>) -> ModulePrediction {
    let btf = BtfPrediction { lines, fate };
    ModulePrediction { module: name.into(), head: None, imports: Vec::new(), btf }
}

fn prediction(modules: Vec<ModulePrediction>) -> Prediction {
    Prediction { prediction: VERSION, kernel: "6.12".into(), verified: true, modules }
}

/// One load: the errno, whether sysfs shows BTF, what was logged.
type Step<'a> = (&'a str, i32, bool, &'a [(u8, &'a str)]);

fn boot(steps: &[Step<'_>]) -> Transcript {
    let id = KernelId {
        release: "r".into(),
        package: "p".into(),
        version: "v".into(),
        sha256: String::new(),
        build: None,
        encoder: None,
    };
    let provenance = BootProvenance {
        running: id.clone(),
        modules_of: id,
        qemu: String::new(),
        accelerator: String::new(),
        image: String::new(),
    };
    let given = steps.iter().map(|(name, ..)| GivenModule {
        module: (*name).into(),
        path: (*name).into(),
        btf: Some(shown(name)),
    });
    let header = BootHeader {
        transcript: transcript::VERSION,
        scenario: "s".into(),
        provenance,
        base: shown("base"),
        allows_btf_mismatch: true,
        given: given.collect(),
    };
    let mut seq = 0;
    let mut record = |level: u8, text: &str| {
        seq += 1;
        Record { seq, us: seq, level, text: text.into() }
    };
    let mut events = vec![
        Event::Begin { protocol: PROTOCOL, release: "r".into(), version: "v".into() },
        Event::Boot { base: Some(shown("base")), records: vec![record(6, "Linux version")] },
    ];
    for (index, (name, errno, btf, records)) in steps.iter().enumerate() {
        let btf = btf.then(|| shown(name));
        let load = Load { module: (*name).into(), errno: *errno, live: *errno == 0, btf };
        let records = records.iter().map(|(level, text)| record(*level, text)).collect();
        events.push(Event::Step { index, load, records });
    }
    events.push(Event::End { steps: steps.len(), records: Vec::new() });
    Transcript::new(header, events).unwrap()
}

#[test]
fn compare_finds_nothing_where_all_is_as_predicted() {
    let refused = vec![line(3, "BPF: [2] Invalid kind:20"), line(4, "failed to validate module [b] BTF: -22")];
    let predicted = prediction(vec![
        module("a", BtfFate::Accepted(shown("a")), vec![]),
        module("b", BtfFate::Refused { errno: 22, loads: false }, refused),
    ]);
    let lines = [(6, "b: other"), (3, "BPF: [2] Invalid kind:20"), (4, "failed to validate module [b] BTF: -22")];
    assert_eq!(compare(&predicted, &boot(&[("a", 0, true, &[]), ("b", 22, false, &lines)])), Vec::<String>::new());
    let failed_init = boot(&[("a", 19, false, &[]), ("b", 22, false, &lines)]);
    assert_eq!(compare(&predicted, &failed_init), Vec::<String>::new(), "an init that fails is its own affair");
}

#[test]
fn compare_finds_lines_errnos_and_bytes_that_differ() {
    let predicted = prediction(vec![module("a", BtfFate::Accepted(shown("a")), vec![])]);
    let differing = |step: Step<'_>| compare(&predicted, &boot(&[step])).join("\n");
    assert!(differing(("a", 0, false, &[])).contains("sysfs: 1 bytes"));
    assert!(differing(("a", 0, true, &[(3, "BPF: ")])).contains("observed  <3> BPF: "));
    let refused = module("a", BtfFate::Refused { errno: 22, loads: false }, vec![line(3, "BPF: ")]);
    let refused = prediction(vec![refused]);
    let differing = |step: Step<'_>| compare(&refused, &boot(&[step])).join("\n");
    assert!(differing(("a", 7, false, &[(3, "BPF: ")])).contains("errno 22 was predicted, and it was 7"));
    assert!(differing(("a", 22, false, &[(4, "BPF: ")])).contains("predicted <3> BPF: "), "the level counts");
    assert!(differing(("a", 22, false, &[])).contains("predicted <3> BPF: "));
}

#[test]
fn compare_expects_a_line_once_a_boot() {
    let refused = |name: &str| module(name, BtfFate::Refused { errno: 22, loads: true }, vec![line(4, ONCE)]);
    let mut without = refused("b");
    without.imports = vec![ImportPrediction::From {
        module: "gone".into(),
        otherwise: Some(Refusal { lines: vec![line(4, "b: Unknown symbol s (err -2)")], errno: 2 }),
    }];
    let predicted = prediction(vec![without, refused("c"), refused("d")]);
    let unknown: &[(u8, &str)] = &[(4, "b: Unknown symbol s (err -2)")];
    let once: &[(u8, &str)] = &[(4, ONCE)];
    let steps = boot(&[("b", 2, false, unknown), ("c", 0, false, once), ("d", 0, false, &[])]);
    assert_eq!(compare(&predicted, &steps), Vec::<String>::new());
    let twice = boot(&[("b", 2, false, unknown), ("c", 0, false, once), ("d", 0, false, once)]);
    assert_eq!(compare(&predicted, &twice).len(), 1);
}

#[test]
fn compare_takes_from_the_boot_which_modules_are_live() {
    let needs = |otherwise| ImportPrediction::From { module: "a".into(), otherwise };
    let unknown = Refusal { lines: vec![line(4, "b: Unknown symbol s (err -2)")], errno: 2 };
    let mut b = module("b", BtfFate::Accepted(shown("b")), vec![]);
    b.imports = vec![needs(Some(unknown)), needs(None)];
    let predicted = prediction(vec![module("a", BtfFate::Accepted(shown("a")), vec![]), b]);
    assert!(compare(&predicted, &boot(&[("a", 0, true, &[]), ("b", 0, true, &[])])).is_empty());
    let lines: &[(u8, &str)] = &[(4, "b: Unknown symbol s (err -2)")];
    assert!(compare(&predicted, &boot(&[("a", 19, false, &[]), ("b", 2, false, lines)])).is_empty());
    assert_eq!(compare(&predicted, &boot(&[("a", 0, true, &[]), ("b", 2, false, lines)])).len(), 1);
}

//! Tests of each ending of a run, with a script in place of QEMU.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, io, thread};

use crate::fake::{Fake, boot, events, is_alive, limits, print, report};
use guest_protocol::Event;
use tempfile::TempDir;
use vm::{
    Accel, Boot, BootEnding, BootLimits, BootOutcome, BootProgress, Invocation, Launcher, MachineLost, Running, Stalled,
};

/// The silence for which a test of a hang waits.
const SHORT: Duration = Duration::from_millis(300);

fn run_with(launcher: &dyn Launcher, steps: usize) -> (BootOutcome, Vec<BootProgress>) {
    let directory = TempDir::new().unwrap();
    let mut told = Vec::new();
    let outcome =
        vm::boot(&boot(&directory, steps), launcher, &AtomicBool::new(false), &mut |progress| told.push(progress))
            .unwrap();
    (outcome, told)
}

fn ending(script: &str) -> BootEnding {
    run_with(&Fake::new(script), 2).0.ending
}

#[test]
fn a_complete_run_has_the_end_marker_and_the_exit_code() {
    let script = print("Linux") + &report(&events(2)) + "exit 33";
    let fake = Fake::new(script);
    let (outcome, told) = run_with(&fake, 2);
    assert_eq!(outcome.ending, BootEnding::Completed);
    assert_eq!(outcome.events, events(2));
    assert_eq!(outcome.exit_code, Some(33));
    assert_eq!(told.last(), Some(&BootProgress::Ended));
    assert!(told.contains(&BootProgress::Begun), "{told:?}");
    assert!(told.contains(&BootProgress::Step { done: 2, of: 2 }), "{told:?}");
    let invocation = &fake.seen.lock().unwrap()[0];
    assert_eq!(invocation.reads.len(), 2);
    assert!(!invocation.kvm);
}

#[test]
fn qemu_s_own_time_is_told_apart_from_that_of_what_runs_it() {
    struct Slow(Fake);
    impl Launcher for Slow {
        fn spawn(&self, invocation: &Invocation) -> io::Result<Box<dyn Running>> {
            thread::sleep(Duration::from_millis(300));
            self.0.spawn(invocation)
        }
    }
    let script = report(&events(0)) + "sleep 0.2; exit 33";
    let (outcome, _) = run_with(&Slow(Fake::new(script)), 0);
    assert_eq!(outcome.ending, BootEnding::Completed);
    assert!(outcome.qemu >= Duration::from_millis(190), "{:?}", outcome.qemu);
    assert!(outcome.total >= outcome.qemu + Duration::from_millis(290), "{:?} {:?}", outcome.total, outcome.qemu);
}

#[test]
fn the_end_marker_without_the_exit_code_is_no_completion() {
    for code in [0, 1, 35] {
        let found = ending(&(report(&events(2)) + &format!("exit {code}")));
        assert_eq!(found, BootEnding::Lost { how: MachineLost::Unconfirmed { code } });
    }
}

#[test]
fn the_exit_code_without_the_end_marker_is_no_completion() {
    let found = ending(&(report(&events(2)[..4]) + "exit 33"));
    assert_eq!(found, BootEnding::Lost { how: MachineLost::Exited { code: 33, output: String::new() } });
}

#[test]
fn a_guest_that_cannot_follow_its_plan_says_why() {
    let failed = Event::Failed { message: "cannot open /modules/x".into() };
    let found = ending(&(report(&[events(2)[0].clone(), failed]) + "exit 35"));
    assert_eq!(found, BootEnding::GuestFailed { message: "cannot open /modules/x".into() });
}

#[test]
fn a_panic_is_not_a_poweroff_though_both_exit_with_0() {
    let panic = print("[    3.1] Kernel panic - not syncing: sysrq triggered crash");
    let begun = report(&events(2)[..3]);
    let expected = BootEnding::Panic { line: "Kernel panic - not syncing: sysrq triggered crash".into() };
    assert_eq!(ending(&format!("{begun}{panic}exit 0")), expected);
    let cut_short = format!("{begun}printf '{{\"eve' >>results.jsonl\n{panic}exit 0");
    assert_eq!(ending(&cut_short), expected);
    let after_the_end = format!("{}{panic}exit 0", report(&events(2)));
    assert_eq!(ending(&after_the_end), expected);
    let poweroff = ending(&format!("{begun}{}exit 0", print("reboot: Power down")));
    assert_eq!(poweroff, BootEnding::Lost { how: MachineLost::Exited { code: 0, output: String::new() } });
}

#[test]
fn a_panic_that_does_not_end_the_machine_is_no_hang() {
    let directory = TempDir::new().unwrap();
    let plan = Boot { limits: BootLimits { silence: SHORT, ..limits(Accel::Tcg) }, ..boot(&directory, 2) };
    let stays = Fake::new(print("Kernel panic - not syncing: x") + &report(&events(2)[..3]) + "sleep 60");
    let outcome = vm::boot(&plan, &stays, &AtomicBool::new(false), &mut |_| {}).unwrap();
    assert_eq!(outcome.ending, BootEnding::Panic { line: "Kernel panic - not syncing: x".into() });
}

#[test]
fn a_hang_says_where_it_hung() {
    let printed = print("Linux");
    let after = |count: usize| printed.clone() + &report(&events(2)[..count]);
    let none = BootLimits { first_print: SHORT, ..limits(Accel::Tcg) };
    let event = BootLimits { first_event: SHORT, ..limits(Accel::Tcg) };
    let next = BootLimits { silence: SHORT, ..limits(Accel::Tcg) };
    for (script, limits, expected) in [
        (String::new(), none, Stalled::NothingPrinted),
        (printed.clone(), event, Stalled::InitNeverReported),
        (after(1), next, Stalled::BeforeFirstStep),
        (after(2), next, Stalled::Step(0)),
        (after(3), next, Stalled::Step(1)),
        (after(4), next, Stalled::End),
    ] {
        let directory = TempDir::new().unwrap();
        let plan = Boot { limits, ..boot(&directory, 2) };
        let fake = Fake::new(format!("echo $$ >pid\n{script}sleep 60"));
        let found = vm::boot(&plan, &fake, &AtomicBool::new(false), &mut |_| {}).unwrap().ending;
        assert!(
            matches!(found, BootEnding::Hang { stalled, after } if stalled == expected && after >= SHORT),
            "{expected:?}: {found:?}"
        );
        assert!(!is_alive(&directory.path().join("run/pid")));
    }
}

#[test]
fn an_engine_that_never_starts_qemu_is_no_hang_of_the_kernel() {
    let directory = TempDir::new().unwrap();
    let plan = Boot { limits: BootLimits { start: SHORT, ..limits(Accel::Tcg) }, ..boot(&directory, 1) };
    let outcome = vm::boot(&plan, &Instead("echo pulling; sleep 60"), &AtomicBool::new(false), &mut |_| {}).unwrap();
    let BootEnding::Lost { how: MachineLost::NotStarted { reason } } = &outcome.ending else {
        panic!("{}", outcome.ending)
    };
    assert!(reason.contains("pulling"), "{reason}");
}

#[test]
fn a_killed_qemu_is_told_by_its_signal() {
    let found = ending(&(print("Linux") + "echo out of memory >&2; kill -KILL $$"));
    let BootEnding::Lost { how: MachineLost::Killed { signal: 9, output } } = &found else { panic!("{found}") };
    assert!(output.starts_with("out of memory"), "{output}");
}

#[test]
fn a_refusal_of_qemu_comes_with_its_words() {
    let found = ending("echo 'qemu: no such machine' >&2; exit 1");
    assert_eq!(
        found,
        BootEnding::Lost { how: MachineLost::Exited { code: 1, output: "qemu: no such machine".into() } }
    );
}

#[test]
fn a_missing_qemu_was_not_started() {
    let found = ending("exec no-such-program-anywhere");
    assert!(
        matches!(&found, BootEnding::Lost { how: MachineLost::NotStarted { reason } } if reason.contains("not found")),
        "{found}"
    );
}

/// Runs something else in place of the stamped command.
struct Instead(&'static str);

impl Launcher for Instead {
    fn spawn(&self, invocation: &Invocation) -> io::Result<Box<dyn Running>> {
        let script = format!("cd '{}'\n{}", invocation.writes.display(), self.0);
        let argv = vec!["sh".into(), "-c".into(), script.into()];
        vm::HostLauncher.spawn(&Invocation { argv, ..invocation.clone() })
    }
}

#[test]
fn a_failed_engine_is_not_a_failed_qemu() {
    let (outcome, _) = run_with(&Instead("echo cannot connect >&2; exit 33"), 1);
    let BootEnding::Lost { how: MachineLost::NotStarted { reason } } = &outcome.ending else {
        panic!("{}", outcome.ending)
    };
    assert!(reason.contains("33") && reason.contains("cannot connect"), "{reason}");
    assert_eq!(outcome.qemu, Duration::ZERO);

    let (outcome, _) = run_with(&Instead(": >qemu.started; echo engine died >&2; exit 33"), 1);
    let BootEnding::Lost { how: MachineLost::Vanished { how } } = &outcome.ending else { panic!("{}", outcome.ending) };
    assert!(how.contains("engine died"), "{how}");
}

#[test]
fn a_launcher_that_cannot_start_is_a_run_that_is_lost() {
    struct None;
    impl Launcher for None {
        fn spawn(&self, _: &Invocation) -> io::Result<Box<dyn Running>> {
            Err(io::Error::other("no engine"))
        }
    }
    let (outcome, _) = run_with(&None, 1);
    assert_eq!(outcome.ending, BootEnding::Lost { how: MachineLost::NotStarted { reason: "no engine".into() } });
}

#[test]
fn garbled_results_end_the_run_at_once_and_nothing_is_left() {
    let directory = TempDir::new().unwrap();
    let fake = Fake::new("echo $$ >pid; echo '{\"event\":\"nonsense\"}' >results.jsonl; sleep 60");
    let outcome = vm::boot(&boot(&directory, 1), &fake, &AtomicBool::new(false), &mut |_| {}).unwrap();
    assert!(
        matches!(&outcome.ending, BootEnding::Lost { how: MachineLost::Garbled { why } } if why.contains("line 1")),
        "{}",
        outcome.ending
    );
    assert!(!is_alive(&directory.path().join("run/pid")));
    let ended = Fake::new(report(&events(1)) + "echo more >>results.jsonl; exit 33");
    assert!(matches!(run_with(&ended, 1).0.ending, BootEnding::Lost { how: MachineLost::Garbled { .. } }));
}

#[test]
fn an_endless_console_is_cut_off() {
    let (outcome, _) = run_with(&Fake::new("exec yes >console.log"), 1);
    assert!(
        matches!(outcome.ending, BootEnding::Lost { how: MachineLost::TooMuch { limit: 0x10_0000, .. } }),
        "{}",
        outcome.ending
    );
}

#[test]
fn an_interrupt_leaves_no_process() {
    let directory = TempDir::new().unwrap();
    let fake = Fake::new(format!("{}sleep 60 & echo $! >pid; {}wait", print("Linux"), report(&events(1)[..1])));
    let cancel = AtomicBool::new(false);
    let outcome = vm::boot(&boot(&directory, 1), &fake, &cancel, &mut |progress| {
        if progress == BootProgress::Begun {
            cancel.store(true, Ordering::Relaxed);
        }
    });
    let outcome = outcome.unwrap();
    assert_eq!(outcome.ending, BootEnding::Interrupted);
    assert_eq!(outcome.events.len(), 1);
    assert!(!is_alive(&directory.path().join("run/pid")));
}

#[test]
fn files_of_an_earlier_run_are_ignored() {
    let directory = TempDir::new().unwrap();
    let plan = boot(&directory, 1);
    let never = AtomicBool::new(false);
    let complete = Fake::new(report(&events(1)) + "exit 33");
    assert_eq!(vm::boot(&plan, &complete, &never, &mut |_| {}).unwrap().ending, BootEnding::Completed);
    let outcome = vm::boot(&plan, &Instead("exit 0"), &never, &mut |_| {}).unwrap();
    assert!(matches!(outcome.ending, BootEnding::Lost { how: MachineLost::NotStarted { .. } }), "{}", outcome.ending);
    assert!(outcome.events.is_empty());
}

#[test]
fn a_run_directory_that_cannot_be_made_is_named() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("run"), "a file").unwrap();
    let error = vm::boot(&boot(&directory, 1), &Fake::new(""), &AtomicBool::new(false), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("cannot prepare the run directory"), "{error}");
}

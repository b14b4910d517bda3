//! Tests of choosing the accelerator: KVM works only if a kernel reports under it, and a verdict applies only to its
//! host.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::fake::{Fake, boot, events, limits, print, report};
use tempfile::TempDir;
use vm::{
    Accel, AccelChooser, AccelRequest, BootEnding, BootLimits, BootOutcome, BootProgress, KvmHost, KvmVerdict, Stalled,
};

fn host(boot_id: &str) -> KvmHost {
    KvmHost { boot_id: boot_id.into(), kernel: "6.1".into(), qemu: "10.0.13".into() }
}

/// KVM gets a second, TCG as long as necessary.
fn impatient(accel: Accel) -> BootLimits {
    let second = Duration::from_secs(1);
    match accel {
        Accel::Kvm => BootLimits { first_print: second, silence: second, ..limits(accel) },
        _ => limits(accel),
    }
}

fn chooser(directory: &TempDir, request: AccelRequest, known: Option<KvmVerdict>) -> AccelChooser {
    let device = directory.path().join("kvm");
    std::fs::write(&device, "").unwrap();
    let mut chooser = AccelChooser::new(request, host("1"), known);
    chooser.device = device;
    chooser.limits = impatient;
    chooser
}

fn fake(with_kvm: impl Into<String>) -> Fake {
    let good = print("Linux") + &report(&events(1)) + "exit 33";
    Fake { scripts: vec![("kvm", with_kvm.into()), ("tcg", good)], seen: Mutex::default() }
}

fn run(chooser: &AccelChooser, directory: &TempDir, fake: &Fake) -> (BootOutcome, Vec<BootProgress>) {
    let mut told = Vec::new();
    let mut tell = |progress| told.push(progress);
    let outcome = chooser.boot(&boot(directory, 1), fake, &AtomicBool::new(false), &mut tell).unwrap();
    (outcome, told)
}

#[test]
fn a_kvm_that_hangs_or_dies_is_left_once_and_for_all() {
    for (script, reason) in [("sleep 60", "printed nothing"), ("echo internal error; kill -ABRT $$", "internal error")]
    {
        let directory = TempDir::new().unwrap();
        let (chooser, fake) = (chooser(&directory, AccelRequest::Auto, None), fake(script));
        let (outcome, told) = run(&chooser, &directory, &fake);
        assert_eq!((outcome.ending, outcome.accel), (BootEnding::Completed, Accel::Tcg));
        let fell_back = told.iter().filter(|progress| matches!(progress, BootProgress::FallingBack { .. })).count();
        assert_eq!(fell_back, 1, "{told:?}");
        assert!(chooser.verdict().unwrap().dead.unwrap().contains(reason));
        assert!(matches!(chooser.choose(), (Accel::Tcg, Some(why)) if why.contains(reason)));
        run(&chooser, &directory, &fake);
        let with_kvm: Vec<_> = fake.seen.lock().unwrap().iter().map(|invocation| invocation.kvm).collect();
        assert_eq!(with_kvm, [true, false, false]);
    }
}

#[test]
fn a_kvm_that_serves_is_kept() {
    let directory = TempDir::new().unwrap();
    let chooser = chooser(&directory, AccelRequest::Auto, None);
    let (outcome, _) = run(&chooser, &directory, &fake(print("Linux") + &report(&events(1)) + "exit 33"));
    assert_eq!((outcome.ending, outcome.accel), (BootEnding::Completed, Accel::Kvm));
    assert_eq!(chooser.verdict(), Some(KvmVerdict { host: host("1"), dead: None }));
}

#[test]
fn a_panic_is_the_kernel_s_and_does_not_make_kvm_fall_back() {
    let directory = TempDir::new().unwrap();
    let chooser = chooser(&directory, AccelRequest::Auto, None);
    let script = report(&events(1)[..2]) + &print("Kernel panic - not syncing: x") + "exit 0";
    let (outcome, _) = run(&chooser, &directory, &fake(script));
    assert_eq!(
        (outcome.ending, outcome.accel),
        (BootEnding::Panic { line: "Kernel panic - not syncing: x".into() }, Accel::Kvm)
    );
}

#[test]
fn a_late_hang_is_tried_with_tcg_but_does_not_condemn_kvm() {
    let directory = TempDir::new().unwrap();
    let chooser = chooser(&directory, AccelRequest::Auto, None);
    let (outcome, _) = run(&chooser, &directory, &fake(report(&events(1)[..2]) + "sleep 60"));
    assert_eq!((outcome.ending, outcome.accel), (BootEnding::Completed, Accel::Tcg));
    assert_eq!(chooser.verdict(), None);
}

#[test]
fn failure_with_tcg_as_well_is_not_blamed_on_kvm() {
    let directory = TempDir::new().unwrap();
    let chooser = chooser(&directory, AccelRequest::Auto, None);
    let broken = "echo no such image >&2; exit 125".to_owned();
    let fake = Fake { scripts: vec![("", broken)], seen: Mutex::default() };
    let (outcome, _) = run(&chooser, &directory, &fake);
    assert!(matches!(outcome.ending, BootEnding::Lost { .. }), "{}", outcome.ending);
    assert_eq!(chooser.verdict(), None);
}

#[test]
fn requested_accelerator_is_used() {
    let directory = TempDir::new().unwrap();
    let (outcome, _) = run(&chooser(&directory, AccelRequest::Kvm, None), &directory, &fake("sleep 60"));
    assert!(matches!(outcome.ending, BootEnding::Hang { stalled: Stalled::NothingPrinted, .. }), "no silent fallback");
    let (outcome, _) = run(&chooser(&directory, AccelRequest::Tcg, None), &directory, &fake("sleep 60"));
    assert_eq!((outcome.ending, outcome.accel), (BootEnding::Completed, Accel::Tcg));
}

#[test]
fn without_the_device_kvm_is_not_tried() {
    let directory = TempDir::new().unwrap();
    let mut chooser = chooser(&directory, AccelRequest::Auto, None);
    chooser.device = PathBuf::from("/nowhere/kvm");
    assert!(matches!(chooser.choose(), (Accel::Tcg, Some(why)) if why.contains("/nowhere/kvm")));
}

#[test]
fn a_verdict_is_stored_and_holds_for_its_host_only() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("kvm.json");
    let dead = KvmVerdict { host: host("1"), dead: Some("it hung".into()) };
    assert_eq!(KvmVerdict::load(&path, &host("1")), None);
    dead.store(&path).unwrap();
    assert_eq!(KvmVerdict::load(&path, &host("1")), Some(dead.clone()));
    assert_eq!(KvmVerdict::load(&path, &host("2")), None, "another boot of the host");
    let elsewhere = AccelChooser::new(AccelRequest::Auto, host("2"), Some(dead));
    assert_eq!(elsewhere.verdict(), None);
    std::fs::write(&path, "{").unwrap();
    assert_eq!(KvmVerdict::load(&path, &host("1")), None, "half a file is as good as none");
}

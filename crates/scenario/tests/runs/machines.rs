//! Fake machines that write the same files as QEMU: the console's log, the guest's events, the stamps around QEMU.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cpio::newc;
use guest_protocol::{
    DEBUG_EXIT_DONE, Event, INIT_PATH, Load, PLAN_PATH, PROTOCOL, Plan, Record, Step, SysfsBtf, qemu_exit_code,
};
use kmod::Module;
use scenario::boots::transcript::Transcript;
use util::Sha256;
use vm::{Invocation, Launcher, Running};

/// The behaviour of a machine.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// Loads every module.
    Loads,
    /// Logs this text for the first module, and loads every module.
    Says(&'static str),
    /// Replays a recorded machine.
    Replays(Box<Transcript>),
    /// The kernel panics after the first step.
    Panics,
    /// Nothing arrives after the first event.
    Hangs,
    /// QEMU is killed after the first step.
    QemuKilled,
    /// The end marker arrives, but QEMU exits with 0.
    Unconfirmed,
    /// The results are not events.
    Garbled,
    /// An event is missing, but the guest ends normally.
    ShortOfAStep,
    /// QEMU cannot be started.
    DoesNotStart,
    /// The user asks to stop while the machine runs.
    Interrupted,
    /// The machine completes, and the user asks to stop in the meantime.
    CompletesAfterInterrupt,
    /// Logs something else in the second boot.
    NotTwiceTheSame,
}

/// Starts fake machines.
pub struct FakeMachines {
    /// The behaviour of each scenario's machine; by default it loads everything.
    pub behaviours: Mutex<BTreeMap<String, Behaviour>>,
    /// The scenarios whose machines were started, in order. A second boot is marked `twice`.
    pub started: Mutex<Vec<String>>,
    pub cancel: Arc<AtomicBool>,
}

impl FakeMachines {
    pub fn new(cancel: Arc<AtomicBool>) -> Self {
        Self { behaviours: Mutex::default(), started: Mutex::default(), cancel }
    }
}

impl Launcher for FakeMachines {
    fn spawn(&self, invocation: &Invocation) -> io::Result<Box<dyn Running>> {
        let run = &invocation.writes;
        let folder = run.parent().and_then(Path::file_name).and_then(OsStr::to_str).unwrap();
        // The folder's name ends with six random characters.
        let scenario = folder[..folder.len() - 7].to_owned();
        let is_second = run.ends_with("second-boot");
        let behaviour = self.behaviours.lock().unwrap().get(&scenario).cloned().unwrap_or(Behaviour::Loads);
        let twice = if is_second { " twice" } else { "" };
        self.started.lock().unwrap().push(format!("{scenario}{twice}"));
        if matches!(behaviour, Behaviour::DoesNotStart) {
            return Err(io::Error::other("no engine"));
        }
        let guest = Guest::unpack(invocation);
        let events = guest.events(&behaviour);
        let code = match behaviour {
            Behaviour::Panics | Behaviour::Unconfirmed => Some(0),
            Behaviour::QemuKilled => Some(137),
            Behaviour::Hangs | Behaviour::Interrupted => None,
            _ => Some(qemu_exit_code(DEBUG_EXIT_DONE)),
        };
        let mut console = format!("Linux version {}\n", guest.release);
        if matches!(behaviour, Behaviour::Panics) {
            console.push_str("Kernel panic - not syncing: by a test\n");
        }
        if is_second && matches!(behaviour, Behaviour::NotTwiceTheSame) {
            console.push_str("one more line\n");
        }
        let mut results: String = events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect();
        if matches!(behaviour, Behaviour::Garbled) {
            results.push_str("no event\n");
        }
        fs::write(run.join("qemu.started"), "")?;
        fs::write(run.join("console.log"), console)?;
        fs::write(run.join("results.jsonl"), results)?;
        if let Some(code) = code {
            fs::write(run.join("qemu.ended"), format!("{code}\n"))?;
        }
        if matches!(behaviour, Behaviour::Interrupted | Behaviour::CompletesAfterInterrupt) {
            self.cancel.store(true, Ordering::SeqCst);
        }
        Ok(Box::new(FakeProcess { how: code.map(|code| format!("exit status: {code}")) }))
    }
}

/// A fake process that runs QEMU.
struct FakeProcess {
    how: Option<String>,
}

impl Running for FakeProcess {
    fn poll(&mut self) -> io::Result<Option<String>> {
        Ok(self.how.clone())
    }

    fn kill(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The guest's view: the plan and the modules of the initramfs, and the running kernel.
struct Guest {
    release: String,
    base: SysfsBtf,
    plan: Plan,
    files: BTreeMap<String, Vec<u8>>,
}

impl Guest {
    fn unpack(invocation: &Invocation) -> Self {
        let after = |option: &str| {
            let at = invocation.argv.iter().position(|word| word == option).unwrap();
            PathBuf::from(&invocation.argv[at + 1])
        };
        let (kernel, initramfs) = (after("-kernel"), after("-initrd"));
        let name = kernel.file_name().and_then(OsStr::to_str).unwrap();
        let mut files = BTreeMap::new();
        let mut archive = File::open(initramfs).unwrap();
        loop {
            let mut reader = newc::Reader::new(archive).unwrap();
            if reader.entry().is_trailer() {
                break;
            }
            let mut content = Vec::new();
            reader.read_to_end(&mut content).unwrap();
            files.insert(format!("/{}", reader.entry().name()), content);
            archive = reader.finish().unwrap();
        }
        assert_eq!(files[INIT_PATH], b"guest");
        Self {
            release: name.strip_prefix("vmlinuz-").unwrap().to_owned(),
            base: fingerprint(&fs::read(&kernel).unwrap()),
            plan: serde_json::from_slice(&files[PLAN_PATH]).unwrap(),
            files,
        }
    }

    /// The module of a step, and its BTF.
    fn module(&self, step: &Step) -> (String, Option<SysfsBtf>) {
        let Step::Load { module, file, .. } = step else { panic!("a step that loads nothing: {step:?}") };
        let bytes = Module::from_bytes(self.files[file].clone()).unwrap();
        (module.clone(), bytes.btf().map(fingerprint))
    }

    fn events(&self, behaviour: &Behaviour) -> Vec<Event> {
        if let Behaviour::Replays(transcript) = behaviour {
            return self.replayed(transcript);
        }
        let mut seq = 0;
        let mut record = |text: &str| {
            seq += 1;
            Record { seq, us: seq, level: 6, text: text.into() }
        };
        let boot = vec![record("Linux version")];
        let mut events = vec![
            Event::Begin { protocol: PROTOCOL, release: self.release.clone(), version: "#1".into() },
            Event::Boot { base: Some(self.base.clone()), records: boot },
        ];
        for (index, step) in self.plan.steps.iter().enumerate() {
            let (module, btf) = self.module(step);
            let mut records = vec![record(&format!("{module}: loaded"))];
            if let (0, Behaviour::Says(text)) = (index, behaviour) {
                records.push(record(text));
            }
            events.push(Event::Step { index, load: Load { module, errno: 0, live: true, btf }, records });
        }
        events.push(Event::End { steps: self.plan.steps.len(), records: Vec::new() });
        match behaviour {
            Behaviour::Panics | Behaviour::QemuKilled => events.truncate(3),
            Behaviour::Hangs | Behaviour::Interrupted => events.truncate(1),
            Behaviour::Garbled => events.truncate(2),
            Behaviour::ShortOfAStep => {
                let Some(Event::Boot { records, .. }) = events.get_mut(1) else { panic!("no boot") };
                // A record with a number, which never arrived.
                records[0].seq = 7;
            }
            _ => {}
        }
        events
    }

    /// The events of a recorded run, with the recorded digests replaced by those of this guest's files.
    fn replayed(&self, transcript: &Transcript) -> Vec<Event> {
        let header = &transcript.header;
        let digest = |shown: &SysfsBtf, recorded: Option<&SysfsBtf>, given: Option<&SysfsBtf>| {
            if Some(shown) == recorded { given.cloned().unwrap() } else { shown.clone() }
        };
        let replayed = |event: &Event| match event.clone() {
            Event::Boot { base, records } => {
                let base = base.map(|shown| digest(&shown, Some(&header.base), Some(&self.base)));
                Event::Boot { base, records }
            }
            Event::Step { index, mut load, records } => {
                let (module, given) = self.module(&self.plan.steps[index]);
                assert_eq!(module, load.module, "the plan has another order than the one that was recorded");
                load.btf = load.btf.map(|shown| digest(&shown, header.given[index].btf.as_ref(), given.as_ref()));
                Event::Step { index, load, records }
            }
            event => event,
        };
        transcript.events.iter().map(replayed).collect()
    }
}

fn fingerprint(bytes: &[u8]) -> SysfsBtf {
    SysfsBtf { size: bytes.len() as u64, sha256: Sha256::of(bytes).to_string() }
}

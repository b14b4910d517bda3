//! A replacement for QEMU: a shell script that runs between the same stamps and writes the files that QEMU would
//! write.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;
use std::{fs, io, thread};

use guest_protocol::{Event, Load, PROTOCOL, Record};
use tempfile::TempDir;
use vm::{Accel, Boot, BootLimits, HostLauncher, Invocation, Launcher, Machine, PROGRAM, Running};

/// Runs a script in place of QEMU, in the run's directory, chosen by the requested accelerator.
pub struct Fake {
    pub scripts: Vec<(&'static str, String)>,
    pub seen: Mutex<Vec<Invocation>>,
}

impl Fake {
    pub fn new(script: impl Into<String>) -> Self {
        Self { scripts: vec![("", script.into())], seen: Mutex::default() }
    }
}

impl Launcher for Fake {
    fn spawn(&self, invocation: &Invocation) -> io::Result<Box<dyn Running>> {
        let mut replaced = invocation.clone();
        let at = replaced.argv.iter().position(|word| word == PROGRAM).unwrap();
        let asked: Vec<_> = replaced.argv.drain(at..).map(|word| word.into_string().unwrap()).collect();
        let script = self.scripts.iter().find(|(accel, _)| asked.iter().any(|word| word == accel) || accel.is_empty());
        let script = format!("cd '{}'\n{}", invocation.writes.display(), script.unwrap().1);
        replaced.argv.extend(["sh", "-c", &script].map(OsString::from));
        self.seen.lock().unwrap().push(invocation.clone());
        HostLauncher.spawn(&replaced)
    }
}

/// A boot of nothing, with short limits.
pub fn boot(directory: &TempDir, steps: usize) -> Boot {
    Boot {
        machine: Machine {
            kernel: "/nowhere/vmlinuz".into(),
            initramfs: "/nowhere/initramfs".into(),
            memory_mib: 512,
            command_line: String::new(),
            accel: Accel::Tcg,
        },
        run: directory.path().join("run"),
        steps,
        limits: limits(Accel::Tcg),
    }
}

/// Limits that even a busy machine does not exceed by chance. Tests of a hang shorten the one for which they wait.
pub fn limits(_: Accel) -> BootLimits {
    let long = Duration::from_secs(30);
    BootLimits { start: long, first_print: long, first_event: long, silence: long, console: 1 << 20 }
}

/// A script line that appends `events` to the results.
pub fn report(events: &[Event]) -> String {
    let lines: Vec<_> = events.iter().map(|event| format!("'{}'", serde_json::to_string(event).unwrap())).collect();
    format!("printf '%s\\n' {} >>results.jsonl\n", lines.join(" "))
}

/// A script line that imitates output of the kernel.
pub fn print(line: &str) -> String {
    format!("printf '%s\\r\\n' '{line}' >>console.log\n")
}

/// The events of a whole run.
pub fn events(steps: usize) -> Vec<Event> {
    let begin = Event::Begin { protocol: PROTOCOL, release: "6.1.0".into(), version: "#1 SMP".into() };
    let boot = Event::Boot { base: None, records: vec![record("Linux version 6.1.0")] };
    let step = |index| {
        let load = Load { module: format!("m{index}"), errno: 0, live: true, btf: None };
        Event::Step { index, load, records: vec![record(r"BPF: \x09 type_id=28")] }
    };
    [begin, boot].into_iter().chain((0..steps).map(step)).chain([Event::End { steps, records: vec![] }]).collect()
}

fn record(text: &str) -> Record {
    Record { seq: 1, us: 2, level: 3, text: text.to_owned() }
}

/// Whether the process whose id is in `file` is alive. A killed process may need a moment to disappear.
pub fn is_alive(file: &Path) -> bool {
    let pid = fs::read_to_string(file).unwrap();
    let stat = PathBuf::from("/proc").join(pid.trim()).join("stat");
    (0..200).all(|_| {
        thread::sleep(Duration::from_millis(5));
        // A zombie is dead; only its parent has not noticed yet.
        fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
    })
}

//! PID 1 in the virtual machine: loads what the plan says and reports.
//!
//! It is the only program in the guest. It mounts what it needs, follows `/plan.json`, writes one event a line to the
//! second serial port and asks QEMU to exit with a code of its own. Nothing it meets ends it in silence: an error and a
//! panic alike become [`Event::Failed`] and the exit code for a run that failed.

mod exit;
mod failure;
mod kmsg;
mod results;
mod steps;
mod sysfs;

use std::path::Path;
use std::time::Duration;
use std::{fs, process, thread};

use guest_protocol::{DEBUG_EXIT_DONE, DEBUG_EXIT_FAILED, Event, PLAN_PATH, PROTOCOL, Plan};
use rustix::mount::{MountFlags, mount};

use crate::failure::Failure;
use crate::kmsg::Kmsg;
use crate::results::Results;

/// How long a module's deferred work gets to speak before the last records are read.
const SETTLE: Duration = Duration::from_millis(100);

fn main() {
    if process::id() != 1 {
        eprintln!(
            "guest-init: this program mounts file systems and ends the machine: it runs as PID 1 of a guest only"
        );
        process::exit(2);
    }
    std::panic::set_hook(Box::new(|panic| fail(&format!("PID 1 panicked: {panic}"))));
    match mount_all().and_then(|()| run()) {
        Ok(()) => exit::exit_vm(DEBUG_EXIT_DONE),
        Err(failure) => fail(&failure.to_string()),
    }
}

/// Mounts the kernel's own file systems.
fn mount_all() -> Result<(), Failure> {
    for (kind, target) in [("devtmpfs", "/dev"), ("proc", "/proc"), ("sysfs", "/sys")] {
        fs::create_dir_all(target).map_err(|error| format!("failed to create {target}: {error}"))?;
        mount(kind, target, kind, MountFlags::empty(), None)
            .map_err(|error| format!("failed to mount {kind} on {target}: {error}"))?;
    }
    Ok(())
}

/// Follows the plan from begin to end.
fn run() -> Result<(), Failure> {
    let mut results = Results::open()?;
    let uname = rustix::system::uname();
    results.send(&Event::Begin {
        protocol: PROTOCOL,
        release: uname.release().to_string_lossy().into_owned(),
        version: uname.version().to_string_lossy().into_owned(),
    })?;
    let plan = read_plan()?;
    let mut kmsg = Kmsg::open()?;
    let base = sysfs::btf(Path::new("/sys"), "vmlinux")?;
    results.send(&Event::Boot { base, records: kmsg.drain()? })?;
    for (index, step) in plan.steps.iter().enumerate() {
        let load = steps::execute(step)?;
        results.send(&Event::Step { index, load, records: kmsg.drain()? })?;
    }
    thread::sleep(SETTLE);
    results.send(&Event::End { steps: plan.steps.len(), records: kmsg.drain()? })?;
    results.drain()
}

/// Reads the plan and checks that it is of this guest's protocol.
fn read_plan() -> Result<Plan, Failure> {
    let json = fs::read(PLAN_PATH).map_err(|error| format!("failed to read {PLAN_PATH}: {error}"))?;
    let plan: Plan =
        serde_json::from_slice(&json).map_err(|error| format!("failed to understand {PLAN_PATH}: {error}"))?;
    if plan.protocol == PROTOCOL {
        Ok(plan)
    } else {
        Err(format!("the plan is of protocol {}, this guest speaks {PROTOCOL}: rebuild guest-init", plan.protocol)
            .into())
    }
}

/// Reports why the plan failed to be followed, on the console as well, and ends the machine.
fn fail(message: &str) -> ! {
    eprintln!("guest-init: {message}");
    let reported = Results::open().and_then(|mut results| {
        results.send(&Event::Failed { message: message.to_owned() })?;
        results.drain()
    });
    if let Err(error) = reported {
        eprintln!("guest-init: {error}");
    }
    exit::exit_vm(DEBUG_EXIT_FAILED)
}

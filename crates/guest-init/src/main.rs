//! PID 1 in the virtual machine: loads what the plan says and reports.
//!
//! It is the only program in the guest. It mounts what it needs, follows `/plan.json`, writes one event a line to the
//! second serial port and asks QEMU to exit with a code of its own. Nothing it meets ends it in silence: an error and a
//! panic alike become [`Event::Failed`] and the exit code for a run that failed.

mod steps;

use std::path::Path;
use std::time::Duration;
use std::{fs, process, thread};

use guest_init::failure::Failure;
use guest_init::kmsg::Kmsg;
use guest_init::results::Results;
use guest_init::{exit, start, sysfs};
use guest_protocol::{DEBUG_EXIT_DONE, Event, PLAN_PATH, PROTOCOL, Plan};

/// How long a module's deferred work gets to speak before the last records are read.
const SETTLE: Duration = Duration::from_millis(100);

fn main() {
    if process::id() != 1 {
        eprintln!(
            "guest-init: this program mounts file systems and ends the machine: it runs as PID 1 of a guest only"
        );
        process::exit(2);
    }
    start::report_panics();
    match start::mount_all().and_then(|()| run()) {
        Ok(()) => exit::exit_vm(DEBUG_EXIT_DONE),
        Err(failure) => start::fail(&failure.to_string()),
    }
}

/// Follows the plan from begin to end.
fn run() -> Result<(), Failure> {
    let mut results = Results::open()?;
    results.send(&start::begin())?;
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
